"""Tallies: numbers counted by hand."""

from __future__ import annotations

import json

import jsonschema

from edge_daemon.effort.spans import Session, Span
from edge_daemon.effort.summary import summarise
from edge_daemon.effort.tally import PresenceTally, tally
from edge_daemon.history.entry import HistoryEntry

S = 10**9
T0 = 1_774_785_600 * S  # 2026-03-29T12:00Z


def detection(number: int, score: float, *, contour: bool = True) -> HistoryEntry:
    at = T0 + number * S
    return HistoryEntry(f"d{number}", "detection", at, at + S, "synchronised", "{}", score, contour)


def test_a_quarter_of_an_hour() -> None:
    session = Session("s", "buoy-7", "card", 2000)
    spans = [
        (session, Span(1, 0, 1_600_000, None, T0, T0 + 800 * S, "synchronised")),
        (session, Span(2, 1_600_000, 200_000, "device_absent", T0 + 800 * S, T0 + 900 * S, "holdover")),
    ]
    found = [detection(1, 0.71), detection(2, 0.8), detection(3, 0.95, contour=False), detection(4, 0.7999)]
    made = tally(summarise(spans, T0, T0 + 900 * S, "buoy-7"), found)
    document = json.loads(made.to_json())
    jsonschema.validate(document, json.loads(PresenceTally.schema_text()))
    assert document == {
        "schema": "edge_daemon.tally/1",
        "device": "buoy-7",
        "begin_utc": "2026-03-29T12:00:00.000000Z",
        "end_utc": "2026-03-29T12:15:00.000000Z",
        "listened_s": 800.0,
        "lost_s": 100.0,
        "detections": 4,
        "by_score": {"0.7": 2, "0.8": 1, "0.95": 1},
        "highest_score": 0.95,
        "contours": 3,
        "clock": "holdover",
    }
    assert len(made.to_json()) < 320  # tiny


def test_nothing_heard_and_nothing_found() -> None:
    made = tally(summarise([], T0, T0 + 900 * S, "buoy-7"), [])
    assert (made.detections, made.by_score, made.highest_score, made.clock, made.listened_s) == (0, {}, None, None, 0.0)
