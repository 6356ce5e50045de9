"""The rate of arrivals against the clock."""

from __future__ import annotations

import random

import pytest

from edge_daemon.audio.capture.rate_meter import RateMeter
from edge_daemon.clock.time_source import SECOND_NS

RATE = 1000


def fed(true_rate: float, seconds: float, jitter_s: float = 0.0) -> RateMeter:
    meter, rng = RateMeter(RATE), random.Random(4)
    for number in range(1, round(seconds * true_rate / 100) + 1):
        at_s = 5.0 + number * 100 / true_rate + rng.random() * jitter_s
        meter.feed(100, round(at_s * SECOND_NS))
    return meter


@pytest.mark.parametrize("true_rate", [950.0, 1000.0, 1050.0, 3000.0])
def test_rate_is_found_through_late_arrivals(true_rate: float) -> None:
    assert fed(true_rate, 60.0).hz == pytest.approx(true_rate, rel=1e-6)
    assert fed(true_rate, 60.0, jitter_s=0.2).hz == pytest.approx(true_rate, rel=0.003)
    assert fed(true_rate, 60.0).seconds == pytest.approx(56.0, abs=4.0)


def test_too_short_to_say() -> None:
    assert fed(1000.0, 3.0).hz is None
    assert RateMeter(RATE).hz is None


def test_the_window_moves_on_and_an_interruption_begins_it_anew() -> None:
    meter = fed(1000.0, 600.0)
    assert meter.seconds <= 64.0
    meter.restart()
    assert meter.hz is None
    assert meter.seconds == 0.0


def test_sound_that_waited_tells_nothing() -> None:
    meter = RateMeter(RATE)
    for number in range(1000):
        meter.feed(100, (5 + number) * 1_000_000, settled=False)
    assert meter.hz is None
