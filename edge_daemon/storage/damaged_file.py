"""A damaged database file, or one of another version, makes way for a fresh one with all that could be read of it.

The rows are copied first, into a file beside it; then the damaged one is set aside under its own name with the time,
and the copy takes its place. So a power cut at any moment leaves one of the two under a known name, and a full disk
leaves the damaged file where it is, to be tried again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.storage import other_version
from edge_daemon.storage.connection import connect
from edge_daemon.storage.rescue import SIDECARS, remove
from edge_daemon.storage.salvage import salvage

_FRESH = ".fresh"
_KEEP = 5  # damaged files; older ones give way


@dataclass(frozen=True, slots=True)
class MadeFresh:
    """What became of a file.

    Attributes:
        path: where it is kept.
        salvaged: rows that were copied out of it.
    """

    path: Path
    salvaged: int


def set_aside(path: Path, version: int, utc_ns: int, open_file: Callable[[Path], sqlite3.Connection]) -> MadeFresh:
    """Put a copy of what can be read of a file into its place.

    Args:
        path: the file; nobody has it open.
        version: that its schema should have.
        utc_ns: now.
        open_file: opens or makes a database of the right schema.

    Raises:
        sqlite3.Error: the copy cannot be written.
        OSError: likewise; in both cases the file is where it was.
    """
    fresh = path.with_name(path.name + _FRESH)
    remove(fresh)
    moment = datetime.fromtimestamp(utc_ns / SECOND_NS, UTC).strftime("%Y%m%dT%H%M%SZ")
    with contextlib.closing(open_file(fresh)) as new, contextlib.closing(connect(path)) as old:
        made = _copied(old, new, path, version, moment)
    for suffix in SIDECARS:  # the file first: while it is there, the copy does not count
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(made.path.with_name(made.path.name + suffix))
    take_fresh(path)
    return made


def take_fresh(path: Path) -> None:
    """Put the copy of a damaged file into its place, now or after a power cut between the two renamings."""
    fresh = path.with_name(path.name + _FRESH)
    if not path.exists() and fresh.exists():
        for suffix in SIDECARS[1:]:  # a log of the damaged file; SQLite would play it into the copy
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        fresh.rename(path)


def make_room(path: Path, newest: Path) -> None:
    """Remove damaged files of this name beyond the newest few."""
    kept = [
        file
        for file in path.parent.glob(f"{path.name}.damaged-*")
        if file != newest and not file.name.endswith(("-wal", "-shm"))
    ]
    kept.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in kept[_KEEP - 1 :]:
        remove(file)


def _copied(old: sqlite3.Connection, new: sqlite3.Connection, path: Path, version: int, moment: str) -> MadeFresh:
    """Copy the rows; says where the old file is to be kept."""
    found = other_version.version_of(old)
    another = found not in (0, version)
    if another:
        other_version.number_above(old, new)
    try:
        salvaged = salvage(old, new)
    finally:
        if new.in_transaction:
            new.execute("ROLLBACK")
    if another:
        left = max(0, other_version.rows(old) - salvaged)
        return MadeFresh(other_version.aside(path, found, moment, left), salvaged)
    return MadeFresh(other_version.free(path.with_name(f"{path.name}.damaged-{moment}")), salvaged)
