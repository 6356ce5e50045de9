"""When a sample of the model's stream was heard: the sample clock and the system clock's state in one.

Positions are counted at the model's rate, as windows, events and effort are; the clock itself counts the source's
samples. For one thread; `state`, `drift_ppm` and `steps` may be read by any.
"""

from __future__ import annotations

from edge_daemon.audio.clock import ClockStep, SampleClock
from edge_daemon.audio.synchronisation import ClockState, KernelClock, Synchronisation
from edge_daemon.config.clock import ClockSection
from edge_daemon.live.soundqueue import Heard
from edge_daemon.timesource import SECOND_NS

KERNEL_EVERY_NS = 5 * SECOND_NS
"""How often the kernel is asked how it keeps the clock."""


class SampleTime:
    """UTC and monotonic time of each sample.

    Args:
        source_rate: Hz, of what is heard.
        rate: Hz, of the positions asked for.
        section: the configuration's `clock`.
        kernel: knows whether the system clock is kept right.
        now_ns: monotonic time.
    """

    def __init__(self, source_rate: int, rate: int, section: ClockSection, kernel: KernelClock, now_ns: int) -> None:
        self._source_rate, self._rate = source_rate, rate
        self._clock = SampleClock(source_rate, step_limit_s=section.step_limit_s, window_s=section.drift_window_s)
        self._synchronisation = Synchronisation(holdover_s=section.holdover_s)
        self._kernel = kernel
        self._ask_at_ns = now_ns
        self._ask(now_ns)

    @property
    def state(self) -> ClockState:
        """How far UTC is to be believed."""
        return self._synchronisation.state

    @property
    def drift_ppm(self) -> float | None:
        """By how much the source counts too fast, ppm; None until that is known."""
        return self._clock.drift_ppm

    @property
    def steps(self) -> int:
        """Jumps of UTC so far."""
        return self._clock.steps

    def heard(self, heard: Heard) -> ClockStep | None:
        """Take note of a block's or gap's end; returns a step of UTC, once, if there was one."""
        if heard.interrupted:
            self._clock.discontinuity()
        if not heard.timed and self._clock.anchored:
            return None
        at_ns = heard.arrived_ns
        if at_ns >= self._ask_at_ns:
            self._ask(at_ns)
        step = self._clock.observe(heard.item.end, at_ns + heard.utc_offset_ns, at_ns)
        if heard.interrupted:
            self._clock.discontinuity()
        if step is not None and step.kind == "system_clock":
            self._synchronisation.stepped()
            self._ask(at_ns)
        return step

    def utc_ns(self, position: int) -> int:
        """UTC of a sample, ns."""
        return self._clock.utc_at(position * self._source_rate // self._rate)

    def monotonic_ns(self, position: int) -> int:
        """Monotonic time of a sample, ns: when it was due to arrive if nothing held it up."""
        return self._clock.monotonic_at(position * self._source_rate // self._rate)

    def _ask(self, now_ns: int) -> None:
        self._ask_at_ns = now_ns + KERNEL_EVERY_NS
        self._synchronisation.update(self._kernel.read(), now_ns)
