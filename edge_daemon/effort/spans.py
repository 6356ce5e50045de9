"""Effort as spans: what was listened to, what was missed and why, without a hole between them.

A statement like "no whale was heard" is worth what the effort behind it is worth. So every moment of a session
belongs to exactly one span: listened, or a gap with its cause. Spans tile time twice: in samples of the stream
(every sample is in one span) and in UTC (each span begins where the one before ended). A session begins with its
first sample.

Two kinds of span lie outside the stream, have no first sample, and count in samples what their time is worth at the
session's rate: "restart", from the last moment known on disk to the session's begin, and "clock_step", the jump of
a clock that was set. A clock set back makes a clock_step of negative length, so that sums stay true: the hour that
was lived twice was listened to twice, and counts once on the wall clock.

No more time is ever accounted for than has passed. Sound may come faster than time goes by (a recording poured into a
pipe, a card at another rate than it says): it is analysed and counted in samples, but makes no time.

A session that began without the time (a board without battery clock, before the network answered) is re-dated as a
whole when UTC is first set: its spans move, and the "restart" in front of them grows to what the power cut really took.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from edge_daemon.audio.source import Gap, GapCause
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.clock.synchronisation import ClockState
from edge_daemon.clock.time_source import SECOND_NS

ENTRY = 0
"""Number of the span between the session before and this one."""

EntryCause = Literal["restart", "schedule", "device_absent", "device_error"]


@dataclass(frozen=True, slots=True)
class Session:
    """One run of listening with one device at one rate.

    Attributes:
        id: unique.
        device: identity of the buoy.
        source: what it listens with: name of the sound card, pipe or file.
        rate: samples per second in which its spans are counted.
        boot_id: the kernel's identity of this boot, or empty.
    """

    id: str
    device: str
    source: str
    rate: int
    boot_id: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that was listened to, or missed for one cause.

    Attributes:
        number: order within the session; 0 is the span that leads to it.
        start: index of the first sample in the stream; None outside the stream.
        samples: length in samples; negative only for a clock set back.
        cause: why it was missed; None if it was listened to.
        begin_utc_ns: begin, UTC, ns.
        end_utc_ns: end, UTC, ns.
        clock: what the times rest on, as of the span's end.
    """

    number: int
    start: int | None
    samples: int
    cause: GapCause | None
    begin_utc_ns: int
    end_utc_ns: int
    clock: ClockState

    def moved(self, by_ns: int) -> Span:
        """The same span, dated later by so much."""
        return replace(self, begin_utc_ns=self.begin_utc_ns + by_ns, end_utc_ns=self.end_utc_ns + by_ns)


