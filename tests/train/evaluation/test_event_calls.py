"""The calls in events are those that the daemon finds, whatever rate the recording has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from edge_daemon.audio.source import Block
from edge_daemon.backends.base import Backend
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.pipeline import Pipeline
from edge_daemon.model.frontend import LogMelSpec
from tests.edge_daemon.detection.test_pipeline import LoudBackend, tones
from train.evaluation.event_calls import EventCalls
from train.evaluation.events import events_of
from train.evaluation.scores import Scores

BAND_HZ = (50.0, 250.0)


@pytest.mark.parametrize("rate", [2000, 8000])
@pytest.mark.parametrize(
    ("merge_gap_s", "least_hz", "count"),
    [
        (0.0, 0.0, 3), (0.0, 20.0, 2), (0.0, 60.0, 1), (0.0, 150.0, 0),
        (20.0, 0.0, 2), (20.0, 20.0, 2), (20.0, 60.0, 1), (20.0, 150.0, 0),  # one event, which its calls part
    ],
)  # fmt: skip
def test_events_are_those_of_the_pipeline(
    tmp_path: Path, rate: int, merge_gap_s: float, least_hz: float, count: int
) -> None:
    path, sound = tmp_path / "tones.wav", tones(rate)
    sf.write(path, sound, rate, "FLOAT")
    rules = EventRules(threshold=0.6, threshold_low=0.4, merge_gap_s=merge_gap_s, min_rise_hz=least_hz)
    backend: Backend = LoudBackend()
    line = Pipeline(LogMelSpec(), backend, rules, source_rate=rate, hop=1000, call_band_hz=BAND_HZ)
    outputs = [line.push(Block(sound, 0)), line.finish()]
    windows = [window for output in outputs for window in output.windows]
    starts = np.array([window.start for window in windows], np.int64)
    scores = np.array([window.score for window in windows], np.float32)
    scored = Scores(starts, scores, np.zeros(0, np.int64), 4000, 1000, 2000, EventCalls(path, 2000, 1500, BAND_HZ))
    found = [(event.begin, event.end) for event in events_of(scored, rules)]
    assert found == [(one.event.begin, one.event.end) for output in outputs for one in output.found]
    assert len(found) == count
