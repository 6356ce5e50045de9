"""The page's unit: well formed, hardened, as small as the daemon, and waiting for nothing that may be gone."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge_daemon.history.table import SCHEMA
from tests.integration.unit_file import UNITS, check_exposure, check_form

UNIT = UNITS / "edge-daemon-page.service"


def test_exposure_is_low() -> None:
    check_exposure(UNIT)


def test_it_is_well_formed(tmp_path: Path) -> None:
    check_form(UNIT, "/opt/edge-daemon/venv/bin/python", tmp_path)


def test_it_waits_for_nothing_that_may_be_gone_and_writes_nothing() -> None:
    text = UNIT.read_text()
    assert not re.search(r"^(Requires\w*|BindsTo|Requisite|ReadWritePaths|StateDirectory)=", text, re.MULTILINE)
    assert re.findall(r"^(?:Load|Set)Credential=([\w-]+):", text, re.MULTILINE) == ["page-password"] * 2


def test_it_is_as_frugal_as_the_daemon() -> None:
    daemon = (UNITS / "edge-daemon.service").read_text()
    settings = re.findall(r"^Environment=((?:MALLOC|PYTHON)\w+=\d+)$", daemon, re.MULTILINE)
    assert len(settings) == 3
    assert [one for one in settings if f"Environment={one}" not in UNIT.read_text()] == []


@pytest.mark.long
def test_a_history_in_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    """As in the unit, where the daemon's folder is read-only, with the daemon at work and without."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare")
    program = (
        "import subprocess, sys; from pathlib import Path; from edge_daemon.page.board_history import open_board\n"
        "folder = sys.argv[1]; mount = lambda *words: subprocess.run(['mount', *words], check=True)\n"
        "mount('--bind', folder, folder); mount('-o', 'remount,ro,bind', folder)\n"
        "with open_board(Path(folder)) as found: print(found.execute('SELECT count(*) FROM entry').fetchone()[0])"
    )
    words = ["unshare", "--mount", sys.executable, "-c", program, str(tmp_path)]
    with closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SCHEMA)
        connection.execute("INSERT INTO entry VALUES (NULL, 'a', 'detection', 1, 2, '', '{}', 0.5, 0, NULL, 0)")
        connection.commit()
        at_work = subprocess.run(words, capture_output=True, text=True, check=False)
        assert at_work.stdout == "1\n", at_work.stderr
    assert not (tmp_path / "history.db-wal").exists()
    alone = subprocess.run(words, capture_output=True, text=True, check=False)
    assert alone.stdout == "1\n", alone.stderr