class EffortAccount:
    """The spans of one session as they grow: pure state, time given by the caller.

    Attributes:
        session: whose effort it is.
        changed: spans that differ from what the ledger has on disk, by number; the ledger takes them out.
        redate_ns: by how much the spans on disk must be moved; the ledger takes it off.
        entry: the span that leads to the session, once known.
        end_utc_ns: up to where time is accounted for.
        overlaps: samples told twice, of which the first telling stood.
        listened_ns: time listened to so far, ns.
        lost_ns: time missed so far, ns: all gaps but clock steps.
        excess_ns: by how much the sound that came was longer than the time in which it came.

    Args:
        session: whose effort it is.
        begin_utc_ns: UTC at its begin, ns.
        clock: what that rests on.
        cause: why there was no session before it.
    """

    def __init__(self, session: Session, begin_utc_ns: int, clock: ClockState, cause: EntryCause = "restart") -> None:
        self.session = session
        self.changed: dict[int, Span] = {}
        self.redate_ns = 0
        self.entry: Span | None = None
        self.begin_utc_ns = begin_utc_ns
        self.end_utc_ns = begin_utc_ns
        self.overlaps = 0
        self.listened_ns = self.lost_ns = self.excess_ns = 0
        self._zero_utc_ns = begin_utc_ns  # UTC of the session's begin, by the clock as it is known now
        self._latest_utc_ns: int | None = None
        self._dated = clock != "unsynchronised"
        self._clock = clock
        self._last: Span | None = None
        self._next_sample: int | None = None
        self._entry_cause = cause

    def until(self, passed_ns: int, utc_ns: int) -> None:
        """What is told from now on has ended by now.

        Args:
            passed_ns: time since the session's begin by a clock that is never set, ns.
            utc_ns: UTC now; it may have been set without anybody having noticed yet.
        """
        self._latest_utc_ns = max(self._zero_utc_ns + passed_ns, utc_ns)

    def listened(self, start: int, length: int, end_utc_ns: int, clock: ClockState) -> None:
        """Samples [start, start + length) were analysed; the last one ended at `end_utc_ns`."""
        self._advance(start, length, None, end_utc_ns, clock)

    def lost(self, gap: Gap, end_utc_ns: int, clock: ClockState) -> None:
        """The samples of `gap` were not analysed; the last one would have ended at `end_utc_ns`."""
        self._advance(gap.start, gap.length, gap.cause, end_utc_ns, clock)

    def stepped(self, step: ClockStep, clock: ClockState) -> None:
        """UTC of the samples moved at once: re-date the session if it never knew the time, else enter the jump.

        More samples than time has passed make no time: what was accounted for stands, until time has caught up.
        """
        if step.kind == "system_clock" and not self._dated:
            self._redate(step.jump_ns)
        elif step.kind == "system_clock":
            self._zero_utc_ns += step.jump_ns
            self._append(None, self._worth(step.jump_ns), "clock_step", self.end_utc_ns + step.jump_ns, clock)
        elif (jump_ns := self._bounded(self.end_utc_ns + step.jump_ns) - self.end_utc_ns) > 0:
            # samples that vanished without a gap being told were dropped somewhere below us
            self._append(None, self._worth(jump_ns), "overflow", self.end_utc_ns + jump_ns, clock)
        self._dated = self._dated or clock != "unsynchronised"

    def enter_from(self, previous_end_utc_ns: int | None) -> None:
        """Lead over from where the ledger ended before, None if it was empty; only the first call counts."""
        if self.entry is None and previous_end_utc_ns is not None:
            self._set_entry(previous_end_utc_ns)

    def _advance(self, start: int, length: int, cause: GapCause | None, end_utc_ns: int, clock: ClockState) -> None:
        expected = start if self._next_sample is None else self._next_sample
        end = start + length
        if start < expected:
            self.overlaps += min(length, expected - start)
        if end <= expected:
            return
        if self._next_sample is None:
            self._begin_with(end_utc_ns - length * SECOND_NS // self.session.rate)
        # corrections of less than a block do not turn time round
        end_utc_ns = max(self.end_utc_ns, self._bounded(end_utc_ns))
        lasts_ns = (end - expected) * SECOND_NS // self.session.rate
        if 2 * (end_utc_ns - self.end_utc_ns) < lasts_ns:  # a clock that is corrected, or a crystal, is not so far off
            self.excess_ns += lasts_ns - (end_utc_ns - self.end_utc_ns)
        self._dated = self._dated or clock != "unsynchronised"
        if start > expected:  # nothing may stay untold
            share = (start - expected) / (end - expected)
            hole_end_ns = self.end_utc_ns + round((end_utc_ns - self.end_utc_ns) * share)
            self._append(expected, start - expected, "overflow", hole_end_ns, clock)
        begin = max(start, expected)
        self._append(begin, end - begin, cause, end_utc_ns, clock)
        self._next_sample = end

    def _append(
        self, start: int | None, samples: int, cause: GapCause | None, end_utc_ns: int, clock: ClockState
    ) -> None:
        if cause is None:
            self.listened_ns += end_utc_ns - self.end_utc_ns
        elif cause != "clock_step":
            self.lost_ns += end_utc_ns - self.end_utc_ns
        last = self._last
        if (
            last is not None
            and start is not None
            and last.start is not None
            and (last.cause, last.clock) == (cause, clock)
        ):
            span = replace(last, samples=last.samples + samples, end_utc_ns=end_utc_ns)
        else:
            number = ENTRY + 1 if last is None else last.number + 1
            span = Span(number, start, samples, cause, self.end_utc_ns, end_utc_ns, clock)
        self._last = self.changed[span.number] = span
        self.end_utc_ns = end_utc_ns

    def _bounded(self, end_utc_ns: int) -> int:
        return end_utc_ns if self._latest_utc_ns is None else min(end_utc_ns, self._latest_utc_ns)

    def _begin_with(self, first_sample_utc_ns: int) -> None:
        """The device took its time to open: the session begins with its first sample."""
        if self._last is None and first_sample_utc_ns > self.begin_utc_ns:
            self.begin_utc_ns = self.end_utc_ns = first_sample_utc_ns
            if self.entry is not None:
                self._set_entry(self.entry.begin_utc_ns)

    def _redate(self, by_ns: int) -> None:
        self.changed = {n: span.moved(by_ns) for n, span in self.changed.items() if n != ENTRY}
        self._last = self._last and self._last.moved(by_ns)
        self.begin_utc_ns += by_ns
        self._zero_utc_ns += by_ns
        self.end_utc_ns += by_ns
        self.redate_ns += by_ns
        if self.entry is not None:
            self._set_entry(self.entry.begin_utc_ns)

    def _set_entry(self, previous_end_utc_ns: int) -> None:
        length_ns = self.begin_utc_ns - previous_end_utc_ns
        cause: GapCause = self._entry_cause if length_ns >= 0 else "clock_step"
        span = Span(ENTRY, None, self._worth(length_ns), cause, previous_end_utc_ns, self.begin_utc_ns, self._clock)
        self.entry = self.changed[ENTRY] = span

    def _worth(self, length_ns: int) -> int:
        return round(length_ns * self.session.rate / SECOND_NS)
