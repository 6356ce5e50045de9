"""The modeller's guide stays true: its commands are run in order, in a folder with nothing but the sample."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT
from tests.integration.test_readme import environment

ELSEWHERE = (
    "python -m train sweep",  # tests/train/test_sweep.py, on a small grid: the real one takes an hour
    "python -m train ocean",  # tests/train/ocean/test_kinds.py, for seconds: an hour of each kind takes minutes
    "python -m train evaluate",  # tests/train/evaluation/test_evaluate.py, with recordings
    # tests/train/test_folds_of_recordings.py, with a mixture
    "python -m train fit --data bay.yaml",
    "python -m train calibrate",
    # tests/train/test_fine_tuning.py, with windows of the synthetic ocean
    "python -m train fit --from",
    "python -m export runs/own ",
)


def commands() -> list[str]:
    """Lines of all `sh` blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/modeller.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_commands_run_in_order(tmp_path: Path) -> None:
    (tmp_path / "edge_daemon/assets").mkdir(parents=True)
    shutil.copy(ROOT / "edge_daemon/assets/sample.flac", tmp_path / "edge_daemon/assets")
    ran = 0
    for command in commands():
        if command.startswith(ELSEWHERE):
            continue
        done = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment(), check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran >= 11
    assert (tmp_path / "runs/judged/random-roc.png").exists()
    assert (tmp_path / "runs/raster.png").exists()
    assert "0.8" in (tmp_path / "runs/careful.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("grid", ["reduced_1d", "reduced_2d", "study_1d", "study_2d"])
def test_grids_that_the_guide_names_exist(grid: str) -> None:
    assert (ROOT / "train/grids" / f"{grid}.yaml").is_file()
