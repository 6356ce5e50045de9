"""What the last minutes say of a window: factors computed by hand, and what must hold for any row of scores."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.config.detection import LEAST_CONTEXT_S
from edge_daemon.detection.call_context import LEAST_HEARD, LEAST_S, MOST, CallContext, is_memory, least_score, raised

WINDOW, HOP, MEMORY = 20, 5, 50
"""A window shares sound with the three before it; ten are remembered."""
LAG = WINDOW // HOP
SCORES = st.lists(st.floats(0, 1, width=32), max_size=40)


def factors(scores: list[float], memory: int = MEMORY) -> list[float]:
    context = CallContext(memory, WINDOW, HOP)
    return [context.factor(HOP * number, score) for number, score in enumerate(scores)]


def test_calls_make_others_likelier() -> None:
    found = factors([0.5, 0.5, 0.001, 0.001, 0.5, 0.5])
    assert found[:LAG] == [1.0] * LAG  # nothing vouches for sound that it shares
    # one window of ten holds half a call, nine are as usual: (0.5 + 0.18) / 10, odds of 0.073 against 0.0204
    assert found[4] == pytest.approx(0.68 / 9.32 * 49, rel=1e-6)
    assert found[5] == pytest.approx(1.16 / 8.84 * 49, rel=1e-6)  # two, and eight as usual


def test_odds_are_multiplied() -> None:
    assert raised(0.5, 3.0) == 0.75  # odds of 1 and 3
    assert raised(0.2, 4.0) == 0.5  # of 1/4 and 1
    assert (raised(0.0, 8.0), raised(1.0, 8.0), raised(0.3, 1.0)) == (0.0, 1.0, 0.3)
    assert raised(1.0, 1.7) == 1.0  # the quotient is rounded to another number
    assert raised(0.9999999999999999, 8.0) <= 1.0


def test_quiet_sea_leaves_scores_as_they_are() -> None:
    assert factors([0.001] * 30) == [1.0] * 30


def test_dense_calls_raise_to_the_most_and_are_forgotten_after_the_memory() -> None:
    found = factors([1.0] * 10 + [0.001] * 15)
    assert found[13] == MOST  # all ten hold a call
    assert found[14] == MOST  # nine
    assert found[22] == pytest.approx((1 + 9 * 0.001) / (9 - 9 * 0.001) * 49, rel=1e-3)
    assert found[23:] == [1.0, 1.0]


def test_what_is_missing_counts_as_usual() -> None:
    context = CallContext(MEMORY, WINDOW, HOP)
    context.factor(0, 0.5)
    assert context.factor(40, 0.5) == pytest.approx(0.68 / 9.32 * 49, rel=1e-6)  # seven windows are missing
    assert context.factor(10_000, 0.5) == 1.0


def test_windows_without_sound_say_nothing() -> None:
    assert factors([0.5, 0.0, 0.0, 0.0, 0.5]) == factors([0.5, 0.001, 0.001, 0.001, 0.5])
    assert factors([0.0] * 20 + [0.5]) == [1.0] * 21


def test_a_window_with_sound_counts_however_low_its_score_is() -> None:
    assert factors([0.5, LEAST_HEARD, LEAST_HEARD, LEAST_HEARD] * 2)[4:] == factors([0.5, 1e-9, 1e-9, 1e-9] * 2)[4:]


@given(SCORES, SCORES, st.integers(1, 100), st.integers(1, 100))
def test_another_memory_keeps_what_lies_within_it(
    before: list[float], after: list[float], one: int, other: int
) -> None:
    """From a longer memory to a shorter one as if it had been the shorter all along."""
    first, then = max(one, other), min(one, other)
    context = CallContext(first, WINDOW, HOP)
    for number, score in enumerate(before):
        context.factor(HOP * number, score)
    context.remember(then)
    found = [context.factor(HOP * (len(before) + number), score) for number, score in enumerate(after)]
    assert found == factors(before + after, then)[len(before) :]


def test_what_is_forgotten_leaves_no_trace() -> None:
    context = CallContext(MEMORY, WINDOW, HOP)
    for number in range(20):
        context.factor(HOP * number, 1.0)
    context.forget()
    assert [context.factor(HOP * (20 + number), 0.5) for number in range(10)] == factors([0.5] * 10)


def test_a_memory_is_half_a_minute_at_least() -> None:
    assert LEAST_S == LEAST_CONTEXT_S
    assert all(is_memory(length) for length in (0.0, 30.0, 600.0))
    assert not any(is_memory(length) for length in (0.1, 29.9, 601.0))


@given(SCORES, st.integers(1, 100))
def test_factors_are_those_of_the_mean_in_fractions(scores: list[float], memory: int) -> None:
    most = max(1, memory // HOP)
    usual = Fraction(2, 100)
    for number, factor in enumerate(factors(scores, memory)):
        end = HOP * number - WINDOW
        inside = [score for at, score in enumerate(scores) if end - memory < HOP * at <= end and score]
        length = max(most, len(inside))
        share = (sum(map(Fraction, inside)) + usual * max(0, most - len(inside))) / length
        wanted = MOST if share == 1 else min(MOST, max(1, share / (1 - share) / (usual / (1 - usual))))
        assert factor == pytest.approx(float(wanted), rel=1e-3)  # scores are kept to a millionth
        assert 1 <= factor <= MOST


@given(SCORES, st.lists(st.floats(0, 1, width=32), max_size=20))
def test_what_lies_beyond_the_memory_leaves_no_trace(before: list[float], scores: list[float]) -> None:
    both = factors(before + [0.0] * (MEMORY // HOP + LAG) + scores)
    assert both[len(both) - len(scores) :] == factors(scores)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, MOST))
def test_nothing_below_the_least_score_is_raised_to_it(low: float, score: float, factor: float) -> None:
    assert score <= raised(score, factor) <= 1
    if score < least_score(low):
        assert raised(score, factor) < low
