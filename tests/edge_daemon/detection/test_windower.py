"""Windows: on the grid, equal to the input, and every sample accounted for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.windower import Window, Windower


def block(start: int, length: int) -> Block:
    """Samples that say where they are."""
    return Block(np.arange(start, start + length, dtype=np.float32), start)


def spans(items: list[Window | Gap]) -> list[tuple[object, ...]]:
    return [
        ("window", item.start, item.valid) if isinstance(item, Window) else ("gap", item.start, item.length, item.cause)
        for item in items
    ]


def test_grid_and_tail_by_hand() -> None:
    windower = Windower(window=4, hop=2)
    assert spans(windower.push(block(0, 3))) == []
    assert spans(windower.push(block(3, 1))) == [("window", 0, 4)]
    assert spans(windower.push(block(4, 5))) == [("window", 2, 4), ("window", 4, 4)]
    assert spans(windower.finish()) == [("gap", 8, 1, "tail")]


def test_gap_ends_the_grid_and_the_next_segment_has_its_own() -> None:
    windower = Windower(window=4, hop=2)
    assert spans(windower.push(block(0, 7))) == [("window", 0, 4), ("window", 2, 4)]
    assert spans(windower.push(Gap(7, 2, "overflow"))) == [("gap", 6, 1, "tail"), ("gap", 7, 2, "overflow")]
    assert spans(windower.push(block(9, 4))) == [("window", 9, 4)]
    assert spans(windower.finish()) == []


def test_before_a_seam_windows_are_filled_up_with_mirrored_sound() -> None:
    windower = Windower(window=8, hop=2)  # a window at s speaks for s + 3 and s + 4
    assert spans(windower.push(block(0, 13))) == [("window", 0, 8), ("window", 2, 8), ("window", 4, 8)]
    seam = windower.push(Gap(13, 0, "schedule", seam=True))
    # of windows at 6, 8, 10 the last one's cell begins at the seam
    assert spans(seam) == [("window", 6, 7), ("window", 8, 5), ("gap", 13, 0, "schedule")]
    first, second = (item.samples.tolist() for item in seam if isinstance(item, Window))
    assert first == [6, 7, 8, 9, 10, 11, 12, 11]
    assert second == [8, 9, 10, 11, 12, 11, 10, 9]
    assert spans(windower.push(block(13, 8))) == [("window", 13, 8)]
    assert spans(windower.finish()) == []


@given(
    st.integers(1, 60).flatmap(lambda window: st.tuples(st.just(window), st.integers(1, window))),
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(1, 30),
)
def test_cells_reach_up_to_a_seam_and_windows_do_not_reach_over_it(
    sizes: tuple[int, int], before: int, behind: int, size: int
) -> None:
    """Each moment before a pause has a cell, from the first window's on, whatever the lengths are."""
    window, hop = sizes
    windower = Windower(window, hop)
    items = [
        item for start in range(0, before, size) for item in windower.push(block(start, min(size, before - start)))
    ]
    items += windower.push(Gap(before, 0, "schedule", seam=True))
    items += windower.push(block(before, behind))
    made = [item for item in items if isinstance(item, Window)]
    first = [one for one in made if one.start < before]
    assert bool(first) == (before >= window)
    assert [one.start for one in first] == list(range(0, len(first) * hop, hop))
    lead = (window - hop) // 2
    if first:
        end_of_cells = first[-1].start + lead + hop
        assert before <= end_of_cells  # no moment is without a cell …
        assert first[-1].start + lead < max(before, window - hop)  # … and no cell lies behind the pause
    for one in made:
        end = before if one.start < before else before + behind
        assert set(one.samples.tolist()) <= set(range(one.start, end))  # nothing of the other side
        assert one.samples[: one.valid].tolist() == list(range(one.start, one.start + one.valid))
        assert one.valid == min(window, end - one.start)
    assert [one.start for one in made if one.start >= before] == list(range(before, before + behind - window + 1, hop))


