"""Where the device was at a moment: interpolation, age, the promise on the error, nothing where nothing is known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.position.fix import DatedFix, Fix
from edge_daemon.position.position import PositionFix
from edge_daemon.position.recent_track import APART_NS, KEPT_NS, RecentTrack
from edge_daemon.position.sphere import between, distance_m

S = 10**9
METRE = 1 / 111_194.9


def dated(second: float, latitude: float, longitude: float = -70.0, *, error: float | None = 4.0, afresh: bool = False):  # type: ignore[no-untyped-def]
    moment_ns = round(second * S)
    return DatedFix(Fix(latitude, longitude, 1_800_000_000 * S + moment_ns, "3d", error), moment_ns, afresh)


def track(*fixes: DatedFix, max_age_s: float = 30.0) -> RecentTrack:
    made = RecentTrack(max_age_s)
    for fix in fixes:
        made.add(fix)
    return made


def test_between_two_fixes_the_way_is_straight() -> None:
    known = track(dated(10, 42.0), dated(20, 42.1, error=6.0))
    found = known.at(13 * S)
    assert found is not None
    assert found.latitude == pytest.approx(42.03, abs=1e-5)
    assert found.longitude == -70.0
    assert found.fix == PositionFix(type="3d", accuracy_m=6.0, age_s=3.0)


def test_nothing_is_guessed_beyond_the_newest_fix() -> None:
    known = track(dated(10, 42.0), dated(20, 42.1))
    found = known.at(50 * S)
    assert found is not None
    assert (found.latitude, found.fix) == (42.1, PositionFix(type="3d", accuracy_m=4.0, age_s=30.0))
    assert known.at(50 * S + 1) is None


def test_a_fix_that_is_too_far_away_does_not_pull() -> None:
    known = track(dated(0, 42.0), dated(100, 43.0))
    near, middle = known.at(29 * S), known.at(50 * S)
    assert near is not None
    assert near.latitude == 42.0
    assert middle is None


def test_before_the_first_fix_and_without_one() -> None:
    assert track().at(0) is None
    known = track(dated(100, 42.0))
    assert known.at(69 * S) is None
    found = known.at(70 * S)
    assert found is not None
    assert found.fix is not None
    assert found.fix.age_s == 30.0


def test_an_unknown_error_stays_unknown() -> None:
    found = track(dated(0, 42.0), dated(1, 42.0, error=None)).at(S // 2)
    assert found is not None
    assert found.fix is not None
    assert found.fix.accuracy_m is None


def test_across_the_date_line_and_over_the_pole() -> None:
    assert between((0.0, 179.9), (0.0, -179.9), 0.5)[1] in (pytest.approx(180.0), pytest.approx(-180.0))
    assert between((89.9, 0.0), (89.9, 180.0), 0.5)[0] == pytest.approx(90.0)
    assert distance_m((0.0, 179.9), (0.0, -179.9)) == pytest.approx(22_239, rel=1e-3)
    assert distance_m((0.0, 0.0), (0.0, 180.0)) == pytest.approx(20_015_115, rel=1e-3)


def test_what_was_known_of_another_place_is_forgotten() -> None:
    known = track(dated(0, 42.0), dated(1, 10.0, afresh=True))
    found = known.at(S // 4)
    assert found is not None
    assert found.latitude == 10.0


def test_it_is_bounded_and_in_order() -> None:
    known = track(*(dated(second / 10, 42.0) for second in range(15_000)))
    assert len(known._fixes) <= KEPT_NS // APART_NS
    assert known._fixes[-1].moment_ns - known._fixes[0].moment_ns <= KEPT_NS
    known.add(dated(5, 50.0))  # older than the newest
    assert known.newest is not None
    assert known.newest.fix.latitude == 42.0


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32), every=st.integers(1, 9), ask=st.floats(0, 70))
def test_the_error_is_within_the_promise(seed: int, every: int, ask: float) -> None:
    """A device that turns as it likes at up to 20 m/s, with perfect fixes every few seconds."""
    rng, way = random.Random(seed), [0.0]
    for _ in range(40):
        way.append(way[-1] + rng.choice((-20, 20, rng.uniform(-20, 20))))
    known = track(*(dated(second, 42 + way[second] * METRE, error=0.0) for second in range(0, len(way), every)))
    found = known.at(round(ask * S))
    if found is None:
        assert ask > len(way) - 1 - every + 30
        return
    second = min(int(ask), len(way) - 2)
    if ask > len(way) - 1:
        return  # where it went then is not known here
    true_m = way[second] + (way[second + 1] - way[second]) * (ask - second)
    off_m = distance_m((found.latitude, found.longitude), (42 + true_m * METRE, -70.0))
    assert found.fix is not None
    assert off_m <= 2 * 20 * found.fix.age_s + 0.2
