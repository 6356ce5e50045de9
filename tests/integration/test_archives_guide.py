"""The guide for archives stays true: its commands are run in order, in a folder with two recordings."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import soundfile

from tests.integration.conftest import ROOT
from tests.integration.test_readme import environment

pytestmark = pytest.mark.slow


def test_the_commands_run_in_order(tmp_path: Path) -> None:
    sound, rate = soundfile.read(ROOT / "edge_daemon/assets/sample.flac")
    (tmp_path / "recordings").mkdir()
    soundfile.write(tmp_path / "recordings/one.wav", sound, rate)
    soundfile.write(tmp_path / "recordings/20200101_000000.flac", sound[: 20 * rate], rate)
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/archives.md").read_text(encoding="utf-8"), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    for command in commands:
        done = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment(), check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert len(commands) == 4
    found, both = ((tmp_path / name / "detections.csv").read_text() for name in ("found", "both"))
    assert found.count("\n") == both.count("\n") > 5
    assert not (tmp_path / "found/.replay").exists()
