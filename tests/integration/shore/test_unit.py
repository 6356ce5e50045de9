"""The station's unit: well formed, hardened, and waiting for nothing that may be gone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "systemd" / "edge-daemon-shore.service"
EXPOSURE = 2.0


def analyse(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def test_exposure_is_low() -> None:
    found = analyse("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE * 10:.0f}", UNIT)
    level = re.search(r"exposure level for edge-daemon-shore\.service: ([\d.]+)", found.stdout)
    assert level is not None, found.stderr
    assert float(level[1]) <= EXPOSURE


def test_it_is_well_formed(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/edge-daemon-shore/venv/bin/python", "/bin/true"))
    found = analyse("verify", copy)
    assert found.returncode == 0, found.stderr
    assert UNIT.name not in found.stderr, found.stderr


def test_it_waits_for_nothing_that_may_be_gone() -> None:
    text = UNIT.read_text()
    assert not re.search(r"^(Requires\w*|BindsTo|Requisite)=", text, re.MULTILINE)
    assert re.findall(r"^(?:Load|Set)Credential=([\w-]+):", text, re.MULTILINE) == ["mqtt-password"] * 2
