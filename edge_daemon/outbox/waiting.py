"""What the outbox knows of its messages beside the disk: which wait to be written, are under way, or are done with.

Plain state without a lock: whoever calls holds the outbox's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.mailbox import Order
from edge_daemon.outbox.message import Message


@dataclass(frozen=True, slots=True)
class OutboxChanges:
    """What one transaction writes.

    Attributes:
        held: messages to add, oldest first.
        promises: promises to add: name and id of the message that made it.
        gone: ids of messages to delete.
        settled: names of promises to delete.
        drops: counts to add, by kind and reason.
        under_way: ids that no bound may drop.
    """

    held: tuple[Message, ...]
    promises: dict[str, str]
    gone: frozenset[str]
    settled: frozenset[str]
    drops: Counter[tuple[str, str]]
    under_way: frozenset[str]

    @property
    def none(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.held or self.promises or self.gone or self.settled or self.drops)


class Waiting:
    """Messages in memory, and marks on those that are on disk.

    Args:
        limits: of the outbox; may be replaced at any time.
    """

    def __init__(self, limits: OutboxLimits) -> None:
        self.limits = limits
        self.held: dict[str, Message] = {}
        """Not on disk yet, oldest first."""
        self.acknowledged: set[str] = set()
        """To be deleted from the disk."""
        self.sent_from_memory: dict[str, None] = {}
        """On disk only if put twice; the oldest forgotten beyond `hold_rows`."""
        self.drops: Counter[tuple[str, str]] = Counter()
        """To be added on disk."""
        self.in_flight: set[str] = set()
        self.held_since_ns: int | None = None
        """Monotonic time since which messages wait to be written."""
        self._done_since_ns: int | None = None  # … and others to be deleted
        self._promises: dict[str, str] = {}
        self._settled: dict[str, None] = {}
        self._being_written: frozenset[str] = frozenset()  # of those held: may be on disk already

    @property
    def skip(self) -> AbstractSet[str]:
        """Ids that are on their way, or done with."""
        return self.in_flight.union(self.acknowledged, self.sent_from_memory)

    def due(self, now_ns: int) -> bool:
        """Whether it is time to write."""
        limits = self.limits
        if len(self.held) >= limits.commit_rows:
            return True
        forget_within_s = max(limits.commit_within_s, limits.forget_within_s)
        waits = ((self.held_since_ns, limits.commit_within_s), (self._done_since_ns, forget_within_s))
        return any(since is not None and now_ns - since >= within_s * SECOND_NS for since, within_s in waits)

    def begin_anew(self, now_ns: int) -> None:
        """What is left has waited since now."""
        self.held_since_ns = now_ns if self.held else None
        done = self.acknowledged or self.sent_from_memory or self._settled
        self._done_since_ns = now_ns if done else None

    def put(self, message: Message, now_ns: int) -> list[Message] | None:
        """Hold a message; returns what had to give way, None if it was there already."""
        if message.id in self.held:
            return None
        if self.held_since_ns is None:
            self.held_since_ns = now_ns
        self.held[message.id] = message
        if message.promise is not None:
            self._promises[message.promise] = message.id
            if len(self._promises) > self.limits.hold_rows:
                del self._promises[next(iter(self._promises))]
        if len(self.held) <= self.limits.hold_rows:
            return []
        # min() finds the first, thus the oldest, of the lowest priority
        idle = (m for m in self.held.values() if m.id not in self.in_flight)
        victim = min(idle, key=lambda m: m.priority, default=next(iter(self.held.values())))
        del self.held[victim.id]
        self.drops[victim.kind, "memory"] += 1
        return [victim]

    def _done(self, now_ns: int) -> None:
        if self._done_since_ns is None:
            self._done_since_ns = now_ns

    def settle(self, promise: str, now_ns: int) -> None:
        """A promise is kept or taken back."""
        self._done(now_ns)
        self._promises.pop(promise, None)
        self._settled[promise] = None
        if len(self._settled) > self.limits.hold_rows:
            del self._settled[next(iter(self._settled))]

    def acknowledge(self, name: str, now_ns: int) -> None:
        """The broker has it."""
        self._done(now_ns)
        self.in_flight.discard(name)
        if self.held.pop(name, None) is None or name in self._being_written:
            self.acknowledged.add(name)
            return
        self.sent_from_memory[name] = None  # bounded: what is forgotten here is at worst sent twice
        if len(self.sent_from_memory) > self.limits.hold_rows:
            del self.sent_from_memory[next(iter(self.sent_from_memory))]

    def changes(self, keep: AbstractSet[str]) -> OutboxChanges:
        """What is to be written now; ids in `keep` are not deleted yet."""
        self._being_written = frozenset(self.held)
        return OutboxChanges(
            tuple(self.held.values()),
            dict(self._promises),
            frozenset(self.acknowledged.union(self.sent_from_memory) - keep),
            frozenset(self._settled),
            Counter(self.drops),
            frozenset(self.in_flight),
        )

    def written(self, changes: OutboxChanges) -> None:
        """They are on disk."""
        self._being_written = frozenset()
        for message in changes.held:
            self.held.pop(message.id, None)
        for name, made_by in changes.promises.items():
            if self._promises.get(name) == made_by:
                del self._promises[name]
        for name in changes.settled:
            self._settled.pop(name, None)
        self.acknowledged -= changes.gone
        self.sent_from_memory = {name: None for name in self.sent_from_memory if name not in changes.gone}
        self.drops -= changes.drops

    def not_written(self) -> None:
        """The disk has failed."""
        self._being_written = frozenset()

    def take(
        self, on_disk: list[tuple[Message, bool]], limit: int, order: Order, backing_off: AbstractSet[int | str]
    ) -> tuple[list[Message], list[Message]]:
        """Mark what is to be published of these rows and of memory; that, and the damaged ones, which are given up.

        Args:
            on_disk: rows, each with whether its bytes are those written.
            limit: how many at most.
            order: of messages of one priority.
            backing_off: priorities and topics of which none is wanted.
        """
        skip = self.skip
        damaged = [m for m, sound in on_disk if not sound and m.id not in self.acknowledged]
        for message in damaged:
            self.drops[message.kind, "damaged"] += 1
        self.acknowledged.update(m.id for m in damaged)  # deleted with the next commit
        ready = [m for m, sound in on_disk if sound and m.id not in skip and m.id not in self.held]
        idle = (m for m in self.held.values() if m.id not in skip)
        held = [m for m in idle if m.priority not in backing_off and m.topic not in backing_off]
        # Held messages are the newest; sorted() is stable, so only the priority remains to be sorted by.
        ready = held[::-1] + ready if order == "newest_first" else ready + held
        taken = sorted(ready, key=lambda m: -m.priority)[:limit]
        self.in_flight.update(m.id for m in taken)
        return taken, damaged

    def release(self, names: Iterable[str] | None) -> None:
        """No longer under way: these ids, or all."""
        self.in_flight.difference_update(list(self.in_flight) if names is None else names)

    def expire(self, before_ns: int) -> list[Message]:
        """Drop and return dated messages that are older and not under way."""
        old = [m for m in self.held.values() if m.dated and m.created_utc_ns < before_ns and m.id not in self.in_flight]
        for message in old:
            del self.held[message.id]
            self.drops[message.kind, "age"] += 1
        return old

    def hold_again(self, rows: list[tuple[Message, bool]], room: int) -> tuple[int, list[Message]]:
        """Hold rows of a file that is going; how many, and those for which there is no room.

        Args:
            rows: newest first, each with whether its bytes are those written.
            room: how many may be held besides.
        """
        found = [m for m, sound in rows if sound and m.id not in self.acknowledged]
        self.held = {m.id: m for m in reversed(found[:room])} | self.held
        return len(found[:room]), found[room:]
