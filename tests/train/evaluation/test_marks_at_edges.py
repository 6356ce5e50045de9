"""Calls at the edges of a recording, and of what was listened to: no mark makes its own detection false."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_daemon.detection.event_rules import EventRules
from tests.train.evaluation.conftest import scored
from train.data.whole_recordings import CALLS, JudgedRecording, marked_recordings
from train.evaluation.corpus import Corpus
from train.evaluation.tally import matched_events, tally

RULES = EventRules(threshold=0.5, threshold_low=0.4, min_windows=1)


def judged(folder: Path, middles_s: list[float]) -> tuple[list[bool], int, int]:
    """Which calls are found by windows at these places, how many events are false, and how many calls do not count."""
    corpus = Corpus.of(marked_recordings([folder]))
    found = tally(corpus, [scored(dict.fromkeys(middles_s, 0.9), 60.0)], RULES)
    return found.found.tolist(), int(found.false.sum()), corpus.unheard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A minute of sound with three marks; the last one runs over its end."""
    sf.write(tmp_path / "a.wav", np.zeros(6000, np.float32), 100)
    rows = ["10\t11", "30\t31", "58.6\t61.6"]
    text = "Begin Time (s)\tEnd Time (s)\n" + "\n".join(rows) + "\n"
    (tmp_path / "a.selections.txt").write_text(text)
    return tmp_path


def test_a_mark_over_the_end_of_its_file_is_a_call_like_others(folder: Path) -> None:
    assert judged(folder, [10.5, 30.5, 59.0]) == ([True, True, True], 0, 0)
    assert judged(folder, [10.5, 45.0]) == ([True, False, False], 1, 0)


def test_a_call_of_which_a_part_was_listened_to(folder: Path) -> None:
    """From 30 to 31 s, heard up to 30.4 s: it does not count, and what detects it before is not false."""
    (folder / "listened.csv").write_text("file,begin_s,end_s\na.wav,0,30.4\n")
    assert judged(folder, [10.5, 30.0]) == ([True], 0, 2)
    assert judged(folder, [10.5, 29.0]) == ([True], 1, 2)
    (folder / "listened.csv").write_text("file,begin_s,end_s\na.wav,0,30.6\n")
    assert judged(folder, [10.5, 30.0]) == ([True, True], 0, 1)


@given(
    calls=st.lists(st.tuples(st.integers(0, 110), st.integers(1, 8)), min_size=1, max_size=6),
    heard=st.lists(st.tuples(st.integers(0, 110), st.integers(1, 40)), min_size=1, max_size=3),
    places=st.lists(st.integers(2, 117), max_size=6),
)
def test_an_event_that_meets_a_mark_is_never_false(
    calls: list[tuple[int, int]], heard: list[tuple[int, int]], places: list[int]
) -> None:
    marks = tuple(sorted((at / 2, (at + length) / 2) for at, length in calls))
    spans = tuple((at / 2, (at + length) / 2) for at, length in heard)
    assume(any(begin <= (one + other) / 2 <= end for one, other in marks for begin, end in spans))
    corpus = Corpus.of([JudgedRecording(Path("a.wav"), CALLS, 60.0, spans, marks)])
    _, events_s, matched = matched_events(corpus, 0, scored({at / 2: 0.9 for at in places}, 60.0), RULES)
    for (begin_s, end_s), false in zip(events_s.tolist(), matched.false.tolist(), strict=True):
        meets = any(begin_s < mark_end and end_s > mark_begin for mark_begin, mark_end in marks)
        assert not (false and meets)
        inside = any(begin <= (begin_s + end_s) / 2 <= end for begin, end in spans)
        assert false == (inside and not meets)
    assert corpus.unheard + len(corpus.calls_s) == len(marks)
