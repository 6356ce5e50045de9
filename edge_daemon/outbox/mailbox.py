"""What the publisher needs of the outbox: messages to send, and a place to say what became of them; none of it raises.

`edge_daemon.outbox.outbox.Outbox` is the real one; `MemoryMailbox` is its twin in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, Protocol

Order = Literal["newest_first", "oldest_first"]


class Outgoing(Protocol):
    """A message as the outbox hands it over."""

    @property
    def id(self) -> str:
        """Unique, and the same after a restart."""

    @property
    def topic(self) -> str:
        """Where it goes."""

    @property
    def payload(self) -> bytes:
        """What is sent."""

    @property
    def kind(self) -> str:
        """`detection`, `effort` …: decides its share of the byte budget."""

    @property
    def priority(self) -> int:
        """Higher leaves first."""


class Mailbox(Protocol):
    """Messages wait here until the broker has acknowledged them."""

    def take(self, limit: int, order: Order, resting: AbstractSet[int], /) -> Sequence[Outgoing]:
        """Messages that are not in flight yet, at most `limit`, none of the priorities that rest; now they are."""

    def acknowledge(self, message: str, /) -> None:
        """The broker has it: forget it."""

    def release(self, messages: Iterable[str] | None = None, /) -> None:
        """They are no longer in flight (None: all): `take` gives them again."""


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

    def take(self, limit: int, order: Order, resting: AbstractSet[int]) -> Sequence[Letter]:
        """Messages that are not in flight yet, higher priorities first."""
        idle = [one for one in self.waiting.values() if one.id not in self.in_flight and one.priority not in resting]
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
