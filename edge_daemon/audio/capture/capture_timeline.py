"""The timeline of a live input: every moment is booked as sound or as a gap with a cause, and what happened is counted.

Sound cards and pipes differ in how they are opened and read; what becomes of their samples, silences and failures is
the same and stands here.
"""

from __future__ import annotations

import logging
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.capture.dead_input import DeadInputDetector
from edge_daemon.audio.capture.input_state import InputHealth, InputPhase, InputVerdict
from edge_daemon.audio.capture.input_verdict import InputFault, InputJudge, verdict
from edge_daemon.audio.capture.rate_meter import RateMeter
from edge_daemon.audio.capture.sound_statistics import SoundSampler
from edge_daemon.audio.source import Block, Gap, GapCause
from edge_daemon.clock.time_source import SECOND_NS, TimeSource

log = logging.getLogger(__name__)

_UNTOLD_S = 0.5  # at the end: a shorter silence is the rest of a block
_GAP_STEP_S = 1.0  # while there is no sound, gaps come in pieces of this length: the reader sees time go on
_DEAD = InputFault("dead_input", "the samples do not change", broken=True)


class CaptureTimeline:
    """Turns what happens to a live input into blocks, gaps and a state. For one thread; `state` may be read by any.

    Args:
        name: of the input.
        rate: Hz.
        time: clocks.
        dead_s: samples that do not change for so many seconds mean a dead input: from then on a gap.
        clip_level: magnitude from which on samples count as clipped.
        lead: samples left out after each opening, where they count as missing or the stream begins after them, and
            after each gap in the stream, which grows by them.

    Attributes:
        ready: blocks and gaps to be given to the reader, oldest first.
        state: of the input.
        cause: why there is no sound now, or None.
        sounding: sound has arrived since the last `opening`.
        arrived_ns: monotonic time at which the last sample booked arrived, or None.
    """

    def __init__(self, name: str, rate: int, time: TimeSource, dead_s: float, clip_level: float, lead: int = 0) -> None:
        self._rate, self._time = rate, time
        self._lead = self._skip = lead
        self._leave_out: tuple[int, GapCause] = (0, "overflow")  # samples still to be left out after a gap, its cause
        self._position = SampleCount(rate)
        self._dead_input = DeadInputDetector(round(dead_s * rate), clip_level)
        self._meter, self._sampler, self._judge = RateMeter(rate), SoundSampler(rate, clip_level), InputJudge(rate)
        self._known: dict[str, InputFault] = {}  # of this opening
        self._first_device: str | None = None  # that gave sound
        self.ready: deque[Block | Gap] = deque()
        self.state = InputHealth(phase="opening", device=name)
        self.cause: GapCause | None = None
        self.sounding = False
        self.arrived_ns: int | None = None

    def opening(self) -> None:
        """An attempt to open begins."""
        self._position.begin(self._time.monotonic_ns())
        if self.cause is None:
            self._enter("opening")
        self.sounding = False
        self._skip, self._leave_out = self._lead, (0, "overflow")
        self._dead_input.reset()
        self._meter.restart()
        self._sampler.restart()
        self._judge.restart()
        self._known = {}
        self._change(sound=InputVerdict())

    def note(self, finding: InputFault) -> None:
        """Something is wrong with the input for as long as it is open."""
        if finding.key not in self._known:
            log.warning("'%s': %s", self.state.device, finding.sentence)
        self._known[finding.key] = finding
        self._change(sound=verdict(list(self._known.values())))

    def sound(
        self, samples: NDArray[np.float32], arrived_ns: int, *, lost: int = 0, device: str, settled: bool = True
    ) -> bool:
        """Samples have arrived.

        Args:
            samples: float32 [n ≥ 1].
            arrived_ns: monotonic time at which the last one arrived.
            lost: samples lost just before them.
            device: that gave them.
            settled: no more of them waited to be read.

        Returns:
            True if they are the first after opening.
        """
        if lost or not self.sounding:
            self._meter.restart()
        self._meter.feed(len(samples), arrived_ns, settled=settled)
        skipped = min(self._skip, len(samples))
        self._skip -= skipped
        samples = samples[skipped:]
        if not len(samples):
            return False
        first, self.sounding = not self.sounding, True
        if first:
            if self.cause is not None:
                # even an interruption too short to be measured ends the windows that began before it
                missing = self._position.elapsed(arrived_ns) - len(samples) - lost
                self.ready.append(self._position.missing(missing, self.cause))
                self.cause = None
            self._enter("listening")
            self._change(opened=self.state.opened + 1, attempts=0, device=device)
            self._first_device = self._first_device or device
            if device != self._first_device:
                self.note(
                    InputFault("other_device", f"sound comes from '{device}', but came from '{self._first_device}'")
                )
            log.info("listening to '%s' at %d Hz", device, self._rate)
        if lost:
            self._change(overflows=self.state.overflows + 1, lost_samples=self.state.lost_samples + lost)
            self.ready.append(self._position.missing(lost, "overflow"))
            if not first:
                self._leave_out = (self._lead, "overflow")
        dead = self._inspect(samples)
        if dead:  # all of this, and the lead of what comes alive
            self._leave_out = (len(samples) + self._lead, "dead_input")
        self._book_sound(samples, arrived_ns)
        self.arrived_ns = arrived_ns
        return first

    def _book_sound(self, samples: NDArray[np.float32], arrived_ns: int) -> None:
        """A gap of what is to be left out, a block of the rest."""
        start = self._position.sound(len(samples), arrived_ns)
        left, cause = self._leave_out
        out = min(left, len(samples))
        self._leave_out = (left - out, cause)
        if out:
            self.ready.append(Gap(start, out, cause))
        if out < len(samples):
            self.ready.append(Block(samples[out:], start + out))

    def failed(self, cause: GapCause, error: str, *, attempt: bool, tried: bool = True) -> None:
        """The input failed, whether open or in an attempt to open it; from here on there is no sound.

        Args:
            cause: of the gap.
            error: a sentence.
            attempt: it was to be opened.
            tried: it really was; False if nothing could be tried, which counts as no attempt.
        """
        if error != self.state.last_error or not attempt:  # not once a minute for months
            log.warning("%s Retrying until it works.", error)
        gone = cause == "device_absent" and not attempt
        self._change(
            last_error=error,
            attempts=self.state.attempts + (attempt and tried),
            stalls=self.state.stalls + (cause == "stall"),
            disconnects=self.state.disconnects + gone,
        )
        self.silent(cause, "waiting")

    def silent(self, cause: GapCause, phase: InputPhase) -> None:
        """From here on there is no sound, for this cause; the time before is booked under the one before."""
        self._position.begin(self._time.monotonic_ns())
        if self.cause != cause:
            self.book(at_least=1)
            self._change(sound=InputVerdict())  # there is none to judge
        self.cause = cause
        self._enter(phase)

    def moment_ns(self, index: int) -> int | None:
        """Monotonic time of a sample or of the end of a gap, ns; None before anything has happened."""
        return self._position.moment_ns(index)

    @property
    def silence(self) -> int:
        """Samples that the time since the last sound or gap is worth."""
        return max(0, self._position.elapsed(self._time.monotonic_ns()))

    def book(self, at_least: int | None = None, *, but: int = 0) -> None:
        """Make time without sound a gap, once it is worth so many samples (one second's if None).

        Args:
            at_least: samples.
            but: samples, the newest, for which sound may still come.
        """
        elapsed = self._position.elapsed(self._time.monotonic_ns()) - but
        if self.cause is not None and elapsed >= (round(_GAP_STEP_S * self._rate) if at_least is None else at_least):
            self.ready.append(self._position.missing(elapsed, self.cause))

    def closed(self) -> None:
        """The input was given back for good."""
        if self.state.phase != "closed":
            if self.cause is None and self.silence > _UNTOLD_S * self._rate:
                self.cause = "stall"  # it had begun, and nobody would tell it any more
            self.book(at_least=1)
            self._enter("closed")

    def _inspect(self, samples: NDArray[np.float32]) -> bool:
        finding = self._dead_input.feed(samples)
        account = None if finding.dead else self._sampler.push(samples)
        if account is not None:
            self._change(sound=self._judge.judge(account, self._meter.hz, self._meter.seconds, self._known))
        if finding.clipped:
            self._change(clipped_blocks=self.state.clipped_blocks + 1)
        if finding.dead != self.state.dead_input:
            self._change(dead_input=finding.dead, dead_inputs=self.state.dead_inputs + finding.dead)
            what = "have stopped changing: dead input" if finding.dead else "change again"
            log.warning("the samples of '%s' %s", self.state.device, what)
            if finding.dead:
                self._change(sound=verdict([_DEAD]))
        return finding.dead

    def _enter(self, phase: InputPhase) -> None:
        if phase != self.state.phase:
            self._change(phase=phase)

    def _change(self, **changes: object) -> None:
        self.state = self.state.model_copy(update=changes)


