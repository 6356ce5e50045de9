"""When a sample of the model's stream was heard: the sample clock and the system clock's state in one.

Positions are counted at the model's rate, as windows, events and effort are; the clock itself counts the source's
samples. For one thread; `state`, `report` and `trusts_now` may be asked by any.

The system clock is always ahead of what is known here: a block was stamped when it arrived, and a step counts from the
second block on that shows it. What the kernel says is about the clock as it is now, so it is taken only while the
clock as it is now agrees with what is known; until then the older state holds.
"""

from __future__ import annotations

from edge_daemon.clock.sample_clock import ClockStep, SampleClock
from edge_daemon.clock.synchronisation import ClockKeeper, ClockState, KernelClock, Synchronisation
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.config.clock import ClockSection
from edge_daemon.health.document import ClockHealth
from edge_daemon.live.sound_queue import Heard

KERNEL_EVERY_NS = 5 * SECOND_NS
"""How often the kernel is asked how it keeps the clock."""


class SampleTime:
    """UTC and monotonic time of each sample.

    Args:
        source_rate: Hz, of what is heard.
        rate: Hz, of the positions asked for.
        section: the configuration's `clock`.
        kernel: knows whether the system clock is kept right.
        time: the system's clocks as they are now.
    """

    def __init__(
        self, source_rate: int, rate: int, section: ClockSection, kernel: KernelClock, time: TimeSource
    ) -> None:
        self._source_rate, self._rate = source_rate, rate
        self._clock = SampleClock(source_rate, step_limit_s=section.step_limit_s, window_s=section.drift_window_s)
        self._synchronisation = Synchronisation(holdover_s=section.holdover_s)
        self._kernel, self._time = kernel, time
        self._step_limit_ns = section.step_limit_s * SECOND_NS
        self._ask_at_ns = time.monotonic_ns()
        self._ask(self._ask_at_ns)

    @property
    def state(self) -> ClockState:
        """How far UTC is to be believed."""
        return self._synchronisation.state

    @property
    def keeper(self) -> ClockKeeper | None:
        """What keeps the clock right, as far as the kernel tells."""
        return self._synchronisation.keeper

    def report(self) -> ClockHealth:
        """What health tells about the clock."""
        return ClockHealth(
            state=self.state, keeper=self.keeper, drift_ppm=self._clock.drift_ppm, steps=self._clock.steps
        )

    @property
    def trusts_now(self) -> bool:
        """Whether the system clock's UTC is to be believed at this moment, a step nobody has noticed yet included."""
        return self.state != "unsynchronised" and self._clock.anchored and self._agrees_now()

    def heard(self, heard: Heard) -> ClockStep | None:
        """Take note of a block's or gap's end; returns a step of UTC, once, if there was one."""
        if heard.interrupted:
            self._clock.discontinuity()
        if not heard.timed and self._clock.anchored:
            return None
        at_ns = heard.arrived_ns
        step = self._clock.observe(heard.item.end, at_ns + heard.utc_offset_ns, at_ns)
        if heard.interrupted:
            self._clock.discontinuity()
        stepped = step is not None and step.kind == "system_clock"
        if stepped or at_ns >= self._ask_at_ns:
            self._ask(at_ns)
        if stepped:  # after asking: a clock set by hand is no longer synchronised, and only then known not to be
            self._synchronisation.stepped()
        return step

    def utc_ns(self, position: int) -> int:
        """UTC of a sample, ns."""
        return self._clock.utc_at(position * self._source_rate // self._rate)

    def monotonic_ns(self, position: int) -> int:
        """Monotonic time of a sample, ns: when it was due to arrive if nothing held it up."""
        return self._clock.monotonic_at(position * self._source_rate // self._rate)

    def _ask(self, now_ns: int) -> None:
        """Take the kernel's word, or ask again with the next block if it is about a UTC not known here yet."""
        reading = self._kernel.read()
        self._ask_at_ns = now_ns
        if not reading.synchronised or not self._clock.anchored or self._agrees_now():  # clocks read after the kernel
            self._ask_at_ns = now_ns + KERNEL_EVERY_NS
            self._synchronisation.update(reading, now_ns)

    def _agrees_now(self) -> bool:
        now_ns = self._time.utc_ns() - self._time.monotonic_ns()
        return abs(now_ns - self._clock.utc_offset_ns) <= self._step_limit_ns
