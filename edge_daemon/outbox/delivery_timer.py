"""How long detections take to the broker: the outbox as the publisher sees it, with a stopwatch.

Measured is from the end of the sound of the window that closed the event — the last one that could have prolonged it —
to the broker's acknowledgement. An event cannot be known before that window: it lies a hop, and the pause inside which
calls are one event (`detection.merge_gap_s`), after the call's own last window. Only detections found while the broker
was connected count; how long a broken link stays broken is told elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.outbox.mailbox import Order, Outgoing
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

MOST = 1000
"""Detections timed at once; more are on their way only where no figure is wanted."""


class TimedMailbox:
    """A mailbox that times acknowledgements.

    Args:
        outbox: the messages.
        time: clocks.
        delivered: told the seconds from sound to acknowledgement.
    """

    def __init__(self, outbox: Outbox, time: TimeSource, delivered: Callable[[float], None]) -> None:
        self._outbox, self._time, self._delivered = outbox, time, delivered
        self.when_acknowledged: list[Callable[[str], None]] = []
        """Told the id of each message that the broker has."""
        self._heard_ns: dict[str, int] = {}
        self._lock = threading.Lock()

    def put(self, message: Message, heard_ns: int | None = None) -> None:
        """Accept a message, timed from the end of the sound behind it (monotonic time) if that is given."""
        with self._lock:
            if heard_ns is not None and len(self._heard_ns) < MOST:
                self._heard_ns[message.id] = heard_ns
        self._outbox.put(message)

    def take(self, limit: int, order: Order, backing_off: AbstractSet[int | str]) -> Sequence[Outgoing]:
        """Messages to publish now; see `Outbox.take`."""
        return self._outbox.take(limit, order, backing_off)

    def acknowledge(self, message: str) -> None:
        """The broker has it."""
        for tell in self.when_acknowledged:  # before the outbox, which would delete it without waiting for them
            tell(message)
        self._outbox.acknowledge(message)
        with self._lock:
            heard_ns = self._heard_ns.pop(message, None)
        if heard_ns is not None:
            self._delivered((self._time.monotonic_ns() - heard_ns) / SECOND_NS)

    def release(self, messages: Iterable[str] | None = None) -> None:
        """They are no longer under way: what they take from now on tells of the link, not of us."""
        names = None if messages is None else list(messages)
        with self._lock:
            for name in list(self._heard_ns) if names is None else names:
                self._heard_ns.pop(name, None)
        self._outbox.release(names)
