"""The station's unit: well formed, hardened, and waiting for nothing that may be gone."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.unit_file import UNITS, check_exposure, check_form

UNIT = UNITS / "edge-daemon-shore.service"


def test_exposure_is_low() -> None:
    check_exposure(UNIT)


def test_it_is_well_formed(tmp_path: Path) -> None:
    check_form(UNIT, "/opt/edge-daemon-shore/venv/bin/python", tmp_path)


def test_it_waits_for_nothing_that_may_be_gone() -> None:
    text = UNIT.read_text()
    assert not re.search(r"^(Requires\w*|BindsTo|Requisite)=", text, re.MULTILINE)
    assert re.findall(r"^(?:Load|Set)Credential=([\w-]+):", text, re.MULTILINE) == ["mqtt-password"] * 2
