"""Recordings and scores written down by hand, so that every figure can be worked out on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.data.whole_recordings import CALLS, JudgedRecording
from train.evaluation.corpus import Corpus
from train.evaluation.scores import Scores

RATE, WINDOW, HOP = 2000, 4000, 1000


def scored(scores: dict[float, float], seconds: float, gaps_s: tuple[float, ...] = ()) -> Scores:
    """Scores of a recording by the middle of each window's cell in seconds (0.75, 1.25, …); all others are 0.

    A window of 2 s every half second speaks for the half second around its middle: the first for 0.75 to 1.25 s.
    """
    starts = np.arange(0, round(seconds * RATE) - WINDOW + 1, HOP)
    values = np.zeros(len(starts), np.float32)
    for middle_s, score in scores.items():
        place = np.flatnonzero(starts == round(middle_s * RATE) - WINDOW // 2)
        assert len(place) == 1, f"no window has its middle at {middle_s} s"
        values[place] = score
    return Scores(starts, values, np.array([round(at * RATE) for at in gaps_s], np.int64), WINDOW, HOP, RATE)


@pytest.fixture
def corpus() -> Corpus:
    """Three minutes with four calls, two of them listened to, and half a minute of song."""
    calls = ((10.0, 11.0), (20.0, 21.0), (70.0, 71.5), (130.0, 131.0))
    return Corpus.of(
        [
            JudgedRecording(Path("day/a.wav"), CALLS, 180.0, ((0.0, 120.0),), calls),
            JudgedRecording(Path("song/b.wav"), "song", 30.0, ((0.0, 30.0),)),
        ]
    )


@pytest.fixture
def scores() -> list[Scores]:
    """The first call is found by a plain event, the third by a faint one; false events in each minute, and in song."""
    first = {10.5: 0.92, 11.0: 0.62, 40.0: 0.82, 40.5: 0.82, 71.0: 0.52, 71.5: 0.52, 100.0: 0.42, 140.0: 0.99}
    return [scored(first, 180.0), scored({5.0: 0.72, 25.0: 0.45}, 30.0)]
