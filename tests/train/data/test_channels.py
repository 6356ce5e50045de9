"""Marks on several channels: a call counts once, on the channel that is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from train.data.channels import OnChannel
from train.data.raven import Selection
from train.data.whole_recordings import marked_recordings

HEADER = "Selection\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"
ROWS = "1\t1\t10\t11\tupcall\n2\t2\t10.1\t11\tupcall\n3\t2\t20\t21\tupcall\n4\t2\t30\t31\thumpback\n"
TWO = ((10.0, 11.0), (20.0, 21.0))


@pytest.mark.parametrize(
    ("channels", "channel", "rows", "calls", "doubtful", "said"),
    [
        (2, 0, ROWS, TWO[:1], ((10.1, 11.0), TWO[1]), "3 marks are not on channel 1: they are no calls to be found"),
        (2, 1, ROWS, ((10.1, 11.0), TWO[1]), TWO[:1], "1 marks are not on channel 2: they are no calls to be found"),
        (3, 2, ROWS, TWO, (), "1 recordings have no mark on channel 3, so those of all channels count."),
        (1, 0, ROWS, TWO, (), "1 marks repeat a sound on another channel; each sound counts once."),
        (2, 1, "1\t\t10\t11\tupcall\n2\t\t20\t21\tupcall\n", TWO, (), ""),
        (2, 1, "1\t2\t10\t11\tupcall\n2\t\t20\t21\tupcall\n", TWO, (), ""),
        (1, 0, "1\t2\t10\t11\tupcall\n2\t2\t20\t21\tupcall\n", TWO, (), ""),
    ],
)
def test_which_marks_count(
    tmp_path: Path,
    channels: int,
    channel: int,
    rows: str,
    calls: tuple[tuple[float, float], ...],
    doubtful: tuple[tuple[float, float], ...],
    said: str,
) -> None:
    sf.write(tmp_path / "a.wav", np.zeros((6000, channels), np.float32), 100)
    (tmp_path / "a.selections.txt").write_text(HEADER + rows)
    told: list[str] = []
    [found] = marked_recordings([tmp_path], channel=channel, report=told.append)
    assert (found.calls, found.doubtful) == (calls, doubtful)
    assert said in "".join(told)
    assert bool(said) == bool(told)


@given(
    marks=st.lists(
        st.builds(
            lambda begin, length, word, channel: Selection(begin, begin + length, 0.0, 0.0, (word,), "", channel),
            st.integers(0, 20),
            st.integers(1, 4),
            st.sampled_from(["upcall", "humpback"]),
            st.sampled_from([None, 1, 2, 3]),
        ),
        max_size=8,
    ),
    channel=st.integers(0, 3),
    channels=st.integers(1, 4),
)
def test_no_marked_sound_is_lost(marks: list[Selection], channel: int, channels: int) -> None:
    """Each mark counts, is kept beside those that do, or meets one of the same sound on another channel."""
    found = OnChannel.of(marks, channel, channels)
    kept = found.marks + found.others
    assert len(kept) + found.repeated == len(marks)
    for mark in marks:
        assert any(mark is other for other in kept) or any(
            other.annotations == mark.annotations
            and other.channel != mark.channel
            and other.begin_s < mark.end_s
            and other.end_s > mark.begin_s
            for other in found.marks
        )
    if channels > 1 and any(mark.channel == channel + 1 for mark in marks):
        assert all(mark.channel in (None, channel + 1) for mark in found.marks)
