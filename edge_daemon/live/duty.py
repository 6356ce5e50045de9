"""The listening schedule applied: opens and closes the input as the hours say."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge_daemon.clock.time_source import TimeSource
from edge_daemon.clock.utc import utc_text
from edge_daemon.config.schedule import ScheduleSection
from edge_daemon.live.schedule import Always, DailyWindows, DutyCycle, Schedule

log = logging.getLogger(__name__)


def schedule_of(section: ScheduleSection) -> Schedule:
    """The configured schedule."""
    if section.mode == "cycle" and section.on_minutes is not None and section.off_minutes is not None:
        return DutyCycle(round(60 * section.on_minutes), round(60 * section.off_minutes))
    if section.mode == "daily":
        pairs = [text.split("-") for text in section.daily]
        return DailyWindows([(begin, end) for begin, end in pairs])
    return Always()


class Duty:
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
        log.info("the schedule says to listen" if on else "the schedule says to rest", extra={"until": until})
        self._listen(on)
