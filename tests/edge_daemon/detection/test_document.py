"""The detection document: identity, times, and the published schema."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_daemon.clock.utc import utc_text
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.document import (
    AdjoiningGap,
    Detection,
    describe,
    detection_id,
)
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.position.position import Position

ORIGIN = Origin(
    device="buoy-7",
    stream="a/b.wav",
    label="up-call",
    model=ModelReference(name="m", version="1", digest="0f" * 32),
    backend="onnx",
    threshold=0.5,
    rate=2000,
    file="a/b.wav",
    channel=2,
    position=Position(latitude=42.35, longitude=-70.25),
)
EVENT = Event(
    begin=1501,
    end=4501,
    peak_score=0.9731400012969971,
    peak_start=1001,
    mean_score=2 / 3,
    windows=3,
    low_hz=95.04,
    high_hz=185.06,
)


def test_the_document_names_the_backend_that_made_it() -> None:
    assert describe(EVENT, ORIGIN).backend == "onnx"
    assert describe(EVENT, ORIGIN, backend="loihi").backend == "loihi"
    assert describe(EVENT, ORIGIN, backend="loihi").id == describe(EVENT, ORIGIN).id


def test_the_document() -> None:
    utc = 1238328900_000_000_000  # 2009-03-29 12:15:00 UTC
    detection = describe(
        EVENT,
        ORIGIN,
        begin_utc_ns=utc + 750_500_000,
        end_utc_ns=utc + 2_250_500_000,
        clock="file_name",
        gaps=[AdjoiningGap(begin_s=3.0, length_s=0.5, cause="read_error")],
    )
    assert json.loads(detection.to_json()) == {
        "schema": "edge_daemon.detection/1",
        "id": str(detection_id(ORIGIN, 1501)),
        "device": "buoy-7",
        "label": "up-call",
        "begin_utc": "2009-03-29T12:15:00.750500Z",
        "end_utc": "2009-03-29T12:15:02.250500Z",
        "clock": "file_name",
        "clock_keeper": None,
        "begin_s": 0.7505,
        "end_s": 2.2505,
        "file": "a/b.wav",
        "channel": 2,
        "peak_score": 0.97314,
        "mean_score": 0.666667,
        "windows": 3,
        "threshold": 0.5,
        "low_hz": 95.0,
        "high_hz": 185.1,
        "model": {"name": "m", "version": "1", "digest": "0f" * 32},
        "backend": "onnx",
        "position": {"latitude": 42.35, "longitude": -70.25, "fix": None},
        "received_level": None,
        "gaps": [{"begin_s": 3.0, "length_s": 0.5, "cause": "read_error"}],
        "clip": None,
        "time_source": None,
        "call": None,
        "contour": None,
    }
    assert "\n" not in detection.to_json()
    jsonschema.validate(json.loads(detection.to_json()), json.loads(Detection.schema_text()))


def test_the_call_and_its_contour() -> None:
    call = TrackedCall(
        begin=-128, end=1200, first=0, step=64, hz=(98.4, 110.6, 150.5), peak_hz=110.6, above_background_db=12.3,
        level_db=-31.5,
    )  # fmt: skip
    detection = describe(EVENT, dataclasses.replace(ORIGIN, full_scale_db=170.0), call=call, part=(2, 3))
    document = json.loads(detection.to_json())
    jsonschema.validate(document, json.loads(Detection.schema_text()))
    assert document["call"] == {
        "begin_s": 1373 / 2000,
        "end_s": 2701 / 2000,
        "start_hz": 98.4,
        "end_hz": 150.5,
        "low_hz": 98.4,
        "high_hz": 150.5,
        "peak_hz": 110.6,
        "slope_hz_s": 814.1,  # 52.1 Hz in 128 samples
        "above_background_db": 12.3,
        "received_level_db": 138.5,  # 170 dB for full scale, 31.5 dB below
        "number": 2,
        "of": 3,
    }
    assert document["contour"] == {"begin_s": 0.7505, "step_s": 0.032, "hz": [98, 111, 150]}
    assert detection.box == (1373 / 2000, 2701 / 2000, 98.4, 150.5)
    assert describe(EVENT, ORIGIN, call=call).call.received_level_db is None  # type: ignore[union-attr]
    assert describe(EVENT, ORIGIN).box == (0.7505, 2.2505, 95.0, 185.1)
    before = dataclasses.replace(call, begin=-2000)  # begins in the recording before
    assert describe(EVENT, ORIGIN, call=before).box.begin_s == 0.0


def test_without_utc() -> None:
    detection = describe(EVENT, ORIGIN)
    assert (detection.begin_utc, detection.end_utc, detection.clock) == (None, None, "none")
    jsonschema.validate(json.loads(detection.to_json()), json.loads(Detection.schema_text()))


def test_the_identity_is_pinned() -> None:
    # written down once: a change here would make every receiver see old calls as new ones
    assert str(detection_id(ORIGIN, 1501)) == "200b5633-2f5f-565f-9274-26c0a25cd39e"
    assert detection_id(ORIGIN, 1501).version == 5


@pytest.mark.parametrize(
    "changed",
    [
        {"device": "buoy-8"},
        {"stream": "b.wav"},
        {"channel": 1},
        {"label": "other"},
        {"model": ModelReference(name="m", version="1", digest="10" * 32)},
    ],
)
def test_what_makes_another_identity(changed: dict[str, object]) -> None:
    assert detection_id(dataclasses.replace(ORIGIN, **changed), 1501) != detection_id(ORIGIN, 1501)
    assert detection_id(ORIGIN, 1502) != detection_id(ORIGIN, 1501)


def test_what_does_not_make_another_identity() -> None:
    assert detection_id(dataclasses.replace(ORIGIN, threshold=0.9, backend="event"), 1501) == detection_id(ORIGIN, 1501)


def test_parts_of_the_identity_do_not_run_together() -> None:
    one = dataclasses.replace(ORIGIN, device="a", stream="bc")
    other = dataclasses.replace(ORIGIN, device="ab", stream="c")
    assert detection_id(one, 0) != detection_id(other, 0)


def document(**changes: object) -> dict[str, object]:
    return {**json.loads(describe(EVENT, ORIGIN).to_json()), **changes}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"schema": "edge_daemon.detection/2"}, "schema"),
        ({"colour": "blue"}, "colour"),
        ({"end_s": 0.7505}, "not after"),
        ({"begin_utc": "2009-03-29T12:15:03.250000Z"}, "begin_utc"),
        ({"clock": "given"}, "begin_utc"),
        ({"peak_score": 1.1}, "peak_score"),
        ({"begin_utc": "2009-03-29 12:15", "end_utc": "2009-03-29 12:16", "clock": "given"}, "begin_utc"),
    ],
)
def test_wrong_documents_are_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Detection.model_validate(document(**changes))


def test_the_schema_is_named_in_every_document() -> None:
    assert document()["schema"] == "edge_daemon.detection/1"


@pytest.mark.parametrize(
    ("utc_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_999, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1709210096_500_000_000, "2024-02-29T12:34:56.500000Z"),
        (-62135596800_000_000_000, "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_utc_text(utc_ns: int, text: str) -> None:
    assert utc_text(utc_ns) == text


@given(st.integers(0, 2**40), st.integers(1, 10**7), st.floats(0, 1), st.floats(0, 1))
def test_any_event_survives_the_round_trip(begin: int, length: int, peak: float, mean: float) -> None:
    event = Event(begin, begin + length, peak, begin, min(mean, peak), 1, None, None)
    detection = describe(event, ORIGIN)
    again = Detection.model_validate_json(detection.to_json())
    assert again == detection
    assert round(again.begin_s * ORIGIN.rate) == begin
    assert round(again.end_s * ORIGIN.rate) == begin + length
