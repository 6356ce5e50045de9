"""What the publisher needs of the outbox: messages to send, and a place to say what became of them; none of it raises.

`edge_daemon.outbox.outbox.Outbox` is the real one; tests have a twin of it in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
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

    def take(self, limit: int, order: Order, backing_off: AbstractSet[int | str], /) -> Sequence[Outgoing]:
        """Messages not in flight yet, at most `limit`, none of the priorities and topics that rest; now they are."""

    def acknowledge(self, message: str, /) -> None:
        """The broker has it: forget it."""

    def release(self, messages: Iterable[str] | None = None, /) -> None:
        """They are no longer in flight (None: all): `take` gives them again."""
