"""The outbox's file: what is written in one transaction, and what is read of it."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from edge_daemon.clock.time_source import TimeSource
from edge_daemon.outbox import table
from edge_daemon.outbox.mailbox import Order
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.waiting import OutboxChanges
from edge_daemon.storage.database import Database
from edge_daemon.storage.database_report import DatabaseReport


class Written(NamedTuple):
    """What a transaction did.

    Attributes:
        status: of the file after it.
        dropped: messages that were given up.
    """

    status: table.Status
    dropped: list[Message]


class OutboxFile:
    """Messages, promises and counts of drops on disk; its callers take turns.

    All of its methods raise `StorageError` where the disk fails, but `report` and `moved`.

    Args:
        path: the SQLite file.
        time: the clocks.
        rng: jitter of the waiting after a failure.
    """

    def __init__(self, path: Path, time: TimeSource, rng: random.Random) -> None:
        self._database = Database(path, table.SCHEMA, version=table.VERSION, time=time, rng=rng)

    @property
    def moved(self) -> bool:
        """Whether the open file is no longer the one of its name; asks the disk."""
        return self._database.moved

    def report(self) -> DatabaseReport:
        """How the file is, without touching the disk."""
        return self._database.report()

    def write(self, changes: OutboxChanges, depth: int, max_rows: int, *, force: bool) -> Written:
        """Write changes, and make room.

        Args:
            changes: all that is to be written.
            depth: rows after the last transaction; those that are missing since were lost to damage.
            max_rows: rows that may stay.
            force: try even while waiting after a failure.
        """

        def work(connection: sqlite3.Connection) -> Written:
            lost = max(0, depth - table.status(connection).depth)  # nobody else writes
            table.insert(connection, (*changes.held, *changes.late))
            table.mark_sent(connection, changes.sent)
            table.insert_promises(connection, changes.promises)
            table.delete(connection, changes.gone)
            table.delete_promises(connection, changes.settled)
            table.count_drops(connection, changes.drops + Counter({("unknown", "damaged"): lost}))
            dropped = table.make_room(connection, max_rows, changes.under_way)
            return Written(table.status(connection), dropped)

        return self._database.transact(work, force=force)

    def expire(self, before_ns: int, under_way: AbstractSet[str]) -> Written:
        """Drop what was made before a moment (UTC in ns) and is not under way."""

        def work(connection: sqlite3.Connection) -> Written:
            dropped = table.drop_expired(connection, before_ns, under_way)
            return Written(table.status(connection), dropped)

        return self._database.transact(work)

    def select(
        self, limit: int, order: Order, skip: AbstractSet[str], backing_off: AbstractSet[int | str] = frozenset()
    ) -> list[tuple[Message, bool]]:
        """The first messages, each with whether its bytes are those written; see `table.select`."""
        return self._database.read(lambda connection: table.select(connection, limit, order, skip, backing_off))

    def newest(self, kind: str, most: int) -> list[Message]:
        """Sound messages of a kind, newest first."""
        return self._database.read(lambda connection: table.newest(connection, kind, most))

    def sent(self) -> list[str]:
        """Ids of messages that are marked as sent."""
        return self._database.read(table.sent)

    def promises(self) -> dict[str, str]:
        """Promises: name, and id of the message."""
        return self._database.read(table.promises)

    def close(self) -> None:
        """Close it; the next use opens it again."""
        self._database.close()
