"""Tables of detections, character by character."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.document import Detection, describe
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.tables.detections_audacity import write_audacity
from edge_daemon.tables.detections_audacity_boxes import write_audacity_boxes
from edge_daemon.tables.detections_csv import COLUMNS, DetectionsCsv
from edge_daemon.tables.detections_jsonl import DetectionsJsonl
from edge_daemon.tables.detections_raven import write_raven
from edge_daemon.tables.detections_raven_run import RavenRun
from edge_daemon.tables.scores_csv import ScoresCsv

ORIGIN = Origin(
    device="dev",
    stream="in/a, b.wav",
    label="up-call",
    model=ModelReference(name="m", version="1", digest="0f" * 32),
    backend="onnx",
    threshold=0.5,
    rate=2000,
    file="in/a, b.wav",
    channel=2,
    time_source="file name (AudioMoth); zone UTC-4 in the name",
)
CALL_COLUMNS = [name for name in COLUMNS if name.startswith(("call_", "contour_"))]
UTC_NS = 1238328900_000_000_000  # 2009-03-29 12:15:00


@pytest.fixture
def detections() -> list[Detection]:
    first = Event(1501, 4501, 0.97314, 1001, 0.75, 3, 95.0, 185.5)
    second = Event(7_200_001, 7_203_001, 0.5, 7_199_001, 0.5, 1, None, None)
    return [
        describe(
            first,
            ORIGIN,
            begin_utc_ns=UTC_NS + 750_500_000,
            end_utc_ns=UTC_NS + 2_250_500_000,
            clock="file_name",
        ),
        describe(second, ORIGIN),
    ]


def test_raven(detections: list[Detection]) -> None:
    file = io.StringIO()
    write_raven(file, detections, Path("/data/in/a, b.wav"))
    lines = file.getvalue().split("\n")
    assert lines[0].split("\t") == [
        "Selection",
        "View",
        "Channel",
        "Begin Time (s)",
        "End Time (s)",
        "Low Freq (Hz)",
        "High Freq (Hz)",
        "Begin Path",
        "Begin File",
        "File Offset (s)",
        "Label",
        "Score",
        "Mean Score",
        "Windows",
        "Begin UTC",
        "Detection ID",
        "Annotation",
        "Tags",
    ]
    assert lines[1].split("\t") == [
        "1",
        "Spectrogram 1",
        "2",
        "0.750500",
        "2.250500",
        "95.0",
        "185.5",
        "/data/in/a, b.wav",
        "a, b.wav",
        "0.750500",
        "up-call",
        "0.973140",
        "0.750000",
        "3",
        "2009-03-29T12:15:00.750500Z",
        str(detections[0].id),
        "up-call",
        "up-call",
    ]
    assert lines[2].split("\t")[:7] == ["2", "Spectrogram 1", "2", "3600.000500", "3601.500500", "", ""]
    assert lines[3:] == [""]


def test_raven_of_nothing_is_a_table_without_rows() -> None:
    file = io.StringIO()
    write_raven(file, [], Path("a.wav"))
    assert file.getvalue().count("\n") == 1


def test_audacity(detections: list[Detection]) -> None:
    file = io.StringIO()
    write_audacity(file, detections, Path("a.wav"))
    assert file.getvalue() == "0.750500\t2.250500\tup-call\n3600.000500\t3601.500500\tup-call\n"


def test_audacity_boxes(detections: list[Detection]) -> None:
    file = io.StringIO()
    write_audacity_boxes(file, detections, Path("a.wav"))
    assert file.getvalue() == (
        "0.750500\t2.250500\tup-call\n"
        "\\\t95.000000\t185.500000\n"
        "3600.000500\t3601.500500\tup-call\n"
        "\\\t-1.000000\t-1.000000\n"
    )  # fmt: skip


def test_boxes_are_those_of_the_call() -> None:
    event = Event(1000, 4000, 0.97314, 1001, 0.75, 3, 95.0, 185.5)
    call = TrackedCall(500, 2100, 628, 64, (101.0, 99.0, 170.5), 150.0, 9.5, -40.0)
    detection = describe(
        event, ORIGIN, begin_utc_ns=UTC_NS + 500_000_000, end_utc_ns=UTC_NS + 2 * 10**9, clock="given", call=call
    )
    raven, labels, boxes, rows = (io.StringIO() for _ in range(4))
    write_raven(raven, [detection], Path("a.wav"))
    cells = dict(zip(*(line.split("\t") for line in raven.getvalue().split("\n")[:2]), strict=True))
    assert [cells[name] for name in ("Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")] == [
        "0.750000", "1.550000", "99.0", "170.5",
    ]  # fmt: skip
    assert cells["File Offset (s)"] == "0.750000"
    assert cells["Begin UTC"] == "2009-03-29T12:15:00.750000Z"
    write_audacity(labels, [detection], Path("a.wav"))
    assert labels.getvalue() == "0.750000\t1.550000\tup-call\n"
    write_audacity_boxes(boxes, [detection], Path("a.wav"))
    assert boxes.getvalue() == "0.750000\t1.550000\tup-call\n\\\t99.000000\t170.500000\n"
    DetectionsCsv(rows).add([detection])
    (row,) = csv.DictReader(io.StringIO(rows.getvalue()))
    assert (row["begin_s"], row["call_begin_s"], row["call_low_hz"]) == ("0.5", "0.75", "99.0")
    assert (row["contour_begin_s"], row["contour_hz"]) == ("0.814", "101 99 170")


def test_one_raven_table_for_the_run(detections: list[Detection]) -> None:
    """Times count over all recordings, file offsets within each."""
    file = io.StringIO()
    table = RavenRun(file)
    table.add(detections[:1], Path("/data/a.wav"), 3600.25)
    table.add([], Path("/data/b.wav"), 30.0)
    table.add(detections, Path("/data/c.wav"), 7200.0)
    rows = list(csv.DictReader(io.StringIO(file.getvalue()), delimiter="\t"))
    columns = ("Selection", "Begin Time (s)", "End Time (s)", "Begin Path", "Begin File", "File Offset (s)")
    assert [tuple(row[column] for column in columns) for row in rows] == [
        ("1", "0.750500", "2.250500", "/data/a.wav", "a.wav", "0.750500"),
        ("2", "3631.000500", "3632.500500", "/data/c.wav", "c.wav", "0.750500"),
        ("3", "7230.250500", "7231.750500", "/data/c.wav", "c.wav", "3600.000500"),
    ]


def test_csv(detections: list[Detection]) -> None:
    file = io.StringIO()
    DetectionsCsv(file).add(detections)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert rows[0] == {
        "file": "in/a, b.wav",
        "begin_s": "0.7505",
        "end_s": "2.2505",
        "begin_utc": "2009-03-29T12:15:00.750500Z",
        "end_utc": "2009-03-29T12:15:02.250500Z",
        "clock": "file_name",
        "label": "up-call",
        "peak_score": "0.97314",
        "mean_score": "0.75",
        "windows": "3",
        "threshold": "0.5",
        "low_hz": "95.0",
        "high_hz": "185.5",
        "channel": "2",
        "device": "dev",
        "model_name": "m",
        "model_version": "1",
        "model_digest": "0f" * 32,
        "backend": "onnx",
        "id": str(detections[0].id),
        "time_source": "file name (AudioMoth); zone UTC-4 in the name",
        "clip": "",
    } | dict.fromkeys(CALL_COLUMNS, "")
    assert rows[1]["begin_utc"] == ""
    assert rows[1]["low_hz"] == ""
    assert "\r" not in file.getvalue()


def test_jsonl_is_the_document(detections: list[Detection]) -> None:
    file = io.StringIO()
    DetectionsJsonl(file).add(detections)
    lines = file.getvalue().splitlines()
    assert lines == [detection.to_json() for detection in detections]
    assert [Detection.model_validate(json.loads(line)) for line in lines] == detections


def test_scores() -> None:
    file = io.StringIO()
    table = ScoresCsv(file)
    starts = np.array([0, 1001, 7_200_001])
    scores = np.array([0.1, 0, 1 / 3], np.float32)
    table.add("a, b.wav", starts, scores, window=4000, rate=2000, start_utc_ns=UTC_NS)
    table.add("c.wav", starts[:1], np.array([1e-6], np.float32), window=4000, rate=2000)
    assert file.getvalue() == (
        "file,begin_s,end_s,utc,score\n"
        '"a, b.wav",0.000000,2.000000,2009-03-29T12:15:00.000000Z,0.1\n'
        '"a, b.wav",0.500500,2.500500,2009-03-29T12:15:00.500500Z,0.0\n'
        '"a, b.wav",3600.000500,3602.000500,2009-03-29T13:15:00.000500Z,0.33333334\n'
        "c.wav,0.000000,2.000000,,0.000001\n"
    )


def test_scores_give_the_same_float_back() -> None:
    scores = np.random.default_rng(1).random(2000, dtype=np.float32) ** 4
    file = io.StringIO()
    ScoresCsv(file).add("a", np.arange(2000), scores, window=4000, rate=2000)
    read = [np.float32(row["score"]) for row in csv.DictReader(io.StringIO(file.getvalue()))]
    np.testing.assert_array_equal(np.array(read), scores)
