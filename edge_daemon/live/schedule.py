"""When to listen: always, some minutes in every so many, or at certain hours of the day.

A buoy on a small battery listens part of the time. All schedules are in UTC, so there is no summer time and
every buoy of a fleet listens at the same moments. A schedule is a pure function of UTC: it answers whether one
listens now and when that changes; opening and closing the device, and the gap in the effort ledger, follow from
the two answers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.clock.utc import utc_text
from edge_daemon.config.schedule import ScheduleSection

log = logging.getLogger(__name__)

_DAY_S = 86_400
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")


class Schedule(Protocol):
    """When one listens."""

    def is_on(self, utc_ns: int) -> bool:
        """Whether one listens at this moment; a moment of change belongs to what begins."""

    def next_change(self, utc_ns: int) -> int | None:
        """First moment after this one (UTC, ns) at which `is_on` changes; None if it never does."""


@dataclass(frozen=True, slots=True)
class Always:
    """Listening without end."""

    def is_on(self, utc_ns: int) -> bool:  # noqa: ARG002 the protocol's argument
        """True."""
        return True

    def next_change(self, utc_ns: int) -> int | None:  # noqa: ARG002 the protocol's argument
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class DutyCycle:
    """`on_s` seconds of listening, then `off_s` seconds of rest, again and again.

    Cycles are counted from 1970-01-01T00:00Z, so a cycle that divides the hour or the day begins on the hour or
    at midnight, and a restart does not shift it.

    Attributes:
        on_s: seconds of listening, > 0.
        off_s: seconds of rest, > 0.
    """

    on_s: int
    off_s: int

    def __post_init__(self) -> None:
        if self.on_s <= 0 or self.off_s <= 0:
            raise ValueError("a duty cycle needs a listening time and a pause, both above zero seconds")

    def is_on(self, utc_ns: int) -> bool:
        """Whether the moment lies in the first `on_s` seconds of its cycle."""
        return utc_ns % ((self.on_s + self.off_s) * SECOND_NS) < self.on_s * SECOND_NS

    def next_change(self, utc_ns: int) -> int | None:
        """End of the listening time or of the rest that the moment lies in (UTC, ns)."""
        cycle_ns = (self.on_s + self.off_s) * SECOND_NS
        begin_ns = utc_ns - utc_ns % cycle_ns
        return begin_ns + (self.on_s * SECOND_NS if self.is_on(utc_ns) else cycle_ns)


class DailyWindows:
    """Listening at the same hours of every UTC day.

    Args:
        windows: pairs of UTC times "HH:MM", each [begin, end); a window whose end is before its begin runs over
            midnight; "00:00" to "24:00" is the whole day. Overlapping and touching windows are one.

    Raises:
        ValueError: no window, an unreadable time, or a window of no length.
    """

    def __init__(self, windows: list[tuple[str, str]]) -> None:
        if not windows:
            raise ValueError("daily windows need at least one window")
        spans: list[tuple[int, int]] = []
        for begin_text, end_text in windows:
            begin, end = _seconds_of_day(begin_text), _seconds_of_day(end_text)
            if begin in (end, _DAY_S):
                raise ValueError(f"the window {begin_text}–{end_text} has no length; the whole day is 00:00–24:00")
            spans += [(begin, end)] if begin < end else [(begin, _DAY_S), (0, end)]
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(span for span in spans if span[0] < span[1]):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        self._spans = tuple(merged)

    def is_on(self, utc_ns: int) -> bool:
        """Whether the moment's UTC time of day lies in a window."""
        second = utc_ns // SECOND_NS % _DAY_S
        return any(begin <= second < end for begin, end in self._spans)

    def next_change(self, utc_ns: int) -> int | None:
        """Next begin or end of a window (UTC, ns); None if the windows cover the day."""
        midnight = utc_ns - utc_ns % (_DAY_S * SECOND_NS)
        now_on = self.is_on(utc_ns)
        # Tomorrow as well: a window over midnight is two spans, and the seam between them is no change.
        edges = sorted({edge + day for span in self._spans for edge in span for day in (0, _DAY_S)})
        for edge in edges:
            moment = midnight + edge * SECOND_NS
            if moment > utc_ns and self.is_on(moment) != now_on:
                return moment
        return None


def _seconds_of_day(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if match is None or (match[1] == "24" and match[2] != "00"):
        raise ValueError(f"{text!r} is not a UTC time of day between 00:00 and 24:00")
    return int(match[1]) * 3600 + int(match[2]) * 60


def schedule_from_config(section: ScheduleSection) -> Schedule:
    """The configured schedule."""
    if section.mode == "cycle" and section.on_minutes is not None and section.off_minutes is not None:
        return DutyCycle(round(60 * section.on_minutes), round(60 * section.off_minutes))
    if section.mode == "daily":
        pairs = [text.split("-") for text in section.daily]
        return DailyWindows([(begin, end) for begin, end in pairs])
    return Always()


class ScheduleRunner:
    """Whether one listens now.

    Args:
        schedule: when to listen.
        listen: told True to open the input, False to close it.
        time: clocks.

    Attributes:
        on: whether the schedule says so.
        resume_ns: monotonic time at which listening begins again, or should have begun; None before the first rest.
    """

    def __init__(self, schedule: Schedule, listen: Callable[[bool], None], time: TimeSource) -> None:
        self._schedule, self._listen, self._time = schedule, listen, time
        self.on = True
        self.resume_ns: int | None = None

    def change(self, schedule: Schedule) -> None:
        """Another schedule, from the next look on."""
        self._schedule = schedule

    def tick(self) -> None:
        """Open or close if it is time."""
        utc_ns, now_ns = self._time.utc_ns(), self._time.monotonic_ns()
        on = self._schedule.is_on(utc_ns)
        change_ns = self._schedule.next_change(utc_ns)
        if not on and change_ns is not None:
            self.resume_ns = now_ns + change_ns - utc_ns
        if on == self.on:
            return
        self.on = on
        if on:
            self.resume_ns = now_ns
        until = None if change_ns is None else utc_text(change_ns)
        log.info("listening, by schedule" if on else "pausing, by schedule", extra={"until": until})
        self._listen(on)
