"""Sound that comes late: a network stream stalls, and then sends what was missing all at once.

What comes faster than it lasts was late, and the gap is the shorter by it. Until it is known how much that is, nothing
is made of it.
"""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS

LOOK_NS = SECOND_NS // 4
"""How long at least is looked on, to tell how fast it comes."""
LATE_S = 30.0
"""So late may sound come: only time before that becomes a gap while a stall goes on."""
MOST_BYTES = 1 << 22
"""Bytes of late sound that are taken in at once."""


class LateSound:
    """What comes after a stall.

    Args:
        bytes_per_s: of the sound.

    Attributes:
        latest_s: how late it may come, seconds.
        expected: there was sound before the stall, so some may be late.
    """

    def __init__(self, bytes_per_s: int) -> None:
        self._bytes_per_s = bytes_per_s
        self.latest_s = min(LATE_S, MOST_BYTES / bytes_per_s)
        self.expected = False
        self._since: tuple[int, int] | None = None  # since when (ns), and how many bytes were held then

    @property
    def gathers(self) -> bool:
        """Whether it is being gathered."""
        return self._since is not None

    def gather(self, now_ns: int, held: int, missing: int) -> bool:
        """Whether to wait for more before it is decided what of the silence was a gap.

        Args:
            now_ns: monotonic time.
            held: bytes that have come.
            missing: bytes that the whole silence would have been.
        """
        if self._since is None:
            self._since = (now_ns, held)
        if held >= missing:
            return False
        since_ns, before = self._since
        if now_ns - since_ns < LOOK_NS:
            return True
        lasts_ns = (held - before) * SECOND_NS // self._bytes_per_s
        self._since = (now_ns, held)
        return lasts_ns > 2 * (now_ns - since_ns)

    def over(self) -> None:
        """All that was late has come."""
        self._since = None

    def forget(self) -> None:
        """Nothing is late any more."""
        self._since, self.expected = None, False
