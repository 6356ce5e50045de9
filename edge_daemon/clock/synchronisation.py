"""How far the system clock is to be believed: synchronised, holdover or unsynchronised.

The time service (chrony, systemd-timesyncd, ntpd) tells the kernel, and the kernel keeps a bound on the
error that grows by 500 ppm from one correction to the next; beyond 16 s it calls the clock unsynchronised. From that:

| state | when |
|---|---|
| synchronised | the kernel says so and its bound is at most 1 s |
| holdover | not that, but the kernel still calls the clock synchronised, or it was within `holdover_s` (24 h) |
| unsynchronised | otherwise; and from a step in holdover on, until the kernel says synchronised again |

(chrony tells the kernel only with `rtcsync`, as Debian configures it. Under systemd's `ProtectClock=` the kernel may
not be asked; then the file that systemd-timesyncd touches is all there is.)
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

from edge_daemon.clock.time_source import SECOND_NS

ClockState = Literal["synchronised", "holdover", "unsynchronised"]
ClockKeeper = Literal["pps", "chrony", "ntp"]
"""What keeps a synchronised clock, as far as the kernel tells: its own discipline by a pulse per second; a program that
steers the frequency itself, as chrony does; its loop, which systemd-timesyncd and ntpd use."""

_MAX_ERROR_NS = SECOND_NS
_STA_LOOP = 0x0001 | 0x0008  # STA_PLL, STA_FLL
_STA_PPS = 0x0002 | 0x0004  # STA_PPSFREQ, STA_PPSTIME
_STA_UNSYNC = 0x0040
_TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")


@dataclass(frozen=True, slots=True)
class SyncReading:
    """What the kernel says of its clock.

    Attributes:
        synchronised: whether something keeps it right.
        max_error_ns: bound on its error, ns; meaningless if not synchronised.
        keeper: what keeps it right; None if not synchronised, or if the kernel may not be asked.
    """

    synchronised: bool
    max_error_ns: int
    keeper: ClockKeeper | None = None


class KernelClock(Protocol):
    """Something that knows whether the system clock is synchronised."""

    def read(self) -> SyncReading:
        """Its state now; never raises."""


class _Timex(ctypes.Structure):
    # struct timex of <sys/timex.h>; only the first fields are read, the rest is room for the kernel to write
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


class AdjtimexClock:
    """The running kernel, asked through adjtimex(2), which needs no privilege to read.

    Args:
        timesyncd_mark: the file that counts where the kernel may not be asked.
    """

    def __init__(self, timesyncd_mark: Path = _TIMESYNCD_MARK) -> None:
        self._mark = timesyncd_mark

    def read(self) -> SyncReading:
        """Its state now; where adjtimex is missing or forbidden, whether systemd-timesyncd has ever synchronised."""
        timex = _Timex()  # modes = 0: change nothing
        try:
            if _adjtimex(timex) < 0:
                return SyncReading(self._mark.exists(), 0)
        except (AttributeError, OSError):
            return SyncReading(self._mark.exists(), 0)
        return SyncReading(not timex.status & _STA_UNSYNC, int(timex.maxerror) * 1000, _keeper(timex.status))


def _keeper(status: int) -> ClockKeeper | None:
    if status & _STA_UNSYNC:
        return None
    return "pps" if status & _STA_PPS else "ntp" if status & _STA_LOOP else "chrony"


def _adjtimex(timex: _Timex) -> int:
    return int(_libc().adjtimex(ctypes.byref(timex)))


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)  # each opening makes a class of its own, for the collector to find


class Synchronisation:
    """The state over time, from readings now and then.

    Args:
        holdover_s: how long a clock is believed without correction, seconds.
    """

    def __init__(self, *, holdover_s: float = 86_400.0) -> None:
        self._holdover_ns = holdover_s * SECOND_NS
        self._last_ns: int | None = None  # monotonic time at which the clock was last synchronised
        self.state: ClockState = "unsynchronised"
        self.keeper: ClockKeeper | None = None

    def update(self, reading: SyncReading, monotonic_ns: int) -> ClockState:
        """Take a reading; return the state from now on."""
        self.keeper = reading.keeper if reading.synchronised else None
        if reading.synchronised:
            within = reading.max_error_ns <= _MAX_ERROR_NS
            self.state = "synchronised" if within else "holdover"
            self._last_ns = monotonic_ns
        elif self._last_ns is not None and monotonic_ns - self._last_ns <= self._holdover_ns:
            self.state = "holdover"
        else:
            self.state = "unsynchronised"
        return self.state

    def stepped(self) -> None:
        """UTC was set. Unless the clock is synchronised, the new time cannot be trusted: holdover ends."""
        if self.state == "holdover":
            self.state = "unsynchronised"
            self._last_ns = None
