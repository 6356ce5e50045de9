"""The recent sound against a plain list of everything that was ever pushed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.audio.source import Block, Gap

PIECES = st.lists(st.tuples(st.booleans(), st.integers(1, 12), st.integers(0, 3)), max_size=12)


def test_as_much_is_kept_as_the_one_who_looks_back_farthest_asked_for() -> None:
    recent = RecentSound(10)
    recent.reserve(0.5)
    recent.reserve(2.0)
    recent.reserve(1.0)
    recent.push(Block(np.arange(30, dtype=np.float32), 100))
    assert (recent.oldest, recent.end) == (110, 130)
    first, samples, gaps = recent.excerpt(0, 115)
    assert (first, samples.tolist(), gaps) == (110, [10, 11, 12, 13, 14], [])
    recent.reserve(3.0)  # what is gone does not come back, what is there stays
    assert recent.excerpt(0, 200)[1].tolist() == list(range(10, 30))
    recent.push(Block(np.arange(30, 45, dtype=np.float32), 130))
    assert recent.excerpt(0, 200)[:1] == (115,)
    assert recent.excerpt(0, 200)[1].tolist() == list(range(15, 45))


@given(pieces=PIECES, first=st.integers(0, 50), begin=st.integers(0, 120), length=st.integers(0, 40))
def test_what_is_there_is_what_was_pushed(
    pieces: list[tuple[bool, int, int]], first: int, begin: int, length: int
) -> None:
    recent, place = RecentSound(1), first
    recent.reserve(20)
    heard: dict[int, float | None] = {}
    for is_gap, size, left_out in pieces:
        if place > first:  # what is left out between two pieces is missing
            heard |= dict.fromkeys(range(place, place + left_out))
            place += left_out
        if is_gap:
            recent.push(Gap(place, size, "stall"))
            heard |= dict.fromkeys(range(place, place + size))
        else:
            recent.push(Block(np.arange(place, place + size, dtype=np.float32) + 1, place))
            heard |= {sample: float(sample + 1) for sample in range(place, place + size)}
        place += size
    there = [sample for sample in range(begin, begin + length) if sample in heard and sample >= place - 20]
    start, samples, gaps = recent.excerpt(begin, begin + length)
    assert samples.tolist() == [heard[sample] or 0.0 for sample in there]
    assert not there or start == there[0]
    missing = [sample for gap in gaps for sample in range(gap.start, gap.end)]
    assert missing == [sample for sample in there if heard[sample] is None]
