"""What has happened to the connection within the last hour: the moment alone hides a link that flaps."""

from __future__ import annotations

from collections import deque
from typing import Literal

from edge_daemon.clock.time_source import SECOND_NS

HOUR_NS = 3600 * SECOND_NS
MOST = 2000

Happening = Literal["lost", "brief", "unacknowledged", "taken_over"]
"""`lost`: an accepted connection has ended; of these `brief`: ended by the broker soon, without a reason, as many do
when another client comes with our identifier; `taken_over`: ended by the broker, which said that this was the reason;
`unacknowledged`: ended by us, because the broker acknowledged nothing."""


class LinkHistory:
    """What happened when, and since when nothing has been acknowledged."""

    def __init__(self) -> None:
        self._happened: deque[tuple[int, Happening]] = deque(maxlen=MOST)
        self._sent_ns: int | None = None

    def note(self, what: Happening, now_ns: int) -> None:
        """It has just happened."""
        self._happened.append((now_ns, what))

    def count(self, what: Happening, now_ns: int) -> int:
        """How often within the last hour."""
        while self._happened and now_ns - self._happened[0][0] > HOUR_NS:
            self._happened.popleft()
        return sum(kind == what for _, kind in self._happened)

    def sent(self, now_ns: int) -> None:
        """Something was sent that the broker should acknowledge."""
        if self._sent_ns is None:
            self._sent_ns = now_ns

    def answered(self) -> None:
        """The broker has answered something."""
        self._sent_ns = None

    def unanswered_s(self, now_ns: int) -> float | None:
        """Since when it has answered nothing of what was sent, over all connections; None if nothing waits."""
        return None if self._sent_ns is None else (now_ns - self._sent_ns) / SECOND_NS
