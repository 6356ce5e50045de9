"""The guide for authors of backends: its listings are a plug-in that conforms."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import edge_daemon
from edge_daemon.config import load_text

GUIDE = Path(edge_daemon.__file__).parent / "backends" / "GUIDE.md"


def listing(language: str) -> str:
    """The guide's one listing in that language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


@pytest.mark.slow
def test_the_listed_plugin_conforms(tmp_path: Path) -> None:
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").touch()
    (tmp_path / "my_package" / "backend.py").write_text(listing("python"))
    about = tmp_path / "my_chip-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-chip\nVersion: 0.1\n")
    points = listing("toml").replace('[project.entry-points."edge_daemon.backends"]', "[edge_daemon.backends]")
    (about / "entry_points.txt").write_text(points.replace('"', ""))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(GUIDE.parent.parent.parent)])}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)

    kit = call("edge_daemon.backends.conformance", "mychip")
    assert "mychip conforms: 15 of 15 checks passed." in kit.stdout, kit.stdout + kit.stderr
    refused = call("edge_daemon.backends.conformance", "mychip", "--options", '{"board": 7}')
    assert "There is no board 7. Boards are 0 to 3." in refused.stdout
    assert "mychip    my-chip 0.1: ready (options: board)" in call("edge_daemon", "backends").stdout


def test_the_listed_configuration_loads() -> None:
    assert load_text(f"version: 1\n{listing('yaml')}".encode()).config.backend.worker is True


def test_files_that_the_guide_names_are_there() -> None:
    root = GUIDE.parent.parent.parent
    named = re.findall(r"`((?:edge_daemon|tests|docs)/[\w./-]+)`", GUIDE.read_text(encoding="utf-8"))
    assert named
    for name in named:
        assert (root / name).exists(), name
