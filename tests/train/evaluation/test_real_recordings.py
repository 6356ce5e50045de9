"""The shipped model on an hour of real recordings that it learned from: pins, not figures of how good it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_daemon.model.model_file import default_model_path
from train.data.whole_recordings import marked_recordings
from train.evaluation.corpus import Corpus
from train.evaluation.scorer import ModelScorer
from train.evaluation.tally import tally

PINS = [(0.89, 0), (0.93, 1), (0.96, 3)]
"""Recall and false events in an hour for thresholds of 0.7, 0.5 and 0.3."""


@pytest.mark.slow
@pytest.mark.data
def test_recall_and_false_events_of_three_thresholds(shared_data: Path) -> None:
    corpus = Corpus.of(marked_recordings([shared_data / "sbnms_dclde2013/calls.csv"], [shared_data / "sbnms_2009"]))
    assert len(corpus.recordings) == 4
    assert len(corpus.calls_s) == 114
    assert corpus.minute_hours.sum() == pytest.approx(1.0)
    scorer = ModelScorer(default_model_path(), 0.5)
    scores = [scorer.score(recording.path) for recording in corpus.recordings]
    scorer.close()
    found = []
    for threshold in (0.7, 0.5, 0.3):
        changes = {"threshold": threshold, "threshold_low": threshold * 2 / 3, "min_windows": 2}
        rules = scorer.rules.model_copy(update=changes | {"min_rise_hz": 0.0, "context_s": 0.0})
        made = tally(corpus, scores, rules)
        found.append((round(float(made.found.mean()), 2), int(made.false.sum())))
        assert made.paired.sum() < made.found.sum()  # here and there an event finds two calls
        assert not np.any(made.paired & ~made.found)
    assert found == PINS
