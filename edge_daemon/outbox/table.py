"""The outbox's tables: one row per message not yet done with, one per message of these that is marked as sent, one
count per kind and reason of a drop, one row per promise that is neither kept nor taken back.

What is marked as sent waits for the history alone: it is not selected, not counted, and no bound drops it. The mark has
a table of its own, of which a hundred rows are one page: so it finds room on a full disk, and an older program, which
does not know it, sends the message again.

Plain functions on an open connection; transactions are the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import NamedTuple

from edge_daemon.outbox.mailbox import Order
from edge_daemon.outbox.message import Message

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival, which no step of the clock upsets
    id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_utc_ns INTEGER NOT NULL,
    dated INTEGER NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS message_order ON message (priority, seq);
CREATE TABLE IF NOT EXISTS dropped (
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (kind, reason)
);
CREATE TABLE IF NOT EXISTS promise ( -- what messages promised, which may have been sent long ago
    name TEXT PRIMARY KEY NOT NULL,
    message TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sent (
    id TEXT PRIMARY KEY NOT NULL
) WITHOUT ROWID
"""

DROPPED_AT_ONCE = 1000
"""Messages given up in one transaction at most: each is held in memory, and told, once more."""
_COLUMNS = "id, topic, payload, kind, priority, created_utc_ns, dated, crc"


class Status(NamedTuple):
    """Rows that wait, and how many were dropped by (kind, reason) since the file was made."""

    depth: int
    dropped: dict[tuple[str, str], int]


def status(connection: sqlite3.Connection) -> Status:
    """Count what waits and what was dropped."""
    depth = _unsent(connection)
    dropped = {(kind, why): count for kind, why, count in connection.execute("SELECT * FROM dropped")}
    return Status(depth, dropped)


def insert(connection: sqlite3.Connection, messages: Iterable[Message]) -> None:
    """Add messages; those whose id is there already are passed over."""
    connection.executemany(
        "INSERT OR IGNORE INTO message (id, topic, payload, kind, priority, created_utc_ns, dated, crc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(m.id, m.topic, m.payload, m.kind, m.priority, m.created_utc_ns, m.dated, m.crc) for m in messages],
    )


