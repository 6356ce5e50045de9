"""An SQLite database that power loss, rot, a full disk or a read-only disk cannot turn against the daemon.

Detections and effort live in SQLite files on an SD card. Five things go wrong there, and each has one answer:

- **Power is cut.** Write-ahead logging with `synchronous=FULL`: a transaction that returned is on the card, and a torn
  one is as if it had never begun.
- **The file is damaged** (found by `quick_check` on opening, or by SQLite while working). It is set aside under its
  own name with the time, never deleted while it is among the newest few; what can still be read is copied into a
  fresh file; work goes on; the report names the file.
- **Another version of the program wrote it.** What this one understands is taken over, and the file is kept for the
  other (`other_version`).
- **The disk is full or read-only.** The call fails with `StorageError`, the report says why, and the caller keeps
  its rows in memory. Reading goes on where SQLite can still read. On a full disk the next attempt first folds the
  write-ahead log into the file, whose room is usually enough to delete in and to write a little.
- **It heals.** A failed database is opened again after a wait that grows (`Backoff`); until then calls fail at once,
  without touching the disk.

A disk can also take a call and never return from it. That holds up the calling thread for ever; the report, which
waits for nobody, says for how long.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.storage import other_version
from edge_daemon.storage.connection import in_transaction, open_checked, primary_code
from edge_daemon.storage.damaged_file import make_room, set_aside, take_fresh
from edge_daemon.storage.database_report import DatabaseReport
from edge_daemon.storage.disk_calls import ANSWER_S
from edge_daemon.storage.read_only import why_read_only
from edge_daemon.storage.rescue import SIDECARS, move_into_place, read_in, rescue
from edge_daemon.system.backoff import Backoff, Retry

T = TypeVar("T")

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_STILL_READABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}


class Database:
    """One SQLite file, used by any thread, one transaction at a time; opened on first use.

    Args:
        path: the file; its folder is made if need be.
        schema: statements that make the tables and must do nothing where these exist.
        version: number of the schema; a file of another number is set aside, and kept for a program of that number.
        time: the clocks.
        rng: jitter of the waiting.
        backoff: waiting between attempts to open again.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        *,
        version: int,
        time: TimeSource,
        rng: random.Random,
        backoff: Backoff = Backoff(first_s=1, limit_s=60),  # noqa: B008 frozen
    ) -> None:
        self.path = path
        self._schema = schema
        self._version = version
        self._time = time
        self._retry = Retry(backoff, rng)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._log_identity: tuple[int, int] | None = None  # of the write-ahead log, as of the last transaction
        self._reason = ""
        self._set_aside: list[Path] = []
        self._salvaged = 0
        self._calling_since_ns: int | None = None  # monotonic time; None while the disk is not waited for
        self._removed = False  # the open file has no name any more; it must not be closed before its rows are safe
        self._left_behind: dict[Path, int] = {}

    def transact(self, work: Callable[[sqlite3.Connection], T], *, force: bool = False) -> T:
        """Run `work` in one transaction that is on the disk when this returns.

        Args:
            work: may run twice, if the file turns out damaged in between.
            force: try even if the wait after a failure is not over.

        Raises:
            StorageError: nothing was written; the only exception for trouble with the disk.
        """
        with self._calling():
            if self._reason and not (force or self._retry.due(self._time.monotonic_ns())):
                raise StorageError(self._reason)
            if self._reason:
                self._disconnect()  # what was opened on a read-only or failing disk stays so until opened anew
            result = self._attempt(lambda connection: in_transaction(connection, work), writes=True)
            self._log_identity = _identity(self._log)
            self._reason = ""
            self._retry.succeeded()
            return result

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads; goes on while writing fails, where SQLite can.

        Raises:
            StorageError: the database cannot be read now.
        """
        with self._calling():
            if self._connection is None and self._reason and not self._retry.due(self._time.monotonic_ns()):
                raise StorageError(self._reason)
            return self._attempt(work)

    def report(self) -> DatabaseReport:
        """How the database is; never waits for the disk, so health speaks while a card stalls."""
        reason, since_ns = self._reason, self._calling_since_ns
        called_s = 0.0 if since_ns is None else (self._time.monotonic_ns() - since_ns) / SECOND_NS
        answers = called_s <= ANSWER_S
        if not answers:
            reason = f"The disk has not answered for {called_s:.0f} s."
        state: Literal["closed", "open", "unavailable"] = (
            "unavailable" if reason else "closed" if self._connection is None else "open"
        )
        aside = tuple(self._set_aside)
        return DatabaseReport(
            state, reason, self._retry.attempts, aside, self._salvaged, answers, self._removed, self._left_behind
        )

    @property
    def moved(self) -> bool:
        """Whether the open file is no longer the one of its name; asks the disk."""
        return self._connection is not None and _identity(self.path) != self._identity

    def close(self) -> None:
        """Close the file, folding the write-ahead log into it; may be called twice, and the next use opens it again."""
        with self._calling():
            self._drop()

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        """One call at a time, and a note of when it began."""
        with self._lock:
            self._calling_since_ns = self._time.monotonic_ns()
            try:
                yield
            finally:
                self._calling_since_ns = None

    def _attempt(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = False) -> T:
        try:
            try:
                self._follow(writes=writes)
                return work(self._connected())
            except sqlite3.DatabaseError as error:
                if primary_code(error) not in _DAMAGED or self._removed:
                    raise
                self._begin_afresh()
                return work(self._connected())
        except (sqlite3.Error, OSError) as error:
            if not (isinstance(error, sqlite3.Error) and primary_code(error) in _STILL_READABLE):
                self._disconnect()
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StorageError:
        what = "was removed and cannot be made anew" if self._removed else "cannot be used"
        self._reason = f"The database {self.path} {what}: {error}. {why_read_only(self.path)}".rstrip()
        self._retry.failed(self._time.monotonic_ns())
        return StorageError(
            self._reason, "Check that the disk has free space, is writable by this user and is not failing."
        )

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            move_into_place(self.path)
            take_fresh(self.path)
            try:
                self._connection = self._open(self.path)
            except sqlite3.DatabaseError as error:
                if primary_code(error) not in _DAMAGED:
                    raise
                self._begin_afresh()
            assert self._connection is not None  # noqa: S101 for the type checker
            self._salvaged += read_in(self.path, self._connection)
            self._salvaged += other_version.take_home(self.path, self._version, self._connection)
            self._left_behind = other_version.left_behind(self.path, self._version)
            self._identity = _identity(self.path)
        assert self._connection is not None  # noqa: S101 for the type checker
        return self._connection

    def _disconnect(self) -> None:
        """Close the file, to open it anew; a removed one stays open, for nothing else has its rows."""
        with contextlib.suppress(OSError):
            self._removed = self._removed or self.moved
        if not self._removed:
            self._drop()

    def _drop(self) -> None:
        self._removed = False
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _begin_afresh(self) -> None:
        """Set the damaged file aside, and go on with a new one that has what could be read of it."""
        self._drop()
        made = set_aside(self.path, self._version, self._time.utc_ns(), self._open)
        self._set_aside.append(made.path)
        self._salvaged += made.salvaged
        self._connection = self._open(self.path)
        make_room(self.path, made.path)

    def _open(self, path: Path) -> sqlite3.Connection:
        return open_checked(path, self._schema, self._version)

    def _follow(self, *, writes: bool) -> None:
        """Begin a new file if somebody removed the open one, which SQLite would go on writing to, unseen.

        Until that succeeds, nothing is written, and what is there is read from the removed file.
        """
        if self._connection is None or not self.moved:
            return
        if not writes and self._removed and not self._retry.due(self._time.monotonic_ns()):
            return
        self._removed = True
        try:
            rescue(self._connection, self.path, self._open)
        except (sqlite3.Error, OSError) as error:
            if writes:
                raise
            self._failed(error)
            return
        self._drop()
        # SQLite leaves the log of a file that has moved, and would play it into the one that has come in its place.
        if self._log_identity is not None and _identity(self._log) == self._log_identity:
            for suffix in SIDECARS[1:]:
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (status.st_dev, status.st_ino)
