"""Messages on their way to the broker, on disk until it has acknowledged them.

A detection is worth nothing on a buoy. So a message is written before it is published, leaves only when the broker
has acknowledged it, and is offered again after a restart under the same id: delivered at least once, and once after
de-duplication by id.

**What a power cut can take.** Commits are grouped to spare the SD card: `tick` commits once `commit_rows` messages
wait or the oldest has waited `commit_within_s`. So a power cut takes at most what was put in the last
`commit_within_s` seconds, plus the time between two ticks and that of one write to the card. `take` commits first:
what has been published was on disk, whatever the age. What is done with is deleted along with the next commit, or after
`forget_within_s`; until then a power cut means a message sent twice under one id. What `not_yet` names is marked as
sent instead of being deleted, for others have yet to write it down; the next start finds it among `sent`. `waiting`
shows the life of a message, `limits` says what is dropped, `message` what one may promise.

**When the disk fails**, messages stay in memory, at most `hold_rows` of them by the same policy, are published from
there, and are written when the disk is back. A disk that takes a call and does not return from it fails, too: `take`
waits for it for `ANSWER_S` at most, and gives what is in memory.

`put` and `acknowledge` only touch memory: a card that stalls for seconds holds up neither the sound nor the network.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.mailbox import Order
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox_file import OutboxFile
from edge_daemon.outbox.outbox_health import OutboxHealth
from edge_daemon.outbox.table import DROPPED_AT_ONCE
from edge_daemon.outbox.waiting import Waiting
from edge_daemon.storage.disk_calls import disk_calls


class Outbox:
    """Messages between `put` and `acknowledge`; safe to use from any thread.

    Args:
        path: the SQLite file.
        time: the clocks.
        rng: jitter of the waiting after a failure of the disk.
        limits: the bounds.
    """

    def __init__(self, path: Path, *, time: TimeSource, rng: random.Random, limits: OutboxLimits | None = None) -> None:
        self.when_put: list[Callable[[], None]] = []
        """Called after a message was accepted, in the caller's thread."""
        self.when_dropped: list[Callable[[Message, str], None]] = []
        """Told of each message that is given up, and why, after it was."""
        self.not_yet: Callable[[], AbstractSet[str]] = frozenset
        """Ids of messages that may not be forgotten yet, though they are acknowledged; asked while a lock is held."""
        self._time = time
        self._file = OutboxFile(path, time, rng)
        self._calls = disk_calls()
        self._disk = threading.Lock()  # one writer at a time; taken before _memory, never after it
        self._memory = threading.Lock()  # held for moments only
        self._waiting = Waiting(limits or OutboxLimits())
        self._removed_told = False  # what memory does not hold of a removed file
        self._counted = False  # whether there was a commit, which counts what is on disk
        self._depth = 0  # rows on disk as of the last commit, 0 before the first
        self._removals = 0  # transactions that removed rows: what was read before one of them is out of date
        self._dropped: dict[tuple[str, str], int] = {}  # counts on disk as of the last commit

    @property
    def limits(self) -> OutboxLimits:
        """The bounds; may be replaced at any time."""
        return self._waiting.limits

    @limits.setter
    def limits(self, limits: OutboxLimits) -> None:
        self._waiting.limits = limits

    def put(self, message: Message) -> None:
        """Accept a message; the same id twice is one message."""
        with self._memory:
            dropped = self._waiting.put(message, self._time.monotonic_ns())
        if dropped is None:
            return
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
            # at a start nothing may wait for long, but health asks how much there is on disk
            uncounted = not (self._counted or self._waiting.held)
            due = uncounted or self._waiting.due(self._time.monotonic_ns())
        return self.commit() if due or self._file.moved else True

    def commit(self, *, force: bool = False) -> bool:
        """Write what waits; True if all put before the call is on disk now.

        Args:
            force: try even while waiting after a failure of the disk.
        """
        done = self._write(force=force)
        # Where the disk was so slow that some were sent meanwhile, once more: its other users may take as long again.
        return self._write(force=force) if done and self._waiting.sent_from_memory else done

    def _write(self, *, force: bool, lean: bool = False) -> bool:
        with self._disk:
            with self._memory:
                found = self._waiting.changes(self.not_yet())
            changes = found.lean if lean else found
            if changes.none and self._counted and self._file.report().state == "open" and not self._file.moved:
                with self._memory:
                    self._waiting.begin_anew(self._time.monotonic_ns())
                return True
            try:
                status, dropped = self._file.write(changes, self._depth, self.limits.max_rows, force=force)
            except StorageError:
                self._hold_removed()
                return False
            with self._memory:
                self._depth, self._dropped = status
                self._counted = True
                self._removals += bool(changes.gone or dropped)
                self._waiting.written(changes)
                self._waiting.begin_anew(self._time.monotonic_ns())
            self._tell(dropped, "rows")
            return True

    def _hold_removed(self) -> None:
        """Hold the rows of a file that was removed and cannot be made anew, for they end with the process.

        As many as memory may hold, the newest first; of the others, as many again are told as dropped, once, although
        all are read from the removed file as long as it is open.
        """
        if not self._file.moved:
            self._removed_told = False
            return
        with self._memory:
            room = max(0, self.limits.hold_rows - len(self._waiting.held))
            skip = self._waiting.held.keys() | self._waiting.acknowledged | self._waiting.sent_from_memory.keys()
        try:
            rows = self._file.select(room + DROPPED_AT_ONCE, "newest_first", skip)
        except StorageError:
            return
        with self._memory:
            held, others = self._waiting.hold_again(rows, room)
            self._depth = max(0, self._depth - held)
        if not self._removed_told:
            self._removed_told = True
            self._tell(others, "file removed")

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
            removals, on_disk, written = self._from_disk(limit, order, backing_off)
            with self._memory:
                # read again what another thread took, had acknowledged and deleted meanwhile: nothing remembers it now
                if on_disk and removals != self._removals:
                    continue
                taken, damaged = self._waiting.take(on_disk, limit, order, backing_off, from_memory=not written)
            self._tell(damaged, "damaged")
            return taken

    def _from_disk(
        self, limit: int, order: Order, backing_off: AbstractSet[int | str]
    ) -> tuple[int, list[tuple[Message, bool]], bool]:
        """`_removals`, what `select` finds then, and whether all was written before; nothing where no disk answers."""

        def written_and_read() -> tuple[int, list[tuple[Message, bool]], bool]:
            written = self.commit()
            with self._disk:
                with self._memory:
                    skip = self._waiting.skip
                    removals = self._removals
                return removals, self._file.select(limit, order, skip, backing_off), written

        if not self._file.report().answers:
            return 0, [], False
        try:
            return self._calls.run(written_and_read, "reading the outbox")
        except StorageError:
            return 0, [], False

    def acknowledge(self, name: str) -> None:
        """The broker has the message with this id: forget it; an unknown id is no error."""
        with self._memory:
            self._waiting.acknowledge(name, self._time.monotonic_ns())

    def settle(self, promise: str) -> None:
        """A promise is kept or taken back: forget it; an unknown one is no error."""
        with self._memory:
            self._waiting.settle(promise, self._time.monotonic_ns())

    def release(self, names: Iterable[str] | None = None) -> None:
        """Offer messages again that were under way when the connection broke: these ids, or all."""
        with self._memory:
            self._waiting.release(names)

    def expire(self, utc_ns: int) -> None:
        """Drop what is older than `max_age_s`; call it only while the clock knows the time."""
        before_ns = utc_ns - round(self.limits.max_age_s * SECOND_NS)
        with self._disk:
            with self._memory:
                under_way = frozenset(self._waiting.in_flight)
                held = self._waiting.expire(before_ns)
            self._tell(held, "age")

            try:
                found, dropped = self._file.expire(before_ns, under_way)
            except StorageError:
                return
            with self._memory:
                self._depth, self._dropped = found
                self._removals += bool(dropped)
            self._tell(dropped, "age")

    def sent(self) -> list[str]:
        """Ids of messages that an earlier life has sent and not deleted; see `forget`.

        Raises:
            StorageError: they cannot be read now.
        """
        with self._disk:
            return self._file.sent()

    def forget(self, sent: Iterable[str]) -> None:
        """Of these, which an earlier life has sent, `not_yet` knows now: delete them once it names them no more."""
        with self._memory:
            self._waiting.sent_before(list(sent), self._time.monotonic_ns())

    def promises(self) -> dict[str, str]:
        """Promises on disk: their names, and the ids of the messages that made them.

        Raises:
            StorageError: they cannot be read now.
        """
        with self._disk:
            return self._file.promises()

    def newest(self, kind: str, most: int) -> list[Message]:
        """Messages of a kind on disk, newest first, without damaged ones.

        Raises:
            StorageError: they cannot be read now.
        """
        with self._disk:
            return self._file.newest(kind, most)

    def unsaved(self) -> list[Message]:
        """Messages that are neither sent nor known to be on disk: a crash would take them; never waits for the disk."""
        with self._memory:
            return list(self._waiting.held.values())

    def unrecorded(self) -> list[Message]:
        """Messages that are sent, and of which a crash would take what `not_yet` names; never waits for the disk."""
        with self._memory:
            waits = self.not_yet()
            return [message for name, message in self._waiting.sent_from_memory.items() if name in waits]

    def report(self) -> OutboxHealth:
        """How the outbox is, without touching the disk."""
        database = self._file.report()
        with self._memory:
            return self._waiting.report(database, self._depth, self._dropped, self._time.monotonic_ns())

    @property
    def set_aside(self) -> tuple[Path, ...]:
        """Damaged files that were set aside, oldest first."""
        return self._file.report().set_aside

    @property
    def left_behind(self) -> Mapping[Path, int]:
        """Rows of a newer version of the program that wait for it, by file."""
        return self._file.report().left_behind

    def close(self) -> bool:
        """Write what waits and close the file; True if nothing is left in memory.

        On a full disk at least what is sent is marked, or deleted, for which there is room.
        """
        done = self.commit(force=True)
        if not done:
            self._write(force=True, lean=True)
        self._file.close()
        return done
