"""What holds for each of our units of systemd, by its own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
EXPOSURE = 2.0


def analyse(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`systemd-analyze` with these words; skips the test where there is none."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def check_exposure(unit: Path) -> None:
    """Its exposure is at most `EXPOSURE`."""
    found = analyse("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE * 10:.0f}", unit)
    level = re.search(rf"exposure level for {re.escape(unit.name)}: ([\d.]+)", found.stdout)
    assert level is not None, found.stderr
    assert float(level[1]) <= EXPOSURE


def check_form(unit: Path, python: str, folder: Path) -> None:
    """It is well formed, with the interpreter in it, which may not be there, replaced."""
    copy = folder / unit.name
    copy.write_text(unit.read_text().replace(python, "/bin/true"))
    found = analyse("verify", copy)
    assert found.returncode == 0, found.stderr
    assert unit.name not in found.stderr, found.stderr
