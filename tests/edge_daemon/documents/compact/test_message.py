"""The compact form gives back each document to the byte, and refuses what it did not write."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.documents.compact import decode, encode
from edge_daemon.documents.compact.codecs import Items, as_json
from edge_daemon.documents.compact.field_table import FieldTable
from edge_daemon.documents.compact.message import MOST_DOCUMENTS, TABLES_1, TEXT
from edge_daemon.documents.compact.tables_1 import TABLES

ASSETS = Path(__file__).parents[4] / "edge_daemon" / "assets"
DETECTION: dict[str, Any] = {
    "schema": "edge_daemon.detection/1",
    "id": "27375035-5626-5c7d-a8de-05f208fd742b",
    "device": "buoy-7",
    "label": "right_whale_upcall",
    "begin_utc": "2026-03-29T12:16:42.373456Z",
    "end_utc": "2026-03-29T12:16:44.373459Z",
    "clock": "synchronised",
    "clock_keeper": "chrony",
    "begin_s": 102.25,
    "end_s": 104.25,
    "file": None,
    "channel": 1,
    "peak_score": 0.960214,
    "mean_score": 0.893872,
    "windows": 4,
    "threshold": 0.76,
    "low_hz": 73.5,
    "high_hz": 210.8,
    "model": {"name": "right_whale", "version": "7", "digest": "0123456789abcdef" * 4},
    "backend": "onnx",
    "position": {
        "latitude": 42.35121,
        "longitude": -70.25033,
        "fix": {"type": "3d", "accuracy_m": 4.2, "age_s": 0.4},
    },
    "received_level": None,
    "gaps": [],
    "clip": "2026-03-29/buoy-7_20260329T121640.373Z_27375035.flac",
    "time_source": None,
    "call": {
        "begin_s": 102.46,
        "end_s": 103.772,
        "start_hz": 62.8,
        "end_hz": 262.6,
        "low_hz": 60.7,
        "high_hz": 262.6,
        "peak_hz": 187.3,
        "slope_hz_s": 168.8,
        "above_background_db": 20.5,
        "received_level_db": None,
        "number": 1,
        "of": 1,
    },
    "contour": {
        "begin_s": 102.524,
        "step_s": 0.032,
        "hz": [
            *(63, 67, 68, 61, 61, 66, 71, 70, 70, 71, 82, 82, 89, 90, 102, 104, 107, 110, 130, 131, 130, 145, 146),
            *(152, 169, 174, 176, 186, 187, 192, 191, 195, 228, 227, 256, 259, 262, 263),
        ],
    },
}
THUMBNAIL: dict[str, Any] = {
    "schema": "edge_daemon.thumbnail/1",
    "id": DETECTION["id"],
    "device": "buoy-7",
    "begin_s": 102.284,
    "step_s": 0.064,
    "low_hz": 48.8,
    "step_hz": 15.62,
    "rows": 3,
    "cells": "AAYJDQAABpkAAAAGDQAAAA==",
}
TALLY: dict[str, Any] = {
    "schema": "edge_daemon.tally/1",
    "device": "buoy-7",
    "begin_utc": "2026-03-29T12:00:00.000000Z",
    "end_utc": "2026-03-29T12:15:00.000000Z",
    "listened_s": 898.5,
    "lost_s": 1.5,
    "detections": 3,
    "by_score": {"0.7": 1, "0.9": 2},
    "highest_score": 0.973142,
    "contours": 3,
    "clock": "synchronised",
}
EFFORT: dict[str, Any] = {
    "schema": "edge_daemon.effort/1",
    "device": "buoy-7",
    "begin_utc": "2026-03-29T12:00:00.000000Z",
    "end_utc": "2026-03-29T13:00:00.000000Z",
    "period_s": 3600.0,
    "listened_s": 3557.9,
    "listened_samples": 7115800,
    "lost_s": 42.1,
    "clock_correction_s": 0.0,
    "unaccounted_s": 0.0,
    "gaps": [{"cause": "device_absent", "count": 1, "seconds": 42.1, "samples": 84200}],
    "clock": "synchronised",
    "sessions": 1,
}
DOCUMENTS = [DETECTION, THUMBNAIL, TALLY, EFFORT]
DICTIONARY = "33737ba0066939dc013513ee81ca10aa3d4c4df6677da756e1d8a81e44fbd3de"
WRITTEN = (
    (
        "0201264610e03b75dc0af02a0a9d3575e4b7d35824a915c2858c6dfe060266a41b601b2343b07364ff32f8cc8b62ddb115fd"
        "2e79864ad5d0a062bcd636008fea61d950c7e81b72ea61d950c7e81b72ea61d950c7e81b72ea61d950c7f3521f1373de783d"
        "f512112c553e42747c0e0cc7c41ea9df7228010ab72d9069a7ee4d8b75c0fa66edc12cf442a4d20c3c3f3d"
    ),
    (
        "0209263e10e03b75dc0af02a0a9d3575e4b7d35824a93475c998f07635a26e62222451552aa88c8848891154262d02acba16"
        "42fa6c2e37642c8590b2468ba207"
    ),
    "021131d75fb79f2e6356656b3079e4a71f06be11bb454f8759",
    "021931cf5fb79f2e6356656b3079e4c85c559d9c199d3faac8e514223ef62cca58597337",
)
WRITTEN_TEXT = "012363a4c65ca91600"
STRANGE: list[Any] = [
    *(None, True, 0, -1, 2**70, 0.0, -0.0, 1e-7, 1e300, 0.1 + 0.2, 12345.6789, -3.5, 1.0),
    *("", "x", "ÿ€𝄞", 'a\\b"\n\x00', "2026-13-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "AAA="),
    *([], [1], [1, 2.5], ["a", None], {}, {"a": {"b": [1]}}, {"begin_s": 1.5}, {"0.9": 1, "0.7": 2}),
]


def changed(rng: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    """A document with some fields that nobody expects, at any depth."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        draw = rng.random()
        if isinstance(value, dict) and draw < 0.5:
            found[name] = changed(rng, value)
        elif draw < 0.06 and name != "schema":
            found[name] = rng.choice(STRANGE)
        elif draw < 0.1 and name != "schema":
            continue
        elif isinstance(value, float) and draw < 0.5:
            found[name] = round(rng.uniform(-1, 1) * 10 ** rng.randrange(6), rng.randrange(8))
        elif isinstance(value, int) and draw < 0.5:
            found[name] = rng.getrandbits(rng.randrange(1, 40))
        else:
            found[name] = value
    for number in range(rng.choice((0, 0, 0, 1, 3))):
        found[f"new_{number}"] = rng.choice(STRANGE)
    return found


