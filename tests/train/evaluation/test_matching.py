"""Calls found, pairs of one call and one event, and false events: by hand, and against every possible pairing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.matching import match


def spans(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(pairs, np.float64).reshape(-1, 2)


def test_sharing_time_finds_a_call_and_touching_does_not() -> None:
    found = match(spans((1, 2), (4, 5), (8, 9)), spans((1.999, 3), (5, 6)))
    assert found.found.tolist() == [True, False, False]
    assert found.false.tolist() == [False, True]


def test_an_event_may_find_several_calls_but_is_paired_with_one() -> None:
    found = match(spans((1, 2), (3, 4), (5, 6)), spans((0, 3.5), (3.2, 4)))
    assert found.found.tolist() == [True, True, False]
    # the long event could have the second call as well, but then the short one would have none
    assert found.paired.tolist() == [True, True, False]
    found = match(spans((1, 2), (3, 4), (5, 6)), spans((0, 7)))
    assert found.found.sum() == 3
    assert found.paired.sum() == 1
    assert not found.false.any()


def test_nothing_to_match() -> None:
    found = match(spans(), spans((1, 2)))
    assert found.found.tolist() == []
    assert found.false.tolist() == [True]
    found = match(spans((1, 2)), spans())
    assert found.found.tolist() == found.paired.tolist() == [False]
    assert found.false.tolist() == []


def most_pairs(shared: np.ndarray) -> int:
    """The size of the largest pairing, by trying them all."""
    if not len(shared):
        return 0
    without = most_pairs(shared[1:])
    used = [most_pairs(np.delete(shared[1:], event, axis=1)) for event in np.flatnonzero(shared[0])]
    return max([without, *(1 + rest for rest in used)])


SPANS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5)).map(lambda s: (s[0], s[0] + s[1])), max_size=5)


@given(SPANS, SPANS)
def test_one_to_one_is_the_largest_pairing(calls: list[tuple[int, int]], events: list[tuple[int, int]]) -> None:
    found = match(spans(*calls), spans(*events))
    seconds = [[set(range(*call)) & set(range(*event)) != set() for event in events] for call in calls]
    shared = np.array(seconds, bool).reshape(len(calls), len(events))
    assert found.paired.sum() == most_pairs(shared)
    assert not (found.paired & ~found.found).any()
    np.testing.assert_array_equal(found.found, shared.any(axis=1))
    np.testing.assert_array_equal(found.false, ~shared.any(axis=0))
