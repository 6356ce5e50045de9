"""Retained messages that are published after each connection: Home Assistant's discovery."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

Announcement = tuple[str, bytes]
"""Topic and payload, published retained."""


class Announcements:
    """Which of them the broker has on this connection.

    Args:
        all_of_them: in the order in which they are sent.
    """

    def __init__(self, all_of_them: Sequence[Announcement]) -> None:
        self._all = tuple(all_of_them)
        self._topics = frozenset(topic for topic, _ in self._all)
        self._left: deque[Announcement] = deque()
        self._unanswered: set[str] = set()
        self._refused: str | None = None

    def begin(self) -> None:
        """A new connection: all are to be sent."""
        self._left = deque(self._all)
        self._unanswered.clear()

    def key(self, topic: str) -> str:
        """What a refusal of this topic is kept under: announcements are refused together, by their prefix."""
        return f"{topic.partition('/')[0]}/#" if topic in self._topics else topic

    def next(self) -> Announcement | None:
        """The next one to be sent; None if all are."""
        return self._left[0] if self._left else None

    def sent(self) -> None:
        """That one is on its way."""
        topic, _ = self._left.popleft()
        self._unanswered.add(topic)

    def taken(self, topic: str) -> bool:
        """The broker has it, or will never have it; True if that ends a refusal."""
        self._unanswered.discard(topic)
        ended = topic not in self._topics or topic == self._refused
        if ended:
            self._refused = None
        return ended

    def refused(self, topic: str) -> None:
        """The broker refuses it: when its prefix has rested, it is the first to be tried, and all follow."""
        if topic in self._topics:
            self._unanswered.discard(topic)
            self._refused = topic
            self._left = deque(sorted(self._all, key=lambda one: one[0] != topic))

    @property
    def done(self) -> bool:
        """Whether the broker has them all."""
        return not self._left and not self._unanswered