@pytest.mark.parametrize("seed", range(200))
def test_any_document_comes_back_to_the_byte(seed: int) -> None:
    rng = random.Random(seed)
    documents = [as_json(changed(rng, rng.choice(DOCUMENTS))) for _ in range(rng.choice((1, 1, 2, 3)))]
    assert decode(encode(documents)) == documents


@pytest.mark.parametrize("text", ["{}", "[1, 2]", '{"schema":"other/1"}', '{"a": 1}', "no JSON", '{"a":1,"a":2}', "ÿ"])
def test_so_does_any_line(text: str) -> None:
    assert decode(encode([text])) == [text]
    assert decode(encode([as_json(DETECTION), text])) == [as_json(DETECTION), text]


def test_a_field_that_is_new_costs_its_text_and_no_more() -> None:
    newer = {**DETECTION, "species": "fin whale"}
    assert encode([as_json(newer)])[:1] == TABLES_1
    more = len(encode([as_json(newer)])) - len(encode([as_json(DETECTION)]))
    assert 0 < more < 25
    assert decode(encode([as_json(newer)])) == [as_json(newer)]


def test_sizes() -> None:
    plain, small = len(as_json(DETECTION)), len(encode([as_json(DETECTION)]))
    assert plain > 1000
    assert small < 150
    both = len(encode([as_json(DETECTION), as_json(THUMBNAIL)]))
    alone = len(encode([as_json(THUMBNAIL)]))
    assert both - small < alone - 18, "identity (16 bytes) and device need not be told twice"
    assert len(encode([as_json(TALLY)])) < 30
    assert len(encode([as_json(EFFORT)])) < 45