def test_before_a_pause_that_is_missing_sound_nothing_is_filled_up() -> None:
    windower = Windower(window=8, hop=2)
    windower.push(block(0, 9))
    # less than a sample is missing at this rate
    assert spans(windower.push(Gap(9, 0, "schedule"))) == [("gap", 8, 1, "tail"), ("gap", 9, 0, "schedule")]
    windower = Windower(window=8, hop=2)
    windower.push(block(0, 9))
    assert spans(windower.push(Gap(9, 5, "schedule"))) == [("gap", 8, 1, "tail"), ("gap", 9, 5, "schedule")]


def test_a_stretch_shorter_than_a_window_is_lost_for_the_pauses_around_it() -> None:
    windower = Windower(window=8, hop=2)
    windower.push(block(0, 8))
    windower.push(Gap(8, 0, "schedule", seam=True))
    windower.push(block(8, 5))
    assert spans(windower.push(Gap(13, 0, "schedule", seam=True))) == [
        ("gap", 8, 5, "schedule"),
        ("gap", 13, 0, "schedule"),
    ]


def test_segment_shorter_than_a_window_is_a_tail() -> None:
    windower = Windower(window=4, hop=1)
    windower.push(block(0, 3))
    assert spans(windower.push(Gap(3, 1, "stall"))) == [("gap", 0, 3, "tail"), ("gap", 3, 1, "stall")]


def test_sound_too_short_between_two_gaps_of_one_cause_is_lost_for_it() -> None:
    windower = Windower(window=4, hop=4)
    windower.push(block(0, 3))
    assert spans(windower.push(Gap(3, 1, "non_finite"))) == [("gap", 0, 3, "tail"), ("gap", 3, 1, "non_finite")]
    windower.push(block(4, 3))
    assert spans(windower.push(Gap(7, 2, "non_finite"))) == [("gap", 4, 3, "non_finite"), ("gap", 7, 2, "non_finite")]
    windower.push(block(9, 3))
    assert spans(windower.push(Gap(12, 1, "stall"))) == [("gap", 9, 3, "tail"), ("gap", 12, 1, "stall")]
    assert spans(windower.push(block(13, 5))) == [("window", 13, 4)]
    assert spans(windower.push(Gap(18, 1, "stall"))) == [("gap", 17, 1, "tail"), ("gap", 18, 1, "stall")]
    windower.push(block(19, 1))
    assert spans(windower.finish()) == [("gap", 19, 1, "tail")]


def test_short_recording_is_padded_when_asked() -> None:
    windower = Windower(window=4, hop=2, pad_short=True)
    windower.push(block(1, 3))
    (window,) = windower.finish()
    assert isinstance(window, Window)
    assert window.short
    assert window.valid == 3
    np.testing.assert_array_equal(window.samples, np.array([1, 2, 3, 0], np.float32))


def test_short_recording_that_breaks_off_is_padded_too() -> None:
    windower = Windower(window=4, hop=2, pad_short=True)
    windower.push(block(0, 3))
    assert spans(windower.push(Gap(3, 9, "read_error"))) == [("window", 0, 3), ("gap", 3, 9, "read_error")]
    windower.push(block(12, 2))
    assert spans(windower.finish()) == [("gap", 12, 2, "tail")]  # only the first segment is padded


def test_a_short_recording_between_two_gaps_of_one_cause_is_padded() -> None:
    windower = Windower(window=4, hop=2, pad_short=True)
    assert spans(windower.push(Gap(0, 1, "non_finite"))) == [("gap", 0, 1, "non_finite")]
    windower.push(block(1, 3))
    assert spans(windower.push(Gap(4, 1, "non_finite"))) == [("window", 1, 3), ("gap", 4, 1, "non_finite")]


def test_long_recording_is_never_padded() -> None:
    windower = Windower(window=4, hop=4, pad_short=True)
    assert spans(windower.push(block(0, 6))) == [("window", 0, 4)]
    assert spans(windower.finish()) == [("gap", 4, 2, "tail")]


def test_empty_recording_gives_nothing() -> None:
    windower = Windower(window=4, hop=2, pad_short=True)
    assert windower.push(block(0, 0)) == []
    assert windower.finish() == []


