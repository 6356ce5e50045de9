"""What devices, and whoever else may publish, send: sized, parsed, validated, or refused with a reason."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from edge_daemon.detection.document import Detection
from edge_daemon.shore.incoming import SUBJECTS, UnfitError, read_message
from tests.edge_daemon.shore.buoy_documents import detection, effort, excerpt, health, message, order_reply, thumbnail

AT = 1_790_000_000_000_000_000
FOUND = detection("buoy-1", 1, AT)
DOCUMENTS = [FOUND, thumbnail(FOUND), excerpt(FOUND, AT), effort("buoy-1", AT), health("buoy-1", AT)]
DOCUMENTS += [order_reply("buoy-1", AT, 7)]


def read(document: Any, topic: str = "edge_daemon/buoy-1/detections") -> Any:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_message("edge_daemon", topic, payload)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one["schema"])
def test_what_devices_send_is_taken(document: dict[str, Any]) -> None:
    topic, payload = message(document)
    found = read_message("edge_daemon", topic, payload)
    assert found is not None
    assert found.device == "buoy-1"
    assert json.loads(found.text)["schema"] == document["schema"]


def test_every_published_document_has_its_topic() -> None:
    from edge_daemon.documents.__main__ import PUBLISHED

    names = {place.rpartition(":")[2] for place in PUBLISHED}
    assert {kind.__name__ for kind, _ in SUBJECTS.values()} <= names
    assert {"Detection", "HealthDocument", "EffortSummary"} <= {kind.__name__ for kind, _ in SUBJECTS.values()}


def test_fields_that_a_newer_program_adds_are_passed_over_in_all_parts() -> None:
    newer = json.loads(json.dumps(FOUND))
    newer["new"] = {"deep": [1]}
    newer["model"]["more"] = newer["call"]["more"] = 7
    found = read(newer)
    assert isinstance(found.document, Detection)
    assert "more" not in found.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "no uuid"}, "id"),
        ({"peak_score": 1.5}, "peak_score"),
        ({"peak_score": "high"}, "peak_score"),
        ({"end_s": 0.0}, "not after"),
        ({"begin_utc": "2026-13-01T00:00:00.000000Z"}, "does not exist"),
        ({"begin_utc": "9999-01-01T00:00:00.000000Z"}, "years"),
        ({"begin_utc": "0000-01-01T00:00:00.000000Z"}, "does not exist"),
        ({"device": "buoy-2"}, "another device"),
        ({"schema": "edge_daemon.detection/2"}, "schema"),
        ({"position": {"latitude": 91, "longitude": 0}}, "latitude"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnfitError, match=reason):
        read(FOUND | change)


@pytest.mark.parametrize(
    "payload",
    [
        b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 60_000, b'{"a":' * 10_000, b"1" * 5000,
        json.dumps(FOUND).replace("0.72", "NaN").encode(), json.dumps(FOUND).replace("130.0", "1e999").encode(),
        json.dumps(FOUND | {"label": "x" * 70_000}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(payload: bytes) -> None:
    with pytest.raises(UnfitError):
        read(payload)


def test_an_empty_message_which_deletes_a_retained_one_is_passed_over() -> None:
    assert read(b"") is None


@pytest.mark.parametrize(
    "topic",
    ["edge_daemon/buoy-1/detections/more", "edge_daemon/buoy-1/config", "other/buoy-1/detections", "edge_daemon"],
)
def test_other_topics_are_not_ours(topic: str) -> None:
    assert read(FOUND, topic) is None


@pytest.mark.parametrize("device", ["", "a b", "..", "<script>", "x" * 65, "é"])
def test_names_that_no_device_has(device: str) -> None:
    with pytest.raises(UnfitError, match="device"):
        read(FOUND | {"device": device}, f"edge_daemon/{device}/detections")


def test_text_loses_its_control_characters() -> None:
    found = read(FOUND | {"label": "a\x1b[2J\u202eb\x00\ud800"})
    assert found.document.label == "a\ufffd[2J\ufffdb\ufffd\ufffd"
    found.text.encode()  # no half of a character is left


def test_whatever_bytes_come_only_unfit_error_is_raised() -> None:
    rng = random.Random(1)
    read_some = 0
    for document in DOCUMENTS:
        topic, payload = message(document)
        for _ in range(60):
            spoilt = bytearray(payload)
            for _ in range(rng.choice([1, 2, 8])):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            try:
                read_some += read_message("edge_daemon", topic, bytes(spoilt)) is not None
            except UnfitError:
                continue
    assert 0 < read_some < 60 * len(DOCUMENTS)