class SampleCount:
    """Gives every sample and every gap its place: by the samples while they arrive, by the clock while they do not.

    So an index is a moment, before and after any failure: when sound returns, its first sample has the index that the
    monotonic clock says, and what lies between is a gap.

    Args:
        rate: Hz.

    Attributes:
        index: of the next sample or gap.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.index = 0
        self._anchor: tuple[int, int] | None = None  # an index and its monotonic time, ns

    def begin(self, now_ns: int) -> None:
        """The stream should give sound from now on; only the first call counts."""
        if self._anchor is None:
            self._anchor = (0, now_ns)

    def sound(self, count: int, arrived_ns: int) -> int:
        """Samples have arrived, the last one at `arrived_ns`; return the index of the first one."""
        start = self.index
        self.index += count
        self._anchor = (self.index, arrived_ns)
        return start

    def missing(self, length: int, cause: GapCause) -> Gap:
        """Samples of this number (0 or more) were lost here."""
        gap = Gap(self.index, max(0, length), cause)
        self.index = gap.end
        return gap

    def elapsed(self, now_ns: int) -> int:
        """Samples between the next index and the one that the clock says; negative if more came than time went by."""
        if self._anchor is None:
            return 0
        index, at_ns = self._anchor
        return index + (now_ns - at_ns) * self._rate // SECOND_NS - self.index

    def moment_ns(self, index: int) -> int | None:
        """Monotonic time (ns) that belongs to an index; None before the stream has begun."""
        if self._anchor is None:
            return None
        at, at_ns = self._anchor
        return at_ns + (index - at) * SECOND_NS // self._rate
