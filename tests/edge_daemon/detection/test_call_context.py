"""What the last minutes say of a window: factors computed by hand, and what must hold for any row of scores."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.detection.call_context import MOST, CallContext, least_score, raised

HOP, MEMORY = 5, 50  # ten windows


def factors(scores: list[float], memory: int = MEMORY) -> list[float]:
    context = CallContext(memory, HOP)
    return [context.factor(HOP * number, score) for number, score in enumerate(scores)]


def test_calls_make_others_likelier() -> None:
    # two windows of ten hold half a call each, eight are as usual: a share of 0.116, odds of 0.1312 against 0.0204
    first, second = factors([0.5, 0.5])
    assert first == pytest.approx((0.5 + 9 * 0.02) / (10 - 0.5 - 9 * 0.02) * 49, rel=1e-6)
    assert second == pytest.approx(0.116 / 0.884 * 49, rel=1e-6)


def test_odds_are_multiplied() -> None:
    assert raised(0.5, 3.0) == 0.75  # odds of 1 and 3
    assert raised(0.2, 4.0) == 0.5  # of 1/4 and 1
    assert (raised(0.0, 8.0), raised(1.0, 8.0), raised(0.3, 1.0)) == (0.0, 1.0, 0.3)


def test_quiet_sea_leaves_scores_as_they_are() -> None:
    assert factors([0.001] * 30) == [1.0] * 30


def test_dense_calls_raise_to_the_most_and_are_forgotten_after_the_memory() -> None:
    found = factors([1.0] * 10 + [0.001] * 11)
    assert found[9] == MOST
    assert found[10] == MOST  # nine of ten windows still hold a call
    assert found[18] == pytest.approx((1 + 9 * 0.001) / (9 - 9 * 0.001) * 49, rel=1e-3)
    assert found[19] == found[20] == 1.0


def test_what_is_missing_counts_as_usual() -> None:
    context = CallContext(MEMORY, HOP)
    context.factor(0, 0.5)
    after_a_gap = context.factor(30, 0.5)  # five windows are missing
    assert after_a_gap == pytest.approx((1.0 + 8 * 0.02) / (10 - 1.0 - 8 * 0.02) * 49, rel=1e-6)
    assert context.factor(10_000, 0.5) == factors([0.5])[0]


def test_windows_without_sound_say_nothing() -> None:
    assert factors([0.5, 0.0, 0.0, 0.5])[3] == factors([0.5, 0.5])[1]


def test_a_memory_shorter_than_a_hop_knows_the_window_itself() -> None:
    assert factors([0.9, 0.01, 0.9], memory=1) == [MOST, 1.0, MOST]


SCORES = st.lists(st.floats(0, 1, width=32), max_size=40)


@given(SCORES, st.integers(1, 100))
def test_factors_are_those_of_the_mean_in_fractions(scores: list[float], memory: int) -> None:
    most = max(1, memory // HOP)
    usual = Fraction(2, 100)
    for number, factor in enumerate(factors(scores, memory)):
        inside = [score for at, score in enumerate(scores[: number + 1]) if HOP * at > HOP * number - memory and score]
        length = max(most, len(inside))
        share = (sum(map(Fraction, inside)) + usual * max(0, most - len(inside))) / length
        wanted = MOST if share == 1 else min(MOST, max(1, share / (1 - share) / (usual / (1 - usual))))
        assert factor == pytest.approx(float(wanted), rel=1e-3)  # scores are kept to a millionth
        assert 1 <= factor <= MOST


@given(SCORES, st.lists(st.floats(0, 1, width=32), max_size=20))
def test_what_lies_beyond_the_memory_leaves_no_trace(before: list[float], scores: list[float]) -> None:
    both = factors(before + [0.0] * (MEMORY // HOP) + scores)
    assert both[len(both) - len(scores) :] == factors(scores)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, MOST))
def test_nothing_below_the_least_score_is_raised_to_it(low: float, score: float, factor: float) -> None:
    assert score <= raised(score, factor) <= 1 or raised(score, factor) == pytest.approx(score, rel=1e-12)
    if score < least_score(low):
        assert raised(score, factor) < low
