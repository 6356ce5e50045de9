"""Packed messages come apart into what a device in JSON would have sent."""

from __future__ import annotations

import json

import pytest

from edge_daemon.documents.compact import encode, unpacked
from edge_daemon.documents.compact.unpacking import SUBJECTS
from edge_daemon.mqtt.topics import Topics

TOPICS = Topics("sea/edge", "buoy-7")


def test_each_document_on_its_own_topic() -> None:
    documents = [json.dumps({"schema": f"{schema}/1", "device": "buoy-7"}) for schema in SUBJECTS]
    found = unpacked(TOPICS.packed, encode(documents))
    assert [payload.decode() for _, payload in found] == documents
    assert [topic for topic, _ in found] == [
        *(TOPICS.detections, TOPICS.effort, TOPICS.excerpts, TOPICS.health),
        *(TOPICS.lost_clips, TOPICS.presence, TOPICS.thumbnails),
    ]


@pytest.mark.parametrize("topic", [TOPICS.status, TOPICS.detections, "packed/other", "x"])
def test_others_stay_as_they_are(topic: str) -> None:
    assert unpacked(topic, b"\x02\x00") == [(topic, b"\x02\x00")]


def test_an_empty_message_stays_empty() -> None:
    assert unpacked(TOPICS.packed, b"") == [(TOPICS.packed, b"")]


@pytest.mark.parametrize("text", ["[]", "1", '{"schema":1}', '{"schema":"other/1"}', "no JSON"])
def test_what_belongs_nowhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"schema|Expecting"):
        unpacked(TOPICS.packed, encode([text]))