@given(
    window=st.integers(1, 40),
    hop_share=st.floats(0, 1),
    parts=st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=12),
    pad_short=st.booleans(),
)
def test_every_sample_is_in_a_window_or_a_gap(
    window: int, hop_share: float, parts: list[tuple[bool, int]], pad_short: bool
) -> None:
    hop = max(1, round(hop_share * window))
    windower = Windower(window, hop, pad_short=pad_short)
    at, out, sound = 0, [], np.zeros(0, bool)
    for is_sound, length in parts:
        out += windower.push(block(at, length) if is_sound else Gap(at, length, "stall"))
        sound = np.concatenate((sound, np.full(length, is_sound)))
        at += length
    out += windower.finish()
    in_window, in_gap = np.zeros(at, int), np.zeros(at, int)
    for item in out:
        if isinstance(item, Gap):
            in_gap[item.start : item.end] += 1
            continue
        expected = np.zeros(window, np.float32)
        expected[: item.valid] = np.arange(item.start, item.start + item.valid)
        np.testing.assert_array_equal(item.samples, expected)
        in_window[item.start : item.start + item.valid] += 1
    assert ((in_window > 0) ^ (in_gap == 1)).all()
    assert (in_gap <= 1).all()
    assert (in_window[~sound] == 0).all()


@given(st.integers(1, 30), st.integers(1, 30), st.lists(st.integers(0, 50), max_size=10))
def test_blocks_do_not_change_the_windows(window: int, hop: int, lengths: list[int]) -> None:
    hop = min(hop, window)
    total = sum(lengths)
    one, many = Windower(window, hop), Windower(window, hop)
    whole = one.push(block(0, total)) + one.finish()
    parts, at = [], 0
    for length in lengths:
        parts += many.push(block(at, length))
        at += length
    parts += many.finish()
    assert spans(parts) == spans(whole)


def test_windows_do_not_share_memory_with_the_source() -> None:
    samples = np.ones(8, np.float32)
    (first, *_) = Windower(4, 2).push(Block(samples, 0))
    samples[:] = 0
    assert isinstance(first, Window)
    assert first.samples.all()


def test_memory_is_bounded() -> None:
    windower = Windower(4000, 1000)
    for i in range(1000):
        windower.push(Block(np.zeros(37, np.float32), 37 * i))
        assert len(windower._held) < 4000


def test_a_hole_is_refused() -> None:
    windower = Windower(4, 2)
    windower.push(block(0, 5))
    with pytest.raises(ValueError, match="expected 5"):
        windower.push(block(6, 1))


@pytest.mark.parametrize(("window", "hop"), [(0, 1), (4, 0), (4, 5), (-1, 1)])
def test_impossible_lengths_are_refused(window: int, hop: int) -> None:
    with pytest.raises(ValueError, match="hop"):
        Windower(window, hop)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 300), st.integers(1, 6))
def test_pieces_of_a_stream_give_the_windows_of_the_stream(window: int, hop: int, length: int, turns: int) -> None:
    hop = min(hop, window)
    sound = np.arange(length, dtype=np.float32)
    whole = Windower(window, hop)
    expected = [*whole.push(Block(sound, 0)), *whole.finish()]
    begin = turns * hop
    piece = Windower(window, hop, begin=begin)
    early = max(0, begin - 3)
    got = [item for a in range(early, length, 7) for item in piece.push(Block(sound[a : min(a + 7, length)], a))]
    got += piece.finish()
    windows = [item.start for item in expected if isinstance(item, Window) and item.start >= begin]
    assert [item.start for item in got if isinstance(item, Window)] == windows
    for item in got:
        if isinstance(item, Window):
            np.testing.assert_array_equal(item.samples, sound[item.start : item.start + window])
    tails = [item for item in expected if isinstance(item, Gap)]
    if windows or (begin - hop + window <= length and begin < length):
        assert [item for item in got if isinstance(item, Gap)] == tails


def test_a_gap_where_a_piece_begins_gives_a_grid_of_its_own() -> None:
    piece = Windower(4, 2, begin=10)
    assert piece.push(Block(np.zeros(3, np.float32), 6)) == []
    assert piece.push(Gap(9, 4, "read_error")) == [Gap(9, 4, "read_error")]
    assert [w.start for w in piece.push(Block(np.zeros(6, np.float32), 13)) if isinstance(w, Window)] == [13, 15]
