"""The history of a running daemon: entries wait in memory until the thread of the disk writes them.

`put` and `mark_delivered` touch memory alone. A power cut takes what was put within the last `commit_within_s` seconds.
The outbox, which is written at its own pace, keeps a message as long as it is among `pending`, and the next start finds
it there (`live/history_keeper`): so no detection that was ever on disk is missing. While the disk fails, at most
`HOLD_ROWS` entries wait, and what is dropped is counted.

Two bounds keep the file small: entries older than `keep_s` go, if the clock is believed, and beyond `max_bytes` those
that came first.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.table import (
    SCHEMA,
    VERSION,
    HistoryFilter,
    insert,
    known,
    last_place,
    mark_delivered,
    move_undated,
    remove_before,
    remove_oldest,
    select,
    select_one,
    used_bytes,
)
from edge_daemon.storage.connection import open_to_read, unreadable
from edge_daemon.storage.database import Database
from edge_daemon.storage.database_report import DatabaseReport

HOLD_ROWS = 2000
"""Entries that wait in memory at most."""
COMMIT_ROWS = 100
"""Entries, or marks on them, that wait at most before `tick` writes them."""


class BoardHistory:
    """Entries on disk; safe to use from any thread.

    Args:
        path: the SQLite file.
        time: the clocks.
        rng: jitter of the waiting after a failure of the disk.
        keep_s: age beyond which `prune` removes an entry, seconds.
        max_bytes: size beyond which the first entries go.
        commit_within_s: seconds that an entry waits at most before `tick` writes it.

    Attributes:
        keep_s, max_bytes: the bounds; may be replaced at any time.
        dropped: entries given up because the disk failed too long.
    """

    def __init__(
        self,
        path: Path,
        *,
        time: TimeSource,
        rng: random.Random,
        keep_s: float,
        max_bytes: int,
        commit_within_s: float = 10.0,
    ) -> None:
        self._database = Database(path, SCHEMA, version=VERSION, time=time, rng=rng)
        self._time, self.keep_s, self.max_bytes = time, keep_s, max_bytes
        self._within_ns = round(commit_within_s * SECOND_NS)
        self._disk = threading.Lock()  # one commit at a time; taken before _memory, never after it
        self._memory = threading.Lock()  # held for moments only
        self._held: dict[str, HistoryEntry] = {}
        self._delivered: dict[str, None] = {}
        self._due_ns: int | None = None
        self._before_us: int | None = None  # place of the last entry of former starts; None until the first commit
        self._moved_ns = 0  # by how much what is on disk is to be moved
        self.dropped = 0

    def put(self, entry: HistoryEntry) -> None:
        """Accept an entry; the same id twice is one entry."""
        with self._memory:
            self._held.setdefault(entry.id, entry)
            if len(self._held) > HOLD_ROWS:
                del self._held[next(iter(self._held))]
                self.dropped += 1
            self._wait()

    def mark_delivered(self, name: str) -> None:
        """The broker has the message of this id, whatever it is of."""
        with self._memory:
            self._delivered[name] = None
            if len(self._delivered) > HOLD_ROWS:
                del self._delivered[next(iter(self._delivered))]
            self._wait()

    def clock_was_set(self, jump_ns: int) -> None:
        """A clock that did not know the time was set: what it has dated since the start is moved by as much."""
        with self._memory:
            self._moved_ns += jump_ns
            for name, entry in self._held.items():
                if entry.clock == "unsynchronised":
                    self._held[name] = entry.moved(jump_ns)
            self._wait()

    def _wait(self) -> None:
        if self._due_ns is None:
            self._due_ns = self._time.monotonic_ns() + self._within_ns

    def tick(self) -> bool:
        """Write if it is due; returns False if it was due and failed."""
        with self._memory:
            due = self._due_ns is not None and self._time.monotonic_ns() >= self._due_ns
            many = len(self._held) + len(self._delivered) >= COMMIT_ROWS
        return self.commit() if due or many else True

    def commit(self, *, force: bool = False) -> bool:
        """Write what waits; True if all that was put before the call is on disk now."""
        with self._disk:
            with self._memory:
                held, delivered, moved_ns = list(self._held.values()), list(self._delivered), self._moved_ns
            if not (held or delivered or moved_ns):
                return True

            def write(connection: sqlite3.Connection) -> int:
                before = last_place(connection) if self._before_us is None else self._before_us
                if moved_ns:
                    move_undated(connection, before, moved_ns)
                insert(connection, held)
                mark_delivered(connection, delivered)
                if used_bytes(connection) > self.max_bytes:
                    remove_oldest(connection)
                return before

            try:
                self._before_us = self._database.transact(write, force=force)
            except StorageError:
                return False
            with self._memory:
                self._moved_ns -= moved_ns
                for entry in held:
                    if self._held.get(entry.id) is entry:  # else it was moved meanwhile, and is written again
                        del self._held[entry.id]
                for name in delivered:
                    self._delivered.pop(name, None)
                self._due_ns = self._time.monotonic_ns() + self._within_ns if self._held or self._delivered else None
            return True

    def prune(self, utc_ns: int) -> None:
        """Remove what is too old; call it only while the clock knows the time."""
        with self._disk, contextlib.suppress(StorageError):
            while self._database.transact(lambda c: remove_before(c, utc_ns - round(self.keep_s * SECOND_NS))):
                pass

    def entries(self, wanted: HistoryFilter) -> Sequence[HistoryEntry]:
        """Entries on disk and in memory, in order of their begin.

        Raises:
            StorageError: the file cannot be read now.
        """
        with self._disk:
            found = {entry.id: entry for entry in self._database.read(lambda c: list(select(c, wanted)))}
            with self._memory:
                found |= {name: entry for name, entry in self._held.items() if _fits(entry, wanted)}
        return sorted(found.values(), key=lambda entry: entry.begin_utc_ns)

    def unknown(self, names: Sequence[str]) -> set[str]:
        """Those of these ids that the history on disk does not have.

        Raises:
            StorageError: the file cannot be read now.
        """
        with self._disk:
            return set(names) - self._database.read(lambda c: known(c, names))

    def pending(self) -> AbstractSet[str]:
        """Ids of entries that are not on disk as they are."""
        with self._memory:
            return self._held.keys() | self._delivered.keys()

    def entry(self, name: str) -> HistoryEntry | None:
        """The entry of this id, on disk or in memory; None without one.

        Raises:
            StorageError: the file cannot be read now.
        """
        with self._memory:
            held = self._held.get(name)
        if held is not None:
            return held
        with self._disk:
            return self._database.read(lambda c: select_one(c, name))

    @property
    def unsaved(self) -> int:
        """Entries that are in memory only."""
        with self._memory:
            return len(self._held)

    def report(self) -> DatabaseReport:
        """How the file is, without touching the disk."""
        return self._database.report()

    def close(self) -> bool:
        """Write what waits and close the file; True if nothing is left in memory."""
        done = self.commit(force=True)
        self._database.close()
        return done


@contextlib.contextmanager
def open_history(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a history for reading only, while the daemon goes on writing it.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    hint = "Give the daemon's history with --database, or its file with --config."
    probe = "SELECT id, document, delivered FROM entry LIMIT 0"
    with contextlib.closing(open_to_read(path, probe, "history", hint)) as connection:
        try:
            yield connection
        except sqlite3.Error as error:
            raise unreadable(path, "history", error) from error


def _fits(entry: HistoryEntry, wanted: HistoryFilter) -> bool:
    return (
        entry.kind == wanted.kind
        and wanted.since_ns <= entry.begin_utc_ns < wanted.until_ns
        and (wanted.least_score is None or (entry.score is not None and entry.score >= wanted.least_score))
        and (wanted.delivered is None or entry.delivered == wanted.delivered)
    )
