"""What a report gathers of calls on the cut between two recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.report.gathering import MARGIN_S, Gathering

RATE, HOP, WINDOW = 2000, 1000, 4000
ORIGIN = Origin("replay", "x", "call", ModelReference(name="m", version="1", digest="0" * 64), "onnx", 0.5, RATE)


def recording(name: str) -> Recording:
    return Recording(f"/x/{name}.wav", f"{name}.wav", name, 1)


def result(name: str, after: str | None = None, event: Event | None = None) -> ReplayResult:
    made = ReplayResult(recording(name), origin=ORIGIN, window=WINDOW, rate=RATE, seconds=10.0)
    made.starts = np.arange(0, 20_000, HOP)
    made.scores = np.full(len(made.starts), float(name) / 10, np.float32)
    made.followed_by = None if after is None else recording(after)
    made.found = [] if event is None else [Found(event, (), "onnx")]
    return made


@pytest.mark.parametrize("between", [(), ("3",)], ids=["next", "another recorder between"])
def test_the_scores_of_a_call_go_on_behind_the_cut(between: tuple[str, ...]) -> None:
    event = Event(19_000, 21_000, 0.9, 18_000, mean_score=0.8, windows=4, low_hz=None, high_hz=None)
    gathering = Gathering(HOP)
    gathering.add(result("1", after="2", event=event))
    for name in (*between, "2"):
        gathering.add(result(name))
    (entry,) = gathering.entries()
    assert entry.curve is not None
    begins = entry.curve.begins_s
    assert np.all(np.diff(begins) <= HOP / RATE + 1e-9)
    assert begins[0] <= event.begin / RATE - MARGIN_S + HOP / RATE
    assert begins[-1] >= event.end / RATE + MARGIN_S - 2 * HOP / RATE
    assert entry.curve.scores.tolist() == [pytest.approx(0.1 if begin < 10.75 else 0.2) for begin in begins]
    assert gathering.recordings[0].followed_by == Path("/x/2.wav")