def delete(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Remove messages by id, with their marks; unknown ids are no error."""
    for name in names:
        connection.execute("DELETE FROM message WHERE id = ?", (name,))
        connection.execute("DELETE FROM sent WHERE id = ?", (name,))


def mark_sent(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Note that the broker has these messages; unknown ids are no error."""
    mark = "INSERT OR IGNORE INTO sent SELECT id FROM message WHERE id = ?"
    connection.executemany(mark, [(name,) for name in names])


def sent(connection: sqlite3.Connection) -> list[str]:
    """Ids of the messages that are marked as sent."""
    # an older program may have deleted the message and left its mark
    query = "SELECT sent.id FROM sent JOIN message ON message.id = sent.id"
    return [str(name) for (name,) in connection.execute(query)]


def _unsent(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM message").fetchone()[0]) - len(sent(connection))


def insert_promises(connection: sqlite3.Connection, promises: Mapping[str, str]) -> None:
    """Add promises, by name, with the ids of the messages that made them."""
    connection.executemany("INSERT OR REPLACE INTO promise (name, message) VALUES (?, ?)", promises.items())


def delete_promises(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Remove promises by name; unknown ones are no error."""
    connection.executemany("DELETE FROM promise WHERE name = ?", [(name,) for name in names])


def promises(connection: sqlite3.Connection) -> dict[str, str]:
    """All promises: name, and id of the message."""
    return {str(name): str(message) for name, message in connection.execute("SELECT name, message FROM promise")}


def select(
    connection: sqlite3.Connection,
    limit: int,
    order: Order,
    skip: AbstractSet[str] = frozenset(),
    backing_off: AbstractSet[int | str] = frozenset(),
) -> list[tuple[Message, bool]]:
    """The first `limit` unsent messages, higher priorities first, each with whether its bytes are still those written.

    Args:
        connection: to the database.
        limit: how many at most.
        order: of messages of one priority.
        skip: ids passed over, however many; their payloads are not read.
        backing_off: priorities (numbers) and topics (texts) passed over.
    """
    direction = "DESC" if order == "newest_first" else "ASC"
    topics = [one for one in backing_off if isinstance(one, str)]
    others = f" AND topic NOT IN ({', '.join('?' * len(topics))})" if topics else ""
    query = f"SELECT seq, id FROM message WHERE priority = ?{others} ORDER BY seq {direction}"  # noqa: S608 our words
    below = "SELECT max(priority) FROM message WHERE priority < ?"
    wanted: list[int] = []
    skip = {*skip, *sent(connection)}
    priority = connection.execute("SELECT max(priority) FROM message").fetchone()[0]
    while priority is not None and len(wanted) < limit:  # priority by priority, so that the index serves both orders
        if priority not in backing_off:
            rows = connection.execute(query, (priority, *topics))
            wanted += islice((seq for seq, name in rows if name not in skip), limit - len(wanted))
            rows.close()
        priority = connection.execute(below, (priority,)).fetchone()[0]
    return [_message_at(connection, seq) for seq in wanted]


def newest(connection: sqlite3.Connection, kind: str, most: int) -> list[Message]:
    """The messages of a kind that came last, newest first, without damaged ones."""
    query = f"SELECT {_COLUMNS} FROM message WHERE kind = ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 our words
    return [message for message, sound in (_read(*row) for row in connection.execute(query, (kind, most))) if sound]


def _read(
    name: str, topic: str, payload: object, kind: object, level: int, created: int, dated: int, crc: int
) -> tuple[Message, bool]:
    """A row as a message, and whether its bytes are still those written; rot may have changed even a value's type."""
    content = payload if isinstance(payload, bytes) else b""
    known = kind if isinstance(kind, str) else "unknown"
    message = Message(name, topic, content, known, level, created, bool(dated))
    return message, isinstance(payload, bytes) and isinstance(level, int) and message.crc == crc


def count_drops(connection: sqlite3.Connection, drops: Mapping[tuple[str, str], int]) -> None:
    """Add to the counts by (kind, reason)."""
    connection.executemany(
        "INSERT INTO dropped VALUES (?, ?, ?) ON CONFLICT (kind, reason) DO UPDATE SET count = count + excluded.count",
        [(kind, reason, count) for (kind, reason), count in drops.items() if count > 0],
    )


def make_room(connection: sqlite3.Connection, max_rows: int, keep: AbstractSet[str]) -> list[Message]:
    """Drop, count and return what exceeds `max_rows`: the oldest of the lowest priority, but none of the ids in `keep`,
    nor what is sent.

    At most `DROPPED_AT_ONCE`; where a bound has been lowered, the rest follows.
    """
    excess = _unsent(connection) - max_rows
    if excess <= 0:
        return []
    excess = min(excess, DROPPED_AT_ONCE)
    keep = {*keep, *sent(connection)}
    rows = connection.execute("SELECT seq, id FROM message ORDER BY priority, seq LIMIT ?", (excess + len(keep),))
    return _drop(connection, [seq for seq, name in rows.fetchall() if name not in keep][:excess], "rows")


def drop_expired(connection: sqlite3.Connection, before_utc_ns: int, keep: AbstractSet[str]) -> list[Message]:
    """Drop, count and return dated messages made before a moment, but none of the ids in `keep`, nor what is sent.

    At most `DROPPED_AT_ONCE`, oldest arrivals first.
    """
    query = "SELECT seq, id FROM message WHERE dated AND created_utc_ns < ? ORDER BY seq LIMIT ?"
    keep = {*keep, *sent(connection)}
    rows = connection.execute(query, (before_utc_ns, DROPPED_AT_ONCE + len(keep))).fetchall()
    return _drop(connection, [seq for seq, name in rows if name not in keep][:DROPPED_AT_ONCE], "age")


def _drop(connection: sqlite3.Connection, places: list[int], reason: str) -> list[Message]:
    messages = [_message_at(connection, seq)[0] for seq in places]
    connection.executemany("DELETE FROM message WHERE seq = ?", [(seq,) for seq in places])
    for message in messages:
        count_drops(connection, {(message.kind, reason): 1})
    return messages


def _message_at(connection: sqlite3.Connection, seq: int) -> tuple[Message, bool]:
    return _read(*connection.execute(f"SELECT {_COLUMNS} FROM message WHERE seq = ?", (seq,)).fetchone())  # noqa: S608
