"""When the kernel's word on the clock counts: never for a UTC that is not known yet, never after a hand has set it."""

from __future__ import annotations

import numpy as np
import pytest

from edge_daemon.audio.source import Block
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.clock.synchronisation import SyncReading
from edge_daemon.config.clock import ClockSection
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.sound_queue import Heard
from edge_daemon.testing.machine import ManualTime, MemoryKernelClock

RATE = 1000
TEN_YEARS_S = 10 * 365 * 86_400.0


class Ship:
    """A stream of 0.1 s blocks, its clocks, and the kernel that keeps them."""

    def __init__(self, synchronised: bool) -> None:
        self.time = ManualTime()
        self.kernel = MemoryKernelClock(synchronised)
        self.times = SampleTime(RATE, RATE, ClockSection(), self.kernel, self.time)
        self.position = 0

    def block(self) -> Heard:
        """A block arrives: it carries what the clocks read now."""
        self.time.advance(0.1)
        now_ns = self.time.monotonic_ns()
        item = Block(np.zeros(100, np.float32), self.position)
        self.position += 100
        return Heard(item, now_ns, self.time.utc_ns() - now_ns)

    def sail(self, seconds: float) -> list[ClockStep]:
        """Blocks for so long; the steps that they showed."""
        steps = [self.times.heard(self.block()) for _ in range(round(seconds * 10))]
        return [step for step in steps if step is not None]

    def error_s(self) -> float:
        """By how much the newest sample is misdated, s."""
        return (self.times.utc_ns(self.position) - self.time.utc_ns()) / 1e9


def set_by_ntp(ship: Ship, seconds: float) -> None:
    ship.time.step(seconds)
    ship.kernel.reading = SyncReading(True, 10**6)


def set_by_hand(ship: Ship, seconds: float) -> None:
    """As `date -s` does: the kernel takes its clock for unsynchronised from then on."""
    ship.time.step(seconds)
    ship.kernel.reading = SyncReading(False, 0)


def test_a_date_set_by_hand_is_not_trusted() -> None:
    ship = Ship(synchronised=True)
    ship.sail(20.0)
    assert ship.times.state == "synchronised"
    set_by_hand(ship, TEN_YEARS_S)
    assert len(ship.sail(0.5)) == 1
    assert ship.times.state == "unsynchronised"
    ship.sail(60.0)
    assert ship.times.state == "unsynchronised"
    set_by_ntp(ship, -TEN_YEARS_S)
    ship.sail(0.5)
    assert ship.times.state == "synchronised"
    assert ship.error_s() == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize("tenths", range(60))
def test_never_synchronised_with_the_old_time(tenths: int) -> None:
    """Whatever the step's moment, also that in which the kernel is asked anyway."""
    ship = Ship(synchronised=False)
    ship.sail(10.0 + tenths / 10)
    set_by_ntp(ship, TEN_YEARS_S)
    stepped = False
    for _ in range(20):
        step = ship.times.heard(ship.block())
        stepped = stepped or step is not None
        assert stepped or ship.times.state == "unsynchronised"
    assert stepped
    assert ship.times.state == "synchronised"
    assert ship.error_s() == pytest.approx(0.0, abs=0.001)


def test_never_synchronised_by_blocks_from_before_the_step() -> None:
    """Scoring is late: what it is given arrived before the clock was set, what it asks the kernel comes after."""
    ship = Ship(synchronised=False)
    ship.sail(10.0)
    late = [ship.block() for _ in range(100)]
    set_by_ntp(ship, TEN_YEARS_S)
    for heard in late:
        assert ship.times.heard(heard) is None
        assert ship.times.state == "unsynchronised"
    assert len(ship.sail(0.5)) == 1
    assert ship.times.state == "synchronised"


def test_a_step_not_noticed_yet_is_not_trusted_now() -> None:
    ship = Ship(synchronised=True)
    assert not ship.times.trusts_now  # nothing has been heard
    ship.sail(10.0)
    assert ship.times.trusts_now
    ship.time.step(TEN_YEARS_S)  # no block has shown it
    assert ship.times.state == "synchronised"
    assert not ship.times.trusts_now
    ship.sail(0.5)
    assert ship.times.trusts_now  # the kernel says that this is right
