"""A thread's sign of life."""

from __future__ import annotations

from edge_daemon.system.pulse import Pulse
from edge_daemon.testing.machine import ManualTime


def test_silence_counts_from_the_last_beat() -> None:
    time = ManualTime()
    pulse = Pulse(time)
    time.advance(4.5)
    assert (pulse.silent_s, pulse.doing) == (4.5, "")
    pulse.beat("writing")
    assert (pulse.silent_s, pulse.doing) == (0.0, "writing")
    time.advance(75)
    time.step(3600)  # UTC is no matter
    assert pulse.silent_s == 75.0