def test_a_plain_document_passes_as_it_is() -> None:
    assert decode(as_json(TALLY).encode()) == [as_json(TALLY)]


@pytest.mark.parametrize("damage", ["cut", "longer", "bit", "noise"])
@pytest.mark.parametrize("text", [as_json(DETECTION), '{"schema":"other/1","text":"a text that is long enough"}'])
def test_what_is_damaged_is_refused_or_is_another_message(damage: str, text: str) -> None:
    rng, payload, refused = random.Random(3), encode([text]), 0
    for _ in range(60):
        spoilt = bytearray(payload)
        if damage == "cut":
            del spoilt[rng.randrange(1, len(spoilt)) :]
        elif damage == "longer":
            spoilt += rng.randbytes(rng.randrange(1, 9))
        elif damage == "bit":
            spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        else:
            spoilt[1:] = rng.randbytes(rng.randrange(300))
        if spoilt == payload:
            continue
        try:
            found = decode(bytes(spoilt))
        except ValueError:
            refused += 1
        else:
            assert found != [text]
    assert refused > (0 if damage == "bit" else 20)  # a text may be another one by a bit


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x03abc", b"\xff", TEXT, TABLES_1, b"{\xff"])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|codec"):
        decode(payload)


def test_a_message_that_would_be_endless_is_refused() -> None:
    bomb = encode(["x" * 3_000_000])
    assert len(bomb) < 10_000
    with pytest.raises(ValueError, match="cut off, or too long"):
        decode(bomb)


def test_what_would_take_long_to_read_goes_as_text_and_is_refused_as_tables() -> None:
    text = as_json({**TALLY, "device": "".join(random.Random(1).choices("abcdefgh", k=60_000))})
    packed = encode([text])
    assert packed[:1] == TEXT
    assert decode(packed) == [text]
    with pytest.raises(ValueError, match="too long"):
        decode(TABLES_1 + packed)


@pytest.mark.parametrize("documents", [[], [""], ["a\nb"], ["{}"] * (MOST_DOCUMENTS + 1)])
def test_what_cannot_be_told_apart_is_not_written(documents: list[str]) -> None:
    with pytest.raises(ValueError, match="on one line"):
        encode(documents)


def test_version_1_is_read_for_ever() -> None:
    """These bytes may be in a broker or an archive: if this fails, the form has changed and needs a new number."""
    assert hashlib.sha256((ASSETS / "compact_1.txt").read_bytes()).hexdigest() == DICTIONARY
    for payload, document in zip(WRITTEN, DOCUMENTS, strict=True):
        assert decode(bytes.fromhex(payload)) == [as_json(document)]
    assert decode(bytes.fromhex(WRITTEN_TEXT)) == ['{"schema":"edge_daemon.lost_clip/1","device":"buoy-7"}']


def test_tables_know_all_fields_of_the_documents_in_their_order() -> None:
    seen = 0
    for name, table in TABLES:
        kind = name.removeprefix("edge_daemon.").partition("/")[0]
        schema = json.loads((ASSETS / f"{kind}.schema.json").read_text(encoding="utf-8"))
        seen += same_fields(table, schema["properties"], schema)
    assert seen > len(TABLES)


def same_fields(table: FieldTable, properties: dict[str, Any], schema: dict[str, Any]) -> int:
    """Insists that the table and all within it have a document's fields; how many tables those are."""
    assert [field.name for field in table.fields] == list(properties)
    count = 1
    for field in table.fields:
        inner = field.codec.item if isinstance(field.codec, Items) else field.codec
        if isinstance(inner, FieldTable):
            name = re.findall(r"#/\$defs/(\w+)", json.dumps(properties[field.name]))[0]
            count += same_fields(inner, schema["$defs"][name]["properties"], schema)
    return count
