"""The library does to a program what it is told to, below its folder and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
Faults = Callable[[Path], Any]


def python(faults: Any, program: str, *arguments: object) -> str:
    """What a Python program prints under the library."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, **faults.environment}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


WRITE = """
import os, sys
try:
    with open(sys.argv[1], "wb", buffering=0) as file:
        file.write(b"sound")
        os.fsync(file.fileno())
    print("stored")
except OSError as error:
    print(error.strerror)
"""
SQLITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
try:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (value)")
    print("stored")
except sqlite3.OperationalError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        ("write", "ENOSPC", "No space left on device"),
        ("write", "EIO", "Input/output error"),
        ("fsync", "EIO", "Input/output error"),
        ("create", "ENOSPC", "No space left on device"),
        ("open", "EACCES", "Permission denied"),
    ],
)
def test_errors(make_faults: Faults, tmp_path: Path, call: str, error: str, told: str) -> None:
    (tmp_path / "card").mkdir()
    faults = make_faults(tmp_path / "card")
    faults.let(call, error)
    assert python(faults, WRITE, tmp_path / "card" / "clip") == told
    assert python(faults, WRITE, tmp_path / "elsewhere") == "stored"
    faults.mend()
    assert python(faults, WRITE, tmp_path / "card" / "clip") == "stored"


def test_files_that_are_there_need_no_inode(make_faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"")
    faults = make_faults(tmp_path)
    faults.let("create", "ENOSPC")
    assert python(faults, WRITE, tmp_path / "clip") == "stored"


def test_sqlite_goes_through_it(make_faults: Faults, tmp_path: Path) -> None:
    faults = make_faults(tmp_path)
    faults.let("fsync", "EIO")
    assert python(faults, SQLITE, tmp_path / "o.db") == "disk I/O error"
    faults.mend()
    assert python(faults, SQLITE, tmp_path / "o.db") == "stored"


def test_what_hangs_goes_on_when_mended(make_faults: Faults, tmp_path: Path) -> None:
    faults = make_faults(tmp_path)
    faults.let("fsync", "hang")
    program = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "clip")],
        env={**os.environ, **faults.environment}, stdout=subprocess.PIPE,
    )  # fmt: skip
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(2)
    faults.mend("fsync")
    told, _ = program.communicate(timeout=60)
    assert told.strip() == b"stored"


def test_a_false_clock(make_faults: Faults, tmp_path: Path) -> None:
    faults = make_faults(tmp_path)
    asked = "import time; print(time.time(), time.monotonic())"
    faults.let("clock", str(3 * 365 * 86_400))
    utc, monotonic = map(float, python(faults, asked).split())
    assert utc - time.time() == pytest.approx(94_608_000, abs=60)
    assert abs(monotonic - time.monotonic()) < 60  # the other clock is left alone
    faults.let("clock", "-86400.5")
    utc, _ = map(float, python(faults, asked).split())
    assert utc - time.time() == pytest.approx(-86_400.5, abs=60)


@pytest.mark.parametrize("synchronised", [True, False])
def test_what_the_kernel_says_of_its_clock(make_faults: Faults, tmp_path: Path, synchronised: bool) -> None:
    faults = make_faults(tmp_path)
    faults.let("kernel", "synchronised" if synchronised else "unsynchronised")
    asked = "from edge_daemon.clock.synchronisation import AdjtimexClock as A; print(A().read().synchronised)"
    assert python(faults, asked) == str(synchronised)
