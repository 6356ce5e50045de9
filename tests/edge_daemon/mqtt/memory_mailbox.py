"""An outbox in memory, for the courier and the publisher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edge_daemon.outbox.mailbox import Order


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of the twin."""

    id: str
    topic: str
    payload: bytes
    kind: str = "detection"
    priority: int = 2


class MemoryMailbox:
    """A mailbox in memory."""

    def __init__(self, letters: Iterable[Letter] = ()) -> None:
        self.waiting: dict[str, Letter] = {letter.id: letter for letter in letters}
        self.in_flight: set[str] = set()

    def put(self, letter: Letter) -> None:
        """Add a message."""
        self.waiting[letter.id] = letter

    def take(self, limit: int, order: Order, backing_off: AbstractSet[int | str]) -> Sequence[Letter]:
        """Messages that are not in flight yet, higher priorities first."""
        waiting = [one for one in self.waiting.values() if one.id not in self.in_flight]
        idle = [one for one in waiting if one.priority not in backing_off and one.topic not in backing_off]
        letters = idle[::-1] if order == "newest_first" else idle
        taken = sorted(letters, key=lambda letter: -letter.priority)[:limit]
        self.in_flight |= {letter.id for letter in taken}
        return taken

    def acknowledge(self, message: str) -> None:
        """Forget a message."""
        self.waiting.pop(message, None)
        self.in_flight.discard(message)

    def release(self, messages: Iterable[str] | None = None) -> None:
        """Back to waiting."""
        self.in_flight -= set(self.in_flight if messages is None else messages)
