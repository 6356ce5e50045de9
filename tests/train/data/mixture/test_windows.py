"""Windows through a recording and what they are called, worked out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from train.data.mixture.windows import UNSAID, begins, cut, labels


def test_a_window_is_called_by_the_share_of_the_call_within_it() -> None:
    # a call of one second from 10 to 11 s: 0.6 s of it must lie within the two seconds
    begins_s = np.array([7.9, 8.0, 8.5, 8.6, 9.0, 10.0, 10.4, 10.5, 11.0, 11.1])
    found = labels(begins_s, 2.0, [(10.0, 11.0)], 0.6)
    assert found.tolist() == [0, 0, UNSAID, 1, 1, 1, 1, UNSAID, 0, 0]


def test_a_call_longer_than_the_window_must_fill_a_share_of_the_window() -> None:
    found = labels(np.array([8.0, 8.7, 8.8, 9.2, 12.7, 12.9]), 2.0, [(10.0, 14.0)], 0.6)
    assert found.tolist() == [0, UNSAID, UNSAID, 1, 1, UNSAID]


def test_one_call_whole_outweighs_another_in_part() -> None:
    for calls in ([(10.0, 11.0), (11.9, 12.9)], [(11.9, 12.9), (10.0, 11.0)]):
        assert labels(np.array([10.0]), 2.0, calls, 0.6).tolist() == [1]


def test_what_may_be_a_call_or_not_makes_no_window_without_one() -> None:
    begins_s = np.array([7.9, 8.0, 8.1, 10.9, 11.0, 30.0])
    assert labels(begins_s, 2.0, [], 0.6, [(10.0, 11.0)]).tolist() == [0, 0, UNSAID, UNSAID, 0, 0]
    # a call beside it stays one
    assert labels(begins_s, 2.0, [(11.5, 12.5)], 0.6, [(10.0, 11.0)]).tolist() == [0, 0, UNSAID, 1, 1, 0]


def test_one_window_begins_in_each_hop_of_what_was_heard() -> None:
    found = begins([(0.0, 10.0), (20.0, 23.0), (30.0, 31.0)], 2.0, 0.5, np.random.default_rng(0))
    first, second = found[found < 15], found[found > 15]
    assert len(first) == 17
    assert len(second) == 3
    assert (np.floor(first[:-1] / 0.5) == np.arange(16)).all()
    assert second.max() <= 21.0
    assert len(np.unique(np.round(first % 0.5, 3))) > 10  # at random places of the hop


def test_cut_gives_the_samples_and_silence_after_the_end() -> None:
    sound = np.arange(20, dtype=np.float32)
    found = cut(sound, np.array([0.0, 0.5, 1.6]), 6, 10)
    assert found.tolist() == [[0, 1, 2, 3, 4, 5], [5, 6, 7, 8, 9, 10], [16, 17, 18, 19, 0, 0]]


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 5)), max_size=6),
    st.floats(0.1, 1.0),
)
def test_no_window_without_a_call_touches_one(marks: list[tuple[float, float]], share: float) -> None:
    calls = [(begin, begin + length) for begin, length in marks]
    begins_s = np.arange(0.0, 55.0, 0.25)
    found = labels(begins_s, 2.0, calls, share)
    for begin_s, label in zip(begins_s.tolist(), found.tolist(), strict=True):
        inside = [min(begin_s + 2, end) - max(begin_s, begin) for begin, end in calls]
        enough = [share * min(end - begin, 2.0) - 1e-9 for begin, end in calls]
        if any(found >= least for found, least in zip(inside, enough, strict=True)):
            assert label == 1
        else:
            assert label == (UNSAID if any(found > 0 for found in inside) else 0)
