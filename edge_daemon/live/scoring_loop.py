"""Scoring: drives the pipeline with what was heard, and tells everybody what became known.

Each sample of the stream is told to the effort ledger once: as listened to when a window that holds it has been
scored, or as a gap with its cause. The last samples of a stretch that fill no window are such a gap too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.audio.source import Gap, GapCause
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.clock.synchronisation import ClockState
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import ScoredWindow
from edge_daemon.detection.observer import StreamObserver
from edge_daemon.detection.pipeline import Output, Pipeline
from edge_daemon.health.counters import HealthCounters
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.sound_queue import Heard
from edge_daemon.system.pulse import Pulse

log = logging.getLogger(__name__)


class EffortBook(Protocol):
    """What scoring tells the effort ledger."""

    def listened(self, start: int, length: int, end_utc_ns: int, clock: ClockState) -> None:
        """Samples were analysed."""

    def lost(self, gap: Gap, end_utc_ns: int, clock: ClockState) -> None:
        """Samples were not."""

    def clock_step(self, step: ClockStep, clock: ClockState) -> None:
        """UTC of the samples moved."""


class ScoringLoop:
    """The pipeline and what becomes of its output; one thread drives it.

    Args:
        pipeline: fed with what is heard.
        recent: fed with the stream at the model's rate, before the observers are told.
        times: when each sample was.
        effort: the ledger, its session begun at the model's rate.
        counters: of health.
        observers: told in their order of sound, events and steps of the clock.
        time: clocks.

    Attributes:
        pulse: of the thread.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        recent: RecentSound,
        times: SampleTime,
        effort: EffortBook,
        counters: HealthCounters,
        observers: Sequence[StreamObserver],
        time: TimeSource,
    ) -> None:
        self._pipeline, self._recent, self._times, self._effort = pipeline, recent, times, effort
        self._counters, self._observers, self._time = counters, observers, time
        self.pulse = Pulse()
        self._rate = pipeline.spec.sample_rate
        self._covered = 0  # every sample before has been told to the ledger
        self._last_gap: Gap | None = None
        self._unusable = self._not_rising = 0
        self._dated = times.state != "unsynchronised"
        self._rules: EventRules | None = None  # to be taken over

    @property
    def missing(self) -> int:
        """Samples at the source's rate with which the next window would be whole, if no gap comes first."""
        return self._pipeline.missing

    def take(self, heard: Heard) -> None:
        """Deal with a block or gap.

        Raises:
            BackendError: neither the backend nor a fallback can score.
        """
        self.pulse.beat("scoring")
        self._retune()
        step = self._times.heard(heard)
        if step is not None:
            self._step(step)
        self._dated = self._dated or self._times.state != "unsynchronised"
        self._digest(self._pipeline.push(heard.item))

    def change(self, rules: EventRules) -> None:
        """Other rules of events before the next block; from any thread."""
        self._rules = rules

    def _retune(self) -> None:
        rules, self._rules = self._rules, None
        if rules is None:
            return
        self._pipeline.change(rules)
        for observer in self._observers:
            observer.retuned(rules)

    def finish(self) -> None:
        """The stream has ended: score what is held back, close the open event."""
        self._digest(self._pipeline.finish())
        for observer in self._observers:
            observer.finish()

    def _step(self, step: ClockStep) -> None:
        self._effort.clock_step(step, self._times.state)
        what = "the system clock was set" if step.kind == "system_clock" else "the sample count jumped"
        log.warning(what, extra={"jump_s": step.jump_ns / SECOND_NS, "clock": self._times.state})
        for observer in self._observers:
            observer.stepped(step, self._dated)

    def _digest(self, output: Output) -> None:
        for piece in output.sound:
            self._recent.push(piece)
            for observer in self._observers:
                observer.sound(piece)
        self._account(output)
        now_ns = self._time.monotonic_ns()
        heard_ns = now_ns
        if output.windows:
            heard_ns = self._times.monotonic_ns(output.windows[-1].start + self._pipeline.spec.window)
            unusable = self._pipeline.tally.unusable - self._unusable
            self._unusable += unusable
            if unusable:
                self._counters.unusable(now_ns, unusable)
            if len(output.windows) > unusable:
                latency_s = max(0.0, (now_ns - heard_ns) / SECOND_NS)
                self._counters.scored(now_ns, latency_s, len(output.windows) - unusable)
        for found in output.found:
            for observer in self._observers:
                observer.found(found, heard_ns)
            self._counters.detected()
        if not_rising := self._pipeline.tally.not_rising - self._not_rising:
            self._not_rising += not_rising
            self._counters.not_rising(not_rising)
        for observer in self._observers:
            observer.scored()

    def _account(self, output: Output) -> None:
        clock = self._times.state
        for start, end, cause in in_order(output.windows, output.gaps, self._pipeline.spec.window):
            if end < start or (end == start and cause is None):
                continue
            if cause is None:
                begin = max(start, self._covered)
                self._effort.listened(begin, end - begin, self._times.utc_ns(end), clock)
            else:
                gap = Gap(start, end - start, cause)
                self._effort.lost(gap, self._times.utc_ns(end), clock)
                last = self._last_gap
                goes_on = last is not None and (last.end, last.cause) == (gap.start, gap.cause)
                self._counters.gap(cause, gap.length / self._rate, begins=not goes_on)
                self._last_gap = gap
            self._covered = max(self._covered, end)


def in_order(
    windows: Sequence[ScoredWindow], gaps: Sequence[Gap], window: int
) -> Iterator[tuple[int, int, GapCause | None]]:
    """Windows and gaps of one output as (start, end, cause) in order of time; cause None for windows.

    Args:
        windows: in order of time.
        gaps: likewise; no window reaches into one.
        window: length of a window, samples.
    """
    waiting = list(reversed(gaps))
    for scored in windows:
        while waiting and waiting[-1].start <= scored.start:
            gap = waiting.pop()
            yield gap.start, gap.end, gap.cause
        yield scored.start, scored.start + window, None
    for gap in reversed(waiting):
        yield gap.start, gap.end, gap.cause
