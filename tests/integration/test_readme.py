"""The README stays true: each command in it is run here, or named here with the test that runs it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/edge-daemon replay"
ELSEWHERE = {
    "tests/run": "runs this very test",
    "edge-daemon devices": "tests/integration/test_devices.py, with a sound card",
    "edge-daemon config check": "tests/integration/test_devices.py and test_mosquitto.py, with the real parts",
    "edge-daemon run": "tests/integration/live",
    "mkfifo hydrophone": "tests/integration/test_readme_pipe.py",
    "ffmpeg": "tests/integration/test_readme_pipe.py",
    "edge-daemon shore check": "tests/integration/shore/test_station.py, with a broker",
    "edge-daemon shore run": "tests/integration/shore/test_station.py, with a broker",
    "pip install '.[shore]'": "what tests/run does first, with extra test",
    "edge-daemon watch": "tests/integration/test_subscriber_guide.py, with a broker",
    "pip install '.[train]'": "what tests/run does first",
}


def commands() -> list[str]:
    """Lines of all `sh` blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def environment() -> dict[str, str]:
    """This environment's programs first, the project's training side within reach."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_first_command_sets_up_and_finds_the_calls(tmp_path: Path) -> None:
    assert FIRST in commands()
    tree = tmp_path / "clone"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    clean = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}} | {"COLUMNS": "120"}
    done = subprocess.run(["bash", "-ec", FIRST], cwd=tree, env=clean, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 detections in 1 recording" in done.stdout
    # what the README shows is what a run prints, but for the speed of the machine
    shown = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    speed = re.compile(r"[\d,.]+ × real time")
    plain = [speed.sub("", line).rstrip() for line in done.stdout.splitlines() if "sample" in line or "det" in line]
    told = [speed.sub("", line).rstrip() for line in shown.group(1).splitlines() if "sample" in line or "det" in line]
    assert [line for line in plain if line in told] == told
    packages = subprocess.run(
        [tree / ".venv/bin/pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    assert "torch" not in packages
    assert "scipy" not in packages


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_other_command_runs_in_order(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    shutil.copy(ROOT / "edge_daemon/assets/sample.flac", tmp_path / "recordings/5678.200910153045.flac")
    ran = 0
    for command in commands():
        if command == FIRST or any(command.startswith(start) for start in ELSEWHERE):
            continue
        words = shlex.split(command)
        assert words[0] in {"edge-daemon", "python"}, f"say in this test how {command!r} is tested"
        done = subprocess.run(words, cwd=tmp_path, env=environment(), check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran >= 9
    names = {path.name for path in (tmp_path / "found").rglob("*")}
    assert {"detections.csv", "detections.jsonl", "scores.csv"} <= names


@pytest.mark.parametrize("start", ELSEWHERE)
def test_what_is_run_elsewhere_is_still_in_the_readme(start: str) -> None:
    assert any(command.startswith(start) for command in commands())
