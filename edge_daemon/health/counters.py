"""Counters of what the daemon does, for the health document.

It takes times as arguments and asks nobody, so a test can fill it by hand. Writing costs a lock and an addition.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.health.document import (
    GapHealth,
    LatencyHealth,
    WindowHealth,
)
from edge_daemon.health.histogram import Histogram


@dataclass(frozen=True, slots=True)
class CounterReport:
    """What was counted up to a moment.

    Attributes:
        uptime_s: seconds since the start.
        silent_s: seconds since windows were last scored, or last had a known reason not to be.
        lost_for: cause of the last gap since windows were scored, or empty.
        detections: events since the start.
        not_rising: events since the start that are none, since no call in them rises.
        windows, latency, delivery, gaps: as in the document.
    """

    uptime_s: float
    silent_s: float
    lost_for: str
    detections: int
    not_rising: int
    windows: WindowHealth
    latency: LatencyHealth
    delivery: LatencyHealth
    gaps: dict[str, GapHealth]


class HealthCounters:
    """Counters since the start; safe to use from any thread.

    Args:
        now_ns: monotonic time at the start.
    """

    def __init__(self, now_ns: int) -> None:
        self._started_ns = now_ns
        self._lock = threading.Lock()
        self._latency = Histogram()
        self._delivery = Histogram()
        self._gaps: dict[str, tuple[int, float]] = {}
        self._lost_for = ""  # cause of the last gap since windows were scored
        self._scored = self._unusable = self._detections = self._not_rising = 0
        self._last_scored_ns: int | None = None
        self._excused_ns: int | None = None

    @property
    def last_scored_ns(self) -> int | None:
        """Monotonic time at which windows were last scored, or None."""
        return self._last_scored_ns

    @property
    def last_alive_ns(self) -> int | None:
        """Monotonic time at which windows were last scored, or last had a known reason not to be."""
        return max((at for at in (self._last_scored_ns, self._excused_ns) if at is not None), default=None)

    def silent_for_known_cause(self, now_ns: int) -> None:
        """No window is scored, for a known cause; when that has ended, the next ones take some time."""
        self._excused_ns = now_ns

    @property
    def detections(self) -> int:
        """Events since the start."""
        return self._detections

    def scored(self, now_ns: int, latency_s: float | None = None, count: int = 1) -> None:
        """Windows were scored, the last `latency_s` after the end of its sound."""
        with self._lock:
            self._scored += count
            self._last_scored_ns, self._lost_for = now_ns, ""
            if latency_s is not None:
                self._latency.add(latency_s)

    def unusable(self, now_ns: int, count: int = 1) -> None:
        """Windows came through the pipeline whose sound could not be scored; they too show that it runs."""
        with self._lock:
            self._unusable += count
            self._last_scored_ns, self._lost_for = now_ns, ""

    def detected(self, count: int = 1) -> None:
        """Events were found."""
        with self._lock:
            self._detections += count

    def not_rising(self, count: int = 1) -> None:
        """Events were found in which no call rises as far as the rules ask."""
        with self._lock:
            self._not_rising += count

    def delivered(self, latency_s: float) -> None:
        """The broker has a detection, so long after the end of the sound by which its event was closed."""
        with self._lock:
            self._delivery.add(latency_s)

    def gap(self, cause: str, seconds: float, *, begins: bool = True) -> None:
        """Sound was lost; `begins` is False if this goes on with the gap told last."""
        with self._lock:
            number, total = self._gaps.get(cause, (0, 0.0))
            self._gaps[cause] = (number + begins, total + max(0.0, seconds))
            if cause != "tail":
                self._lost_for = cause

    def report(self, now_ns: int) -> CounterReport:
        """What was counted up to this monotonic time."""
        with self._lock:
            since = None if self._last_scored_ns is None else (now_ns - self._last_scored_ns) / SECOND_NS
            alive_ns = self.last_alive_ns
            return CounterReport(
                uptime_s=(now_ns - self._started_ns) / SECOND_NS,
                silent_s=(now_ns - (self._started_ns if alive_ns is None else alive_ns)) / SECOND_NS,
                lost_for=self._lost_for,
                detections=self._detections,
                not_rising=self._not_rising,
                windows=WindowHealth(
                    scored=self._scored,
                    unusable=self._unusable,
                    last_scored_s=None if since is None else round(since, 1),
                ),
                latency=_latency(self._latency),
                delivery=_latency(self._delivery),
                gaps={
                    cause: GapHealth(count=number, seconds=round(total, 3))
                    for cause, (number, total) in sorted(self._gaps.items())
                },
            )


def _latency(histogram: Histogram) -> LatencyHealth:
    return LatencyHealth(
        count=histogram.count,
        p50_ms=_milliseconds(histogram.quantile(0.5)),
        p99_ms=_milliseconds(histogram.quantile(0.99)),
        largest_ms=_milliseconds(histogram.largest if histogram.count else None),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)
