"""Minutes of what was listened to, and which of them a call or an event is in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.data.dataset import DataError
from train.data.whole_recordings import CALLS, JudgedRecording
from train.evaluation.corpus import Corpus


def test_minutes_of_what_was_listened_to(corpus: Corpus) -> None:
    assert corpus.kinds == (CALLS, "song")
    np.testing.assert_array_equal(corpus.minutes_s, [[0, 60], [60, 120], [0, 30]])
    np.testing.assert_array_equal(corpus.minute_recording, [0, 0, 1])
    np.testing.assert_allclose(corpus.minute_hours, [1 / 60, 1 / 60, 1 / 120])
    assert corpus.minute_kind.tolist() == ["calls", "calls", "song"]
    # the call at 130 s is in no minute that somebody listened to
    np.testing.assert_array_equal(corpus.calls_s, [[10, 11], [20, 21], [70, 71.5]])
    np.testing.assert_array_equal(corpus.call_minute, [0, 0, 1])
    assert corpus.calls_in(0) == slice(0, 3)
    assert corpus.calls_in(1) == slice(3, 3)


def test_a_span_is_in_the_minute_of_its_middle(corpus: Corpus) -> None:
    spans = np.array([[58.0, 61.0], [59.0, 61.5], [119.0, 120.0], [120.0, 121.0], [150.0, 151.0]])
    assert corpus.minutes_at(0, spans).tolist() == [0, 1, 1, -1, -1]
    assert corpus.minutes_at(1, spans).tolist() == [-1, -1, -1, -1, -1]
    assert corpus.minutes_at(1, np.zeros((0, 2))).tolist() == []


def test_what_two_spans_share_counts_once() -> None:
    found = Corpus.of(
        [JudgedRecording(Path("a.wav"), CALLS, 300.0, ((200.0, 230.0), (0.0, 90.0), (60.0, 100.0)), ((1, 2),))]
    )
    np.testing.assert_array_equal(found.minutes_s, [[0, 60], [60, 90], [90, 100], [200, 230]])


def test_impossible_sets_are_refused() -> None:
    one = JudgedRecording(Path("a.wav"), CALLS, 60.0, ((0.0, 60.0),), ((1.0, 2.0),))
    with pytest.raises(DataError, match=r"a\.wav is given twice"):
        Corpus.of([one, JudgedRecording(Path("b/../a.wav"), "song", 60.0, ((0.0, 60.0),))])
    with pytest.raises(DataError, match="no marked call"):
        Corpus.of([JudgedRecording(Path("a.wav"), CALLS, 60.0, ((0.0, 60.0),))])
    with pytest.raises(DataError, match="no marked call"):
        Corpus.of([])


def test_calls_whose_middle_nobody_listened_to_are_counted_as_such(corpus: Corpus) -> None:
    assert corpus.unheard == 1
    with pytest.raises(DataError, match="no marked call: none of 1 has its middle in what was listened to"):
        Corpus.of([JudgedRecording(Path("a.wav"), CALLS, 60.0, ((0.0, 10.0),), ((20.0, 21.0),))])
