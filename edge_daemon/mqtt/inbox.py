"""Messages for us: the publishing thread puts them in, another takes them out; what does not fit is counted.

Nothing is looked into here but its length. Whoever may publish on our topics may fill the inbox, and no more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from edge_daemon.mqtt.link import Link, Received, Subscribed

MOST_WAITING = 2000
MOST_BYTES = 2_000_000
"""What may wait, in messages and in bytes."""


class Inbox:
    """Messages on topics that we subscribe to; safe to use from any thread but for what the publishing thread calls.

    Args:
        topics: without wildcards.
        longest: longer messages are not kept, bytes.

    Attributes:
        arrived: called when a message has come.
        overlong: messages that were longer.
        crowded: messages for which there was no room.
        refused: topics that the broker does not let us read.
    """

    def __init__(self, topics: Sequence[str], longest: int) -> None:
        self.topics = tuple(topics)
        self._longest = longest
        self.arrived: Callable[[], object] = lambda: None
        self._waiting: deque[Received] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._asked: dict[int, str] = {}
        self.overlong = self.crowded = 0
        self.refused: frozenset[str] = frozenset()

    def connection_began(self, link: Link) -> None:
        """Subscribe; the publishing thread calls it after each connection."""
        self._asked = {link.subscribe(topic): topic for topic in self.topics}

    def subscribed(self, event: Subscribed) -> bool:
        """Whether the broker's answer is about one of our topics; the publishing thread calls it."""
        topic = self._asked.pop(event.packet, None)
        if topic is None:
            return False
        self.refused = self.refused - {topic} if event.qos is not None else self.refused | {topic}
        return True

    def received(self, event: Received) -> bool:
        """Whether a message was for us; the publishing thread calls it."""
        if event.topic not in self.topics:
            return False
        if not event.payload:  # a retained message was deleted
            return True
        with self._lock:
            if len(event.payload) > self._longest:
                self.overlong += 1
            elif len(self._waiting) >= MOST_WAITING or self._bytes + len(event.payload) > MOST_BYTES:
                self.crowded += 1
            else:
                self._waiting.append(event)
                self._bytes += len(event.payload)
        self.arrived()
        return True

    def take(self) -> Received | None:
        """The next message, in the order in which they came; None if there is none."""
        with self._lock:
            if not self._waiting:
                return None
            taken = self._waiting.popleft()
            self._bytes -= len(taken.payload)
        return taken

    def __len__(self) -> int:
        return len(self._waiting)
