"""`edge-daemon page`: what it refuses, and in which words."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from edge_daemon.cli import invoke

ROOT = str(Path(__file__).parents[3])


def config(folder: Path, **page: object) -> str:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "page": {"enabled": True, "port": 0, **page}}))
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = invoke(["page", *words])
    return code, capsys.readouterr().err


def test_a_page_that_is_off_says_how_to_switch_it_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, config(tmp_path, enabled=False))
    assert code == 2
    assert "page.enabled is false" in told
    assert "restart the daemon" in told


def test_an_absent_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, str(tmp_path / "absent.yaml"))[0] == 2


def test_others_may_come_with_a_password_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, config(tmp_path, address="0.0.0.0"))  # noqa: S104 that is the point
    assert code == 2
    assert "there is no password" in told
    assert "SSH tunnel" in told


def test_a_credential_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, config(tmp_path, password_credential="page-password"))  # noqa: S106 its name
    assert code == 2
    assert "page.password_credential" in told
    assert "config.yaml:" in told


def test_a_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = refused(capsys, config(tmp_path, port=taken.getsockname()[1]))
    assert code == 2
    assert "Address already in use" in told
    assert "Does the page run already" in told


def test_nothing_of_the_current_folder_is_run(tmp_path: Path) -> None:
    """As when it is installed and called from a folder that somebody else has filled."""
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("json", "selectors", "http", "edge_daemon"):
        (evil / f"{name}.py").write_text("raise SystemExit('the current folder was looked into')\n")
    script = tmp_path / "edge-daemon"  # as pip makes it
    script.write_text("from edge_daemon.cli import main\nmain()\n")
    words = [sys.executable, str(script), "page", config(tmp_path)]
    with subprocess.Popen(words, cwd=evil, env=os.environ | {"PYTHONPATH": ROOT}, stdout=subprocess.PIPE) as page:
        assert page.stdout is not None
        url = page.stdout.readline().decode().split()[-1]
        try:
            with urllib.request.urlopen(f"{url}live", timeout=60) as answer:  # noqa: S310 - on loopback
                assert b"waterfall" in answer.read()
        finally:
            page.terminate()
    assert page.returncode == 0
