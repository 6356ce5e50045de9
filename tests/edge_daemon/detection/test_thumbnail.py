"""Thumbnails show the call, and fit a slow link."""

from __future__ import annotations

import json

import jsonschema
import numpy as np

from edge_daemon.detection.contour.call import calls_in
from edge_daemon.detection.contour.excess import Excess
from edge_daemon.detection.contour.picture import COLUMNS, ROWS, CallPicture
from edge_daemon.detection.document import describe
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.detection.thumbnail import LONGEST_BYTES, Thumbnail, thumbnail

RATE = 2000


def origin(device: str) -> Origin:
    model = ModelReference(name="m", version="1", digest="0f" * 32)
    return Origin(device, "s", "up-call", model, "onnx", 0.5, RATE)


def test_the_brightest_cells_lie_on_the_sweep() -> None:
    at = np.arange(6 * RATE) / RATE
    hz = np.interp(at, (2.0, 3.0), (100, 200))
    inside = (at >= 2.0) & (at < 3.0)
    sound = 0.01 * np.random.default_rng(1).standard_normal(len(at))
    sound += 0.05 * np.sin(2 * np.pi * np.cumsum(hz) / RATE) * inside
    begin = 3500
    (call,) = calls_in(sound.astype(np.float32), RATE, (50.0, 250.0), (begin, 6500), pictures=True)
    assert call.picture is not None
    detection = describe(Event(begin, 6500, 0.9, begin, 0.9, 3, None, None), origin("buoy-7"), call=call)
    made = thumbnail(detection, call.picture, begin, RATE)
    rows = made.levels()
    assert len(rows) <= ROWS
    assert len(rows[0]) <= COLUMNS
    columns = np.array(rows).T
    shown = 0
    for number, column in enumerate(columns):
        seconds = made.begin_s + number * made.step_s
        if 2.1 <= seconds <= 2.9:
            brightest = made.low_hz + column.argmax() * made.step_hz
            assert abs(brightest - (100 + 100 * (seconds - 2.0))) <= made.step_hz + 6
            shown += 1
    assert shown >= 5
    document = json.loads(made.to_json())
    jsonschema.validate(document, json.loads(Thumbnail.schema_text()))
    assert document["id"] == str(detection.id)


def test_none_is_longer_than_promised() -> None:
    rng = np.random.default_rng(2)
    for frames, bands in ((500, 66), (33, 21), (32, 20), (97, 41), (8, 2)):
        tenths = rng.integers(-300, 600, (frames, bands)).astype(np.int32)
        excess = Excess(tenths, 1000.0 + 3.90625 * np.arange(bands), 128, 64, 256)
        picture = CallPicture.of(excess, 0, frames, RATE, -123_456_789_012)
        detection = describe(Event(0, 10, 0.5, 0, 0.5, 1, None, None), origin("d" * 64))
        made = thumbnail(detection, picture, 0, RATE)
        assert len(made.to_json().encode()) <= LONGEST_BYTES
        cells = np.array(made.levels())
        assert cells.shape[0] <= ROWS
        assert cells.shape[1] <= COLUMNS
        assert cells.tobytes() == np.frombuffer(picture.levels, np.uint8).reshape(cells.shape).astype(int).tobytes()
