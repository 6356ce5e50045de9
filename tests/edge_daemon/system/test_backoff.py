"""Waiting longer after every failure."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.system.backoff import Backoff, Retry


class Halves(random.Random):
    """Draws 0.5, always."""

    def random(self) -> float:
        return 0.5


def test_doubles_up_to_the_limit() -> None:
    backoff = Backoff(first_s=1, limit_s=20, jitter=0)
    assert [backoff.delay_s(n, Halves()) for n in range(7)] == [1, 2, 4, 8, 16, 20, 20]


def test_jitter_takes_off_a_random_share() -> None:
    # d = 4 s, of which half is random, of which half is drawn: 4 · (1 − 0.5 · 0.5) = 3
    assert Backoff(1, 60, jitter=0.5).delay_s(2, Halves()) == 3.0


@given(st.integers(0, 10**9), st.floats(0, 1), st.integers(0, 2**32))
def test_stays_within_its_bounds_for_ever(attempt: int, jitter: float, seed: int) -> None:
    delay = Backoff(2, 300, jitter=jitter).delay_s(attempt, random.Random(seed))
    longest = min(300.0, 2.0 * 2 ** min(attempt, 20))
    assert longest * (1 - jitter) <= delay <= longest


@pytest.mark.parametrize("arguments", [(0, 1), (2, 1), (1, 2, 0.5), (1, 2, 2, 1.5)])
def test_refuses_impossible_rules(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="impossible"):
        Backoff(*arguments)


def test_retry_is_due_at_once_then_after_its_wait() -> None:
    retry = Retry(Backoff(1, 8, jitter=0), Halves())
    assert retry.due(0)
    assert retry.failed(10) == 1_000_000_010
    assert not retry.due(1_000_000_009)
    assert retry.due(1_000_000_010)
    assert retry.failed(1_000_000_010) == 3_000_000_010
    assert retry.attempts == 2
    retry.succeeded()
    assert retry.due(0)
    assert retry.attempts == 0
