"""What the outbox knows of its messages beside the disk: which wait to be written, are under way, or are done with.

The life of a message::

    put ─▶ held ────────── written ─────────▶ on disk
            │                                    │
       acknowledged                         acknowledged
            ▼                                    ▼
    sent from memory ─ written as sent ─▶ acknowledged ─ marked as sent, until the history has it ─▶ gone
            └──────────────────────── the history has it ─────────────────────────────────────────────┘

After a kill or a power cut the next start finds what is on disk: a message without a mark is sent (again), one that is
marked as sent goes to the history alone. Lost is what was held or sent from memory: what came in the moments before, or
since the disk fails, of which health tells.

Plain state without a lock: whoever calls holds the outbox's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Self

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.outbox.limits import OutboxLimits
from edge_daemon.outbox.mailbox import Order
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox_health import OutboxHealth
from edge_daemon.storage.database_report import DatabaseReport
from edge_daemon.storage.disk_calls import ANSWER_S


@dataclass(frozen=True, slots=True)
class OutboxChanges:
    """What one transaction writes.

    Attributes:
        held: messages to add, oldest first.
        late: messages to add that were sent from memory meanwhile; `sent` has their ids, too.
        sent: ids of messages to be marked as sent.
        promises: promises to add: name and id of the message that made it.
        gone: ids of messages to delete.
        settled: names of promises to delete.
        drops: counts to add, by kind and reason.
        under_way: ids that no bound may drop.
    """

    held: tuple[Message, ...]
    late: tuple[Message, ...]
    sent: frozenset[str]
    promises: dict[str, str]
    gone: frozenset[str]
    settled: frozenset[str]
    drops: Counter[tuple[str, str]]
    under_way: frozenset[str]

    @property
    def none(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.held or self.sent or self.promises or self.gone or self.settled or self.drops)

    @property
    def lean(self) -> Self:
        """The same without what needs room: messages are marked and deleted, none is added."""
        late = frozenset(message.id for message in self.late)
        return replace(self, held=(), late=(), sent=self.sent - late, promises={})


class Waiting:
    """Messages in memory, and marks on those that are on disk.

    Args:
        limits: of the outbox; may be replaced at any time.
    """

    def __init__(self, limits: OutboxLimits) -> None:
        self.limits = limits
        self.held: dict[str, Message] = {}
        """Neither on disk yet nor sent, oldest first."""
        self.acknowledged: set[str] = set()
        """To be deleted from the disk."""
        self.marked: set[str] = set()
        """Those of them that are marked as sent."""
        self.sent_from_memory: dict[str, Message] = {}
        """Sent, and on disk only if put twice; the oldest forgotten beyond `hold_rows`."""
        self.drops: Counter[tuple[str, str]] = Counter()
        """To be added on disk."""
        self.in_flight: set[str] = set()
        self.held_since_ns: int | None = None
        """Monotonic time since which messages wait to be written."""
        self._done_since_ns: int | None = None  # … and others to be deleted
        self._promises: dict[str, str] = {}
        self._settled: dict[str, None] = {}

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
        self.held_since_ns = now_ns if self.held or self.sent_from_memory else None
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
        message = self.held.pop(name, None)
        if message is None:
            self.acknowledged.add(name)
            return
        # Never at the cost of what is held; what is forgotten here is at worst sent twice, or not in the history.
        self.sent_from_memory[name] = message
        if len(self.sent_from_memory) > self.limits.hold_rows:
            del self.sent_from_memory[next(iter(self.sent_from_memory))]

    def sent_before(self, names: Iterable[str], now_ns: int) -> None:
        """These are on disk, marked as sent."""
        self._done(now_ns)
        self.acknowledged.update(names)
        self.marked.update(names)

    def changes(self, keep: AbstractSet[str]) -> OutboxChanges:
        """What is to be written now; ids in `keep` are not deleted yet, but marked as sent."""
        sent = self.acknowledged.union(self.sent_from_memory)
        return OutboxChanges(
            tuple(self.held.values()),
            tuple(message for name, message in self.sent_from_memory.items() if name in keep),
            frozenset((sent & keep) - self.marked),
            dict(self._promises),
            frozenset(sent - keep),
            frozenset(self._settled),
            Counter(self.drops),
            frozenset(self.in_flight),
        )

    def written(self, changes: OutboxChanges) -> None:
        """They are on disk."""
        for message in (*changes.held, *changes.late):
            if self.held.pop(message.id, None) is None and self.sent_from_memory.pop(message.id, None) is not None:
                self.acknowledged.add(message.id)
        self.marked |= changes.sent
        for name, made_by in changes.promises.items():
            if self._promises.get(name) == made_by:
                del self._promises[name]
        for name in changes.settled:
            self._settled.pop(name, None)
        self.acknowledged -= changes.gone
        self.marked -= changes.gone
        for name in changes.gone:
            self.sent_from_memory.pop(name, None)
        self.drops -= changes.drops

    def take(
        self,
        on_disk: list[tuple[Message, bool]],
        limit: int,
        order: Order,
        backing_off: AbstractSet[int | str],
        *,
        from_memory: bool,
    ) -> tuple[list[Message], list[Message]]:
        """Mark what is to be published of these rows and of memory; that, and the damaged ones, which are given up.

        Args:
            on_disk: rows, each with whether its bytes are those written.
            limit: how many at most.
            order: of messages of one priority.
            backing_off: priorities and topics of which none is wanted.
            from_memory: the disk fails; else what is held came since it was written, and waits for the next time.
        """
        skip = self.skip
        damaged = [m for m, sound in on_disk if not sound and m.id not in self.acknowledged]
        for message in damaged:
            self.drops[message.kind, "damaged"] += 1
        self.acknowledged.update(m.id for m in damaged)  # deleted with the next commit
        ready = [m for m, sound in on_disk if sound and m.id not in skip and m.id not in self.held]
        idle = (m for m in self.held.values() if from_memory and m.id not in skip)
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

    def report(
        self, database: DatabaseReport, depth: int, dropped: Mapping[tuple[str, str], int], now_ns: int
    ) -> OutboxHealth:
        """How the outbox is.

        Args:
            database: how its file is.
            depth, dropped: unsent messages and counts of drops on disk.
            now_ns: monotonic time.
        """
        available, reason = database.state != "unavailable", database.reason
        if available and (self.held or self.sent_from_memory) and self.held_since_ns is not None:
            waited_s = (now_ns - self.held_since_ns) / SECOND_NS
            if waited_s > self.limits.commit_within_s + ANSWER_S:  # whoever should write is held up
                available, reason = False, f"Nothing has been written for {waited_s:.0f} s."
        counts = Counter(dropped) + self.drops
        return OutboxHealth(
            depth=max(0, depth - len(self.acknowledged - self.marked)) + len(self.held),
            held=len(self.held),
            dropped={f"{kind}/{why}": count for (kind, why), count in sorted(counts.items())},
            available=available,
            reason=reason,
        )

    def hold_again(self, rows: list[tuple[Message, bool]], room: int) -> tuple[int, list[Message]]:
        """Hold rows of a file that is going; how many, and those for which there is no room.

        Args:
            rows: newest first, each with whether its bytes are those written.
            room: how many may be held besides.
        """
        found = [m for m, sound in rows if sound and m.id not in self.acknowledged]
        self.held = {m.id: m for m in reversed(found[:room])} | self.held
        return len(found[:room]), found[room:]
