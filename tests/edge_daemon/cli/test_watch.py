"""What `watch` prints: excerpts in words, late calls marked, and nothing that steers the terminal."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.cli.call_picture import call_lines
from edge_daemon.cli.watch import documents, line
from edge_daemon.detection.document import Detection
from edge_daemon.detection.thumbnail import Thumbnail
from edge_daemon.documents.compact import encode
from edge_daemon.system.printable import escaped, printable

EXAMPLE = json.loads(Detection.schema_text())["examples"][0]
THUMBNAIL = json.loads(Thumbnail.schema_text())["examples"][0]
END_S = datetime.fromisoformat(EXAMPLE["end_utc"]).timestamp()
ESCAPE = "\x1b[2J\x1b]0;owned\x07"


@pytest.mark.parametrize(
    ("age_s", "mark"),
    [(0, ""), (119, ""), (120, "LATE 2.0 min"), (7200, "LATE 2.0 h"), (3 * 86_400, "LATE 3.0 d"), (-500, "")],
)
def test_a_late_call_is_marked(age_s: float, mark: str) -> None:
    shown = line("p/buoy-7/detections", json.dumps(EXAMPLE).encode(), END_S + age_s)
    assert shown.endswith(mark or "synchronised")
    assert ("LATE" in shown) == bool(mark)


def test_without_a_time_nothing_is_late() -> None:
    undated = EXAMPLE | {"begin_utc": None, "end_utc": None, "clock": "none"}
    assert "LATE" not in line("p/buoy-7/detections", json.dumps(undated).encode(), 9e9)
    assert "LATE" not in line("p/buoy-7/detections", json.dumps(EXAMPLE).encode())


def test_an_excerpt_is_told_in_words() -> None:
    document = {
        "schema": "edge_daemon.excerpt/1", "id": "x", "device": "buoy-7", "clip": "2026-03-29/a.flac",
        "begin_utc": "2026-03-29T12:15:01.250000Z", "seconds": 3.5, "format": "flac", "sound": "A" * 8000,
    }  # fmt: skip
    shown = line("p/buoy-7/excerpts", json.dumps(document).encode())
    assert shown == (
        "buoy-7       excerpts   3.5 s of sound from 2026-03-29 12:15:01.250, flac, 6.0 kB (2026-03-29/a.flac)"
    )


def test_packed_messages_come_apart() -> None:
    texts = [Detection.model_validate(EXAMPLE).to_json(), Thumbnail.model_validate(THUMBNAIL).to_json()]
    messages = [("p/buoy-7/packed", encode(texts)), ("p/buoy-7/packed", b"\x09"), ("p/buoy-7/status", b"online")]
    assert list(documents(messages)) == [
        ("p/buoy-7/detections", texts[0].encode()),
        ("p/buoy-7/thumbnails", texts[1].encode()),
        *messages[1:],
    ]
    assert "1 bytes that are damaged, or of a newer edge-daemon" in line(*messages[1])


def test_the_contour_is_drawn_below_its_detection() -> None:
    document = EXAMPLE | {"contour": {"begin_s": 3.5, "step_s": 0.032, "hz": [100, 100, 130, 170, 170]}}
    (shown,) = call_lines("p/buoy-7/detections", json.dumps(document).encode())
    assert shown.strip() == "100 Hz ▁▁▄██ 170 Hz  0.80 s, 14 dB above the background"
    document["call"] |= {"number": 2, "of": 3}
    assert call_lines("p/buoy-7/detections", json.dumps(document).encode())[0].endswith(", call 2 of 3")
    assert call_lines("p/buoy-7/detections", json.dumps(EXAMPLE | {"call": None}).encode()) == []


def test_a_thumbnail_is_drawn() -> None:
    topic, payload = "p/buoy-7/thumbnails", json.dumps(THUMBNAIL).encode()
    # cells "AAhwDwA=": 0 0 0 8 | 7 0 0 15 | 0 0, two rows of five
    assert [shown.strip() for shown in call_lines(topic, payload)] == ["63 Hz   @", "47 Hz    =="]
    assert line(topic, payload) == f"buoy-7       thumbnails picture of {THUMBNAIL['id']}, 2 rows from 47 Hz"


@pytest.mark.parametrize("harm", [{"contour": {"hz": ["x"]}}, {"contour": {"hz": []}}, {"call": 7}, {"call": {}}])
def test_a_call_that_is_not_understood_is_not_drawn(harm: dict[str, object]) -> None:
    assert call_lines("p/buoy-7/detections", json.dumps(EXAMPLE | harm).encode()) == []
    assert call_lines("p/buoy-7/thumbnails", json.dumps(THUMBNAIL | {"cells": "A"}).encode()) == []
    assert call_lines("p/buoy-7/thumbnails", b"[" * 100_000) == []


@pytest.mark.parametrize("subject", ["detections", "health", "effort", "excerpts", "thumbnails", "status", ESCAPE])
def test_no_payload_and_no_topic_steers_the_terminal(subject: str) -> None:
    for payload in (ESCAPE, json.dumps(EXAMPLE | {"label": ESCAPE, "device": ESCAPE}, ensure_ascii=False)):
        topic = f"p/{ESCAPE}/{subject}"
        for raw in (
            payload,
            *call_lines(topic, payload.encode()),
            line(f"p/{ESCAPE}/{subject}", payload.encode(), END_S),
        ):
            assert escaped(raw).isprintable()


@given(st.text())
def test_what_is_shown_can_only_be_shown(text: str) -> None:
    shown = escaped(text)
    assert printable(shown) == shown  # both know the same control characters
    assert not set(shown) & set("\t\n\r")


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_a_json_document_keeps_its_meaning(document: dict[str, object]) -> None:
    for raw in (json.dumps(document, indent=2, ensure_ascii=False), json.dumps(document)):
        assert json.loads(escaped(raw)) == document
