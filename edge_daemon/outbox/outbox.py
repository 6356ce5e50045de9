"""Messages on their way to the broker, on disk until it has acknowledged them.

A detection is worth nothing on a buoy. So a message is written before it is published, leaves only when the broker
has acknowledged it, and is offered again after a restart under the same id: delivered at least once, and once after
de-duplication by id.

**What a power cut can take.** Commits are grouped to spare the SD card: `tick` commits once `commit_rows` messages
wait or the oldest has waited `commit_within_s`. So a power cut takes at most what was put in the last
`commit_within_s` seconds, plus the time between two ticks and that of one write to the card. `take` commits first:
what has been published was on disk, whatever the age. Acknowledgements are grouped likewise; a lost one means a
message sent twice under one id.

**What a limit drops.** When more than `max_rows` wait, the oldest of the lowest priority go first, except those
under way. `expire` drops what is older than `max_age_s`; messages stamped by a clock that did not know the time
(`dated=False`) never expire, because once the clock is set they would look years old. Every drop is counted by
kind and reason ("rows", "age", "memory", "damaged"), the counts are kept in the database, and `when_dropped` is told of
the message itself, which is its last chance.

**When the disk fails**, messages stay in memory, at most `hold_rows` of them by the same policy, are published from
there, and are written when the disk is back. A disk that takes a call and does not return from it fails, too: `take`
waits for it for `ANSWER_S` at most, and gives what is in memory.

`put` and `acknowledge` only touch memory: a card that stalls for seconds holds up neither the sound nor the network.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox_health import OutboxHealth
from edge_daemon.outbox.table import (
    DROPPED_AT_ONCE,
    SCHEMA,
    VERSION,
    Order,
    Status,
    count_drops,
    delete,
    drop_expired,
    insert,
    make_room,
    select,
    status,
)
from edge_daemon.storage.database import Database
from edge_daemon.storage.disk_calls import ANSWER_S, disk_calls


class Outbox:
    """Messages between `put` and `acknowledge`; safe to use from any thread.

    Args:
        path: the SQLite file.
        time: the clocks.
        rng: jitter of the waiting after a failure of the disk.
        limits: the bounds.
    """

    def __init__(self, path: Path, *, time: TimeSource, rng: random.Random, limits: OutboxLimits | None = None) -> None:
        self.limits = limits or OutboxLimits()
        self.when_put: list[Callable[[], None]] = []
        """Called after a message was accepted, in the caller's thread."""
        self.before_commit: list[Callable[[], None]] = []
        """Called before messages are written, by the thread that writes: for what has to be on the disk before them."""
        self.when_dropped: list[Callable[[Message, str], None]] = []
        """Told of each message that is given up, and why, after it was."""
        self._time = time
        self._database = Database(path, SCHEMA, version=VERSION, time=time, rng=rng)
        self._calls = disk_calls()
        self._disk = threading.Lock()  # one writer at a time; taken before _memory, never after it
        self._memory = threading.Lock()  # held for moments only
        self._held: dict[str, Message] = {}  # not on disk yet, oldest first
        self._waiting_since_ns: int | None = None
        self._being_written: frozenset[str] = frozenset()  # of those held: may be on disk already
        self._in_flight: set[str] = set()
        self._acknowledged: set[str] = set()  # to be deleted from disk
        self._sent_from_memory: dict[str, None] = {}  # on disk only if put twice; the oldest forgotten beyond hold_rows
        self._drops: Counter[tuple[str, str]] = Counter()  # to be added on disk
        self._removed_told = False  # what memory does not hold of a removed file
        self._depth = 0  # rows on disk as of the last commit, 0 before the first
        self._removals = 0  # transactions that removed rows: what was read before one of them is out of date
        self._dropped: dict[tuple[str, str], int] = {}  # counts on disk as of the last commit

    def put(self, message: Message) -> None:
        """Accept a message; the same id twice is one message."""
        dropped = []
        with self._memory:
            if message.id in self._held:
                return
            self._held[message.id] = message
            self._wait_begins()
            if len(self._held) > self.limits.hold_rows:
                # min() finds the first, thus the oldest, of the lowest priority
                idle = (m for m in self._held.values() if m.id not in self._in_flight)
                victim = min(idle, key=lambda m: m.priority, default=next(iter(self._held.values())))
                del self._held[victim.id]
                self._drops[victim.kind, "memory"] += 1
                dropped.append(victim)
        self._tell(dropped, "memory")
        for tell in self.when_put:
            tell()

    def _tell(self, dropped: Iterable[Message], reason: str) -> None:
        for message in dropped:
            for tell in self.when_dropped:
                tell(message, reason)

    def tick(self) -> bool:
        """Commit if it is due; returns False if it was due and failed. Call at least every `commit_within_s`."""
        with self._memory:
            waiting = len(self._held) + len(self._acknowledged)
            since_ns = self._waiting_since_ns
        if self._database.moved:
            return self.commit()
        if since_ns is None:
            return True
        waited_ns = self._time.monotonic_ns() - since_ns
        if waiting >= self.limits.commit_rows or waited_ns >= self.limits.commit_within_s * SECOND_NS:
            return self.commit()
        return True

    def _wait_begins(self) -> None:
        if self._waiting_since_ns is None:
            self._waiting_since_ns = self._time.monotonic_ns()

    def commit(self, *, force: bool = False) -> bool:
        """Write what waits; True if all put before the call is on disk now.

        Args:
            force: try even while waiting after a failure of the disk.
        """
        with self._disk:
            with self._memory:
                held, drops = list(self._held.values()), Counter(self._drops)
                gone = self._acknowledged.union(self._sent_from_memory)
                under_way = set(self._in_flight)
                nothing_to_do = not (held or gone or drops)
                self._being_written = frozenset(self._held)
            if nothing_to_do and self._database.report().state == "open" and not self._database.moved:
                return True

            if held:
                for prepare in self.before_commit:
                    prepare()
            dropped: list[Message] = []

            def write(connection: sqlite3.Connection) -> Status:
                lost = max(0, self._depth - status(connection).depth)  # this outbox is the only writer
                insert(connection, held)
                delete(connection, gone)
                count_drops(connection, drops + Counter({("unknown", "damaged"): lost}))
                dropped[:] = make_room(connection, self.limits.max_rows, under_way)
                return status(connection)

            try:
                found = self._database.transact(write, force=force)
            except StorageError:
                self._being_written = frozenset()
                self._hold_removed()
                return False
            with self._memory:
                self._being_written = frozenset()
                self._depth, self._dropped = found
                self._removals += bool(gone or dropped)
                for message in held:
                    self._held.pop(message.id, None)
                self._acknowledged -= gone
                self._sent_from_memory = {name: None for name in self._sent_from_memory if name not in gone}
                self._drops -= drops
                left = self._held or self._acknowledged or self._sent_from_memory
                self._waiting_since_ns = self._time.monotonic_ns() if left else None
            self._tell(dropped, "rows")
            return True

    def _hold_removed(self) -> None:
        """Hold the rows of a file that was removed and cannot be made anew, for they end with the process.

        As many as memory may hold, the newest first; of the others, as many again are told as dropped, once, although
        all are read from the removed file as long as it is open.
        """
        if not self._database.moved:
            self._removed_told = False
            return
        with self._memory:
            room = max(0, self.limits.hold_rows - len(self._held))
            skip = self._held.keys() | self._acknowledged | self._sent_from_memory.keys()
        try:
            rows = self._database.read(lambda c: select(c, room + DROPPED_AT_ONCE, "newest_first", skip))
        except StorageError:
            return
        with self._memory:
            found = [m for m, sound in rows if sound and m.id not in self._acknowledged]
            self._held = {m.id: m for m in reversed(found[:room])} | self._held
            self._depth = max(0, self._depth - len(found[:room]))
        if not self._removed_told:
            self._removed_told = True
            self._tell(found[room:], "file removed")

    def take(
        self, limit: int, order: Order = "newest_first", backing_off: AbstractSet[int | str] = frozenset()
    ) -> list[Message]:
        """Messages to publish now, marked as under way; they are on disk unless the disk fails.

        Args:
            limit: how many at most.
            order: of messages of one priority; higher priorities always come first.
            backing_off: priorities (numbers) and topics (texts) of which none is wanted now.
        """
        while True:
            removals, on_disk = self._from_disk(limit, order, backing_off)
            with self._memory:
                # read again what another thread took, had acknowledged and deleted meanwhile: nothing remembers it now
                if on_disk and removals != self._removals:
                    continue
                taken, damaged = self._mark(on_disk, limit, order, backing_off)
            self._tell(damaged, "damaged")
            return taken

    def _mark(
        self,
        on_disk: list[tuple[Message, bool]],
        limit: int,
        order: Order,
        backing_off: AbstractSet[int | str],
    ) -> tuple[list[Message], list[Message]]:
        """Mark what is to be published of these rows and of memory, which the caller holds; that, and damaged ones."""
        skip = self._in_flight.union(self._acknowledged, self._sent_from_memory)
        damaged = [m for m, sound in on_disk if not sound and m.id not in self._acknowledged]
        for message in damaged:
            self._drops[message.kind, "damaged"] += 1
        self._acknowledged.update(m.id for m in damaged)  # deleted with the next commit
        ready = [m for m, sound in on_disk if sound and m.id not in skip and m.id not in self._held]
        idle = (m for m in self._held.values() if m.id not in skip)
        held = [m for m in idle if m.priority not in backing_off and m.topic not in backing_off]
        # Held messages are the newest; sorted() is stable, so only the priority remains to be sorted by.
        ready = held[::-1] + ready if order == "newest_first" else ready + held
        taken = sorted(ready, key=lambda m: -m.priority)[:limit]
        self._in_flight.update(m.id for m in taken)
        return taken, damaged

    def _from_disk(
        self, limit: int, order: Order, backing_off: AbstractSet[int | str]
    ) -> tuple[int, list[tuple[Message, bool]]]:
        """What `select` finds once all is written, and `_removals` then; nothing where the disk does not answer."""

        def written_and_read() -> tuple[int, list[tuple[Message, bool]]]:
            self.commit()
            with self._disk:
                with self._memory:
                    skip = self._in_flight.union(self._acknowledged, self._sent_from_memory)
                    removals = self._removals
                return removals, self._database.read(lambda c: select(c, limit, order, skip, backing_off))

        if not self._database.report().answers:
            return 0, []
        try:
            return self._calls.run(written_and_read, "reading the outbox")
        except StorageError:
            return 0, []

    def acknowledge(self, name: str) -> None:
        """The broker has the message with this id: forget it; an unknown id is no error."""
        with self._memory:
            self._in_flight.discard(name)
            from_memory = self._held.pop(name, None) is not None and name not in self._being_written
            if not from_memory:
                self._acknowledged.add(name)
            else:  # bounded: a disk may fail for months, and what is forgotten here is at worst sent twice
                self._sent_from_memory[name] = None
                if len(self._sent_from_memory) > self.limits.hold_rows:
                    del self._sent_from_memory[next(iter(self._sent_from_memory))]
            self._wait_begins()

    def release(self, names: Iterable[str] | None = None) -> None:
        """Offer messages again that were under way when the connection broke: these ids, or all."""
        with self._memory:
            self._in_flight.difference_update(list(self._in_flight) if names is None else names)

    def expire(self, utc_ns: int) -> None:
        """Drop what is older than `max_age_s`; call it only while the clock knows the time."""
        before_ns = utc_ns - round(self.limits.max_age_s * SECOND_NS)
        dropped: list[Message] = []
        with self._disk:
            with self._memory:
                under_way = set(self._in_flight)
                held = [m for m in self._held.values() if m.dated and m.created_utc_ns < before_ns]
                held = [m for m in held if m.id not in under_way]
                for old in held:
                    del self._held[old.id]
                    self._drops[old.kind, "age"] += 1
            self._tell(held, "age")

            def write(connection: sqlite3.Connection) -> Status:
                dropped[:] = drop_expired(connection, before_ns, under_way)
                return status(connection)

            try:
                found = self._database.transact(write)
            except StorageError:
                return
            with self._memory:
                self._depth, self._dropped = found
                self._removals += bool(dropped)
            self._tell(dropped, "age")

    def unsaved(self) -> list[Message]:
        """Messages that a crash would take: in memory and not known to be on disk; never waits for the disk."""
        with self._memory:
            return list(self._held.values())

    def report(self) -> OutboxHealth:
        """How the outbox is, without touching the disk."""
        database = self._database.report()
        available, reason = database.state != "unavailable", database.reason
        with self._memory:
            dropped = Counter(self._dropped) + self._drops
            if available and self._held and self._waiting_since_ns is not None:
                waited_s = (self._time.monotonic_ns() - self._waiting_since_ns) / SECOND_NS
                if waited_s > self.limits.commit_within_s + ANSWER_S:  # whoever should write is held up
                    available, reason = False, f"Nothing has been written for {waited_s:.0f} s."
            return OutboxHealth(
                depth=max(0, self._depth - len(self._acknowledged)) + len(self._held),
                held=len(self._held),
                dropped={f"{kind}/{reason}": count for (kind, reason), count in sorted(dropped.items())},
                available=available,
                reason=reason,
            )

    @property
    def set_aside(self) -> tuple[Path, ...]:
        """Damaged files that were set aside, oldest first."""
        return self._database.report().set_aside

    @property
    def left_behind(self) -> Mapping[Path, int]:
        """Rows of a newer version of the program that wait for it, by file."""
        return self._database.report().left_behind

    def close(self) -> bool:
        """Write what waits and close the file; True if nothing is left in memory."""
        done = self.commit(force=True)
        self._database.close()
        return done
