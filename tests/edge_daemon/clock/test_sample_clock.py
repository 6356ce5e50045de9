"""UTC from the sample count: by hand, then with any jitter, drift and step."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.clock.sample_clock import ClockStep, SampleClock, _slope_below

S = 10**9
UTC = 1_767_225_600 * S


def test_has_no_time_before_anything_arrives() -> None:
    clock = SampleClock(1000)
    assert not clock.anchored
    with pytest.raises(ValueError, match="no block"):
        clock.utc_at(0)


def test_counts_from_the_first_arrival_by_the_nominal_rate() -> None:
    clock = SampleClock(48_000)
    assert clock.observe(4800, UTC, 5 * S) is None
    assert clock.anchored
    assert clock.utc_at(4800) == UTC
    assert clock.utc_at(0) == UTC - S // 10
    assert clock.monotonic_at(48_000) == 5 * S + 9 * S // 10
    assert clock.drift_ppm is None


def test_takes_off_the_latency_of_the_device() -> None:
    clock = SampleClock(1000, latency_s=0.02)
    clock.observe(0, UTC, 0)
    assert clock.utc_at(0) == UTC - 20_000_000


def test_an_arrival_with_less_delay_moves_the_anchor_and_a_later_one_does_not() -> None:
    clock = SampleClock(1000)
    clock.observe(100, UTC + S // 10 + 30_000_000, S // 10 + 30_000_000)  # 30 ms late
    clock.observe(200, UTC + S // 5 + 5_000_000, S // 5 + 5_000_000)  # 5 ms late
    clock.observe(300, UTC + 3 * S // 10 + 40_000_000, 3 * S // 10 + 40_000_000)
    assert clock.utc_at(0) == UTC + 5_000_000


def test_slope_of_the_line_under_the_points() -> None:
    # hull (0,0) (2,0) (4,4); mean x = 2.0 lies on the first edge, of slope 0
    assert _slope_below([(0, 0), (1, 3), (2, 0), (3, 9), (4, 4)]) == 0.0
    # mean x = 7/3 lies on the second edge, from (1, 0) to (6, 10)
    assert _slope_below([(0, 0), (1, 0), (6, 10)]) == 2.0
    assert _slope_below([(5, 1), (9, 3)]) == 0.5


def run(
    clock: SampleClock,
    *,
    seconds: float,
    ppm: float = 0.0,
    jitter: list[float] | None = None,
    rate: int = 1000,
    start_s: float = 0.0,
) -> list[ClockStep]:
    """Blocks of one second from a device `ppm` too fast; block k is late by jitter[k % len]."""
    jitter = jitter or [0.0]
    steps = []
    for k in range(1, int(seconds) + 1):
        true_ns = round((start_s + k) * S)
        sample = round((start_s + k) * rate * (1 + ppm * 1e-6))
        late = round(jitter[k % len(jitter)] * S)
        step = clock.observe(sample, UTC + true_ns + late, true_ns + late)
        steps += [step] if step else []
    return steps


@pytest.mark.parametrize("ppm", [-100.0, -3.0, 0.0, 42.0, 100.0])
def test_drift_without_jitter_is_exact_to_the_rounding_of_samples(ppm: float) -> None:
    clock = SampleClock(48_000)
    assert run(clock, seconds=1200, ppm=ppm, rate=48_000) == []
    assert clock.drift_ppm is not None
    assert abs(clock.drift_ppm - ppm) < 0.05  # one sample of 48 kHz is 21 µs; over 1200 s that is 0.02 ppm
    assert abs(clock.utc_at(48_000 * 1200) - (UTC + round(1200 / (1 + ppm * 1e-6) * S))) < 50_000


def test_drift_is_stated_after_ten_minutes() -> None:
    clock = SampleClock(1000)
    run(clock, seconds=600, ppm=50)
    assert clock.drift_ppm is None
    run(clock, seconds=60, ppm=50, start_s=600)
    assert clock.drift_ppm == pytest.approx(50, abs=2)  # a sample of 1 kHz is 1 ms: 1.6 ppm of 600 s


@settings(max_examples=40, deadline=None)
@given(st.floats(-100, 100), st.lists(st.floats(0, 0.05), min_size=1, max_size=200), st.integers(700, 4000))
def test_any_jitter_up_to_50_ms_keeps_drift_and_utc_within_the_stated_bounds(
    ppm: float, jitter: list[float], seconds: int
) -> None:
    rate = 48_000
    clock = SampleClock(rate)
    assert run(clock, seconds=seconds, ppm=ppm, jitter=jitter, rate=rate) == []
    baseline = min(seconds, 3600) - 40  # the open bucket and the first and last arrival of a bucket
    assert clock.drift_ppm is not None
    assert abs(clock.drift_ppm - ppm) <= 2 * 0.05 / baseline * 1e6 + 0.1
    newest = round(seconds * rate * (1 + ppm * 1e-6))
    assert abs(clock.utc_at(newest) - (UTC + seconds * S)) <= 0.05 * S * 1.05


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.floats(-100, 100), st.integers(0, 2**32))
def test_independent_jitter_leaves_the_drift_within_2_ppm_after_an_hour(ppm: float, seed: int) -> None:
    rng = random.Random(seed)
    clock = SampleClock(48_000)
    run(clock, seconds=3600, ppm=ppm, jitter=[rng.uniform(0, 0.05) for _ in range(997)], rate=48_000)
    assert clock.drift_ppm == pytest.approx(ppm, abs=2.0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-3600, 3600).filter(lambda s: abs(s) > 0.5), min_size=1, max_size=4),
    st.lists(st.floats(0, 0.05), min_size=1, max_size=50),
    st.floats(-100, 100),
)
def test_every_step_is_reported_once_with_its_size(steps_s: list[float], jitter: list[float], ppm: float) -> None:
    clock = SampleClock(1000)
    utc, reported = UTC, []
    for k in range(1, 100 * (len(steps_s) + 1)):
        if k % 100 == 0:
            utc += round(steps_s[k // 100 - 1] * S)
        late = round(jitter[k % len(jitter)] * S)
        step = clock.observe(round(k * 1000 * (1 + ppm * 1e-6)), utc + k * S + late, k * S + late)
        reported += [step] if step else []
    assert [step.kind for step in reported] == ["system_clock"] * len(steps_s)
    assert [step.jump_ns for step in reported] == pytest.approx([s * S for s in steps_s], abs=2)
    assert clock.steps == len(steps_s)
    last = 100 * (len(steps_s) + 1) - 1
    newest = round(last * 1000 * (1 + ppm * 1e-6))
    assert abs(clock.utc_at(newest) - (utc + last * S)) < 0.05 * S + 0.015 * S


@pytest.mark.parametrize("hour", [3600, -3600])
def test_after_a_step_all_samples_have_the_new_time_in_order(hour: int) -> None:
    clock = SampleClock(1000)
    for k in range(1, 11):
        clock.observe(k * 1000, UTC + k * S, k * S)
    assert clock.observe(11_000, UTC + (11 + hour) * S, 11 * S) is None  # once may be a torn reading
    assert clock.observe(12_000, UTC + (12 + hour) * S, 12 * S) == ClockStep(12_000, hour * S, "system_clock")
    assert clock.utc_at(5000) == UTC + (5 + hour) * S
    times = [clock.utc_at(sample) for sample in range(0, 20_000, 500)]
    assert times == sorted(times)


def test_one_torn_reading_is_no_step() -> None:
    clock = SampleClock(1000)
    for k in range(1, 50):
        torn = 3 * S if k == 20 else 0  # the process slept between reading the two clocks
        assert clock.observe(k * 1000, UTC + k * S + torn, k * S) is None
    assert clock.utc_at(0) == UTC


def test_a_small_correction_is_followed_within_minutes_and_never_back_in_time() -> None:
    clock = SampleClock(1000)
    earlier = 0
    for k in range(1, 400):
        correction = -S // 10 if k >= 10 else 0
        assert clock.observe(k * 1000, UTC + k * S + correction, k * S) is None
        assert clock.utc_at(k * 1000) > earlier
        earlier = clock.utc_at(k * 1000)
    assert abs(clock.utc_at(0) - (UTC - S // 10)) < 1_000_000


def test_samples_lost_without_a_word_are_noticed_once() -> None:
    clock = SampleClock(1000)
    steps = []
    for k in range(1, 200):
        lost = 500 if k >= 100 else 0
        step = clock.observe(k * 1000 - lost, UTC + k * S, k * S)
        steps += [step] if step else []
    assert [(step.kind, step.jump_ns) for step in steps] == [("samples", S // 2)]
    assert clock.utc_at(199_000 - 500) == UTC + 199 * S


def test_samples_counted_that_never_were_are_noticed_once() -> None:
    clock = SampleClock(1000)
    steps = []
    for k in range(1, 200):
        step = clock.observe(k * 1000 + (2000 if k >= 100 else 0), UTC + k * S, k * S)
        steps += [step] if step else []
    assert [(step.kind, step.jump_ns) for step in steps] == [("samples", -2 * S)]


def test_an_interruption_forgets_the_arrivals_and_keeps_the_drift() -> None:
    clock = SampleClock(48_000)
    run(clock, seconds=1000, ppm=80, rate=48_000)
    drift = clock.drift_ppm
    clock.discontinuity()
    assert clock.drift_ppm == drift
    # the gap's length was taken from a clock and is 0.2 s short
    sample = round(2000 * 48_000 * (1 + 80e-6)) - 9600
    assert clock.observe(sample, UTC + 2000 * S, 2000 * S) is None
    assert clock.utc_at(sample) == UTC + 2000 * S
    assert clock.utc_at(sample + 48_000 * 100) == pytest.approx(UTC + 2100 * S - 100 * S * 80e-6, abs=20_000)


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=2, max_size=30, unique_by=lambda p: p[0])
)
def test_the_line_under_the_points_is_under_them_and_highest_at_the_mean(points: list[tuple[int, int]]) -> None:
    points = sorted(points)
    slope = _slope_below(points)
    mean = sum(x for x, _ in points) / len(points)
    height = min(y - slope * x for x, y in points) + slope * mean
    # no line through two of the points that lies under all is higher there
    for i, (x1, y1) in enumerate(points):
        for x2, y2 in points[i + 1 :]:
            other = (y2 - y1) / (x2 - x1)
            if x1 <= mean <= x2 and all(y >= y1 + other * (x - x1) - 1e-3 for x, y in points):
                assert height >= y1 + other * (mean - x1) - 1.0
