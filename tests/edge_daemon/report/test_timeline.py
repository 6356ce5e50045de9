"""Tracks of the report's timeline: cells by hand, and that no second is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.report.entry import Listened, LostSound
from edge_daemon.report.timeline import tracks


def recording(seconds: float, start_s: float | None = None, lost: tuple[LostSound, ...] = ()) -> Listened:
    start = None if start_s is None else round(start_s * 1e9)
    return Listened(Path("a.wav"), "a.wav", start, seconds, lost)


def test_recordings_with_a_time_lie_at_it() -> None:
    # 10 s, 20 s of nothing, 10 s of which the last 4 are lost; eight cells of 5 s
    lost = (LostSound(6.0, 4.0, "read_error"),)
    (track,) = tracks([recording(10, 1000), recording(10, 1030, lost)], cells=8)
    assert (track.kind, track.begin_s, track.end_s) == ("utc", 1000.0, 1040.0)
    assert track.offsets == {0: 1000.0, 1: 1030.0}
    assert track.listened == pytest.approx([1, 1, 0, 0, 0, 0, 1, 0.2])
    assert track.lost == pytest.approx([0, 0, 0, 0, 0, 0, 0, 0.8])


def test_recordings_without_a_time_lie_one_after_the_other() -> None:
    first, second = tracks([recording(3), recording(6, 50), recording(9)], cells=4)
    assert first.kind == "utc"
    assert second.kind == "sequence"
    assert (second.begin_s, second.end_s) == (0.0, 12.0)
    assert second.offsets == {0: 0.0, 2: 3.0}
    assert second.listened == pytest.approx([1, 1, 1, 1])


def test_hydrophones_side_by_side_listen_once() -> None:
    (track,) = tracks([recording(10, 0), recording(10, 0)], cells=2)
    assert track.listened == pytest.approx([1, 1])


def test_nothing_replayed_has_no_track() -> None:
    assert tracks([]) == []
    assert tracks([recording(0.0)]) == []


@given(
    st.lists(st.tuples(st.floats(0.5, 1000), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20),
    st.integers(1, 50),
)
def test_no_second_is_lost(pieces: list[tuple[float, float, float]], cells: int) -> None:
    """Seconds listened and lost over all cells are those of the recordings, wherever the edges fall."""
    recordings = []
    for seconds, begin, length in pieces:
        lost = LostSound(begin * seconds, length * (1 - begin) * seconds, "tail")
        recordings.append(recording(seconds, lost=(lost,)))
    (track,) = tracks(recordings, cells)
    cell = (track.end_s - track.begin_s) / cells
    lost_s = sum(gap.length_s for one in recordings for gap in one.lost)
    total_s = sum(one.seconds for one in recordings)
    assert np.sum(track.lost) * cell == pytest.approx(lost_s, abs=1e-6 * total_s)
    assert np.sum(track.listened) * cell == pytest.approx(total_s - lost_s, abs=1e-6 * total_s)
