"""Version 1 of the documents' tables. They never change: what was written by them is read for ever.

A document that gets a new field needs no new version; the field is written as JSON. A new version makes it short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_daemon.documents.compact.codecs import (
    Counts,
    Decimal,
    Hexadecimal,
    Items,
    Seen,
    Text,
    Whole,
    Word,
)
from edge_daemon.documents.compact.field_table import Field, FieldTable
from edge_daemon.documents.compact.moment import ClipName, Moment, microseconds
from edge_daemon.documents.compact.range_coder import SCALE, Coder
from edge_daemon.documents.compact.sequences import Cells, Pitch

FRAME_S = 0.128
"""Length of a frame of the contour: it begins half of it after its call."""
_MOSTLY = SCALE * 7 // 8

_MODEL = FieldTable((Field("name", Text()), Field("version", Text()), Field("digest", Hexadecimal((64,)))))
_KNOWN_MODELS: tuple[dict[str, str], ...] = (
    {
        "name": "right_whale",
        "version": "0.3.0",
        "digest": "aec7470f9b40aee97a6fc86b0372db3378e5afadd25c6c163e09113521246e65",
    },
    {
        "name": "right_whale",
        "version": "0.4.0",
        "digest": "3defd244dadabca1c48639d7bc6f75e3122a7cd47366804e4f264dfd7565ac6a",
    },
    {
        "name": "right_whale",
        "version": "0.5.0",
        "digest": "6c4cb66b5a6413c073e6e5b87612db13667d3fba2cf99f0fd2acb7b3b2b01a53",
    },
    {
        "name": "right_whale",
        "version": "0.6.1",
        "digest": "0962a7d6631efe7541b98814d23948c9a52af3b1e3a5af6282d1193e94c62008",
    },
)
"""Those that came with the program before this version was released; none is added after that, since who has fewer
cannot read a message that names one more. What was written before an addition is read as before. Others take 32 bytes.
"""


@dataclass(frozen=True, slots=True)
class Model:
    """Which model: one that came with this program, or any other."""

    def fits(self, value: Any, seen: Seen) -> bool:
        """See `Codec`."""
        return _MODEL.fits(value, seen)

    def code(self, coder: Coder, value: Any, seen: Seen) -> dict[str, Any]:
        """See `Codec`."""
        known = coder.symbol(16, 1 + _KNOWN_MODELS.index(value) if value in _KNOWN_MODELS else 0)
        if not known:
            return _MODEL.code(coder, value, seen)
        if known > len(_KNOWN_MODELS):
            raise ValueError("a model of a newer program")
        return dict(_KNOWN_MODELS[known - 1])


def _end_utc(seen: Seen) -> float:
    return microseconds(seen.here["begin_utc"]) + 2_000_000


def _end_s(seen: Seen) -> float:
    length_us = microseconds(seen.here["end_utc"]) - microseconds(seen.here["begin_utc"])
    return float(seen.here["begin_s"] + round(length_us / 1e6, 4))


def _call_end(seen: Seen) -> float:
    return float(seen.here["begin_s"] + 1.0)


def _slope(seen: Seen) -> float:
    here = seen.here
    return float((here["end_hz"] - here["start_hz"]) / (here["end_s"] - here["begin_s"] - FRAME_S))


def _points(seen: Seen) -> float:
    call = seen.around["call"]
    return float((call["end_s"] - call["begin_s"] - FRAME_S) / seen.here["step_s"] + 1)


def _period_s(seen: Seen) -> float:
    return (microseconds(seen.here["end_utc"]) - microseconds(seen.here["begin_utc"])) / 1e6


def _unaccounted(seen: Seen) -> float:
    here = seen.here
    return float(here["period_s"] - here["listened_s"] - here["lost_s"] - here["clock_correction_s"])


_CALL = FieldTable(
    (
        Field("begin_s", Decimal(4, 12, lambda seen: seen.around["begin_s"] + 0.3)),
        Field("end_s", Decimal(4, 12, _call_end)),
        Field("start_hz", Decimal(1, 9, lambda _: 90.0)),
        Field("end_hz", Decimal(1, 10, lambda seen: seen.here["start_hz"] + 80.0)),
        Field("low_hz", Decimal(1, 5, lambda seen: min(seen.here["start_hz"], seen.here["end_hz"]))),
        Field("high_hz", Decimal(1, 5, lambda seen: max(seen.here["start_hz"], seen.here["end_hz"]))),
        Field("peak_hz", Decimal(1, 9, lambda seen: (seen.here["low_hz"] + seen.here["high_hz"]) / 2)),
        Field("slope_hz_s", Decimal(1, 1, _slope)),
        Field("above_background_db", Decimal(1, 5, lambda _: 12.0)),
        Field("received_level_db", Decimal(1, 7, lambda _: 110.0)),
        Field("number", Whole(1)),
        Field("of", Whole(1, lambda seen: seen.here["number"])),
    )
)
_CONTOUR = FieldTable(
    (
        Field("begin_s", Decimal(4, 1, lambda seen: seen.around["call"]["begin_s"] + FRAME_S / 2)),
        Field("step_s", Decimal(4, 1, lambda _: FRAME_S / 4)),
        Field("hz", Pitch(lambda seen: seen.around["call"]["start_hz"], _points)),
    )
)
_LEVEL = FieldTable(
    (
        Field("rms_db", Decimal(1, 7, lambda _: 110.0)),
        Field("peak_to_peak_db", Decimal(1, 6, lambda seen: seen.here["rms_db"] + 15.0)),
        Field("ambient_db", Decimal(1, 6, lambda seen: seen.here["rms_db"] - 6.0)),
        Field("low_hz", Decimal(1, 8)),
        Field("high_hz", Decimal(1, 3, lambda _: 1000.0)),
    )
)
_GAP = FieldTable((Field("begin_s", Decimal(4, 32)), Field("length_s", Decimal(4, 12)), Field("cause", Text())))
_FIX = FieldTable(
    (
        Field("type", Word(("3d", "2d", "differential", "rtk"))),
        Field("accuracy_m", Decimal(1, 5)),
        Field("age_s", Decimal(1, 4)),
    )
)
_POSITION = FieldTable(
    (
        Field("latitude", Decimal(None, 22)),
        Field("longitude", Decimal(None, 23)),
        Field("fix", _FIX, "null"),
    )
)
DETECTION = FieldTable(
    (
        Field("schema", Word(("edge_daemon.detection/1",))),
        Field("id", Hexadecimal((8, 4, 4, 4, 12))),
        Field("device", Text()),
        Field("label", Word(("right_whale_upcall",))),
        Field("begin_utc", Moment()),
        Field("end_utc", Moment(_end_utc, 20)),
        Field("clock", Word(("synchronised", "holdover", "unsynchronised", "header", "file_name", "given"), _MOSTLY)),
        Field("clock_keeper", Word(("ntp", "chrony", "pps"))),
        Field("begin_s", Decimal(4, 32)),
        Field("end_s", Decimal(4, 1, _end_s)),
        Field("file", Text(), "null"),
        Field("channel", Whole(1)),
        Field("peak_score", Decimal(6, 17, lambda _: 0.9)),
        Field("mean_score", Decimal(6, 17, lambda seen: seen.here["peak_score"] - 0.1)),
        Field("windows", Whole(3)),
        Field("threshold", Decimal(None, 7)),
        Field("low_hz", Decimal(1, 8, lambda _: 90.0)),
        Field("high_hz", Decimal(1, 9, lambda _: 200.0)),
        Field("model", Model()),
        Field("backend", Word(("onnx", "event", "loihi", "compiled"), _MOSTLY)),
        Field("position", _POSITION),
        Field("received_level", _LEVEL, "null"),
        Field(
            "gaps",
            Items(
                FieldTable(
                    (Field("begin_s", Decimal(4, 32)), Field("length_s", Decimal(4, 12)), Field("cause", Text()))
                )
            ),
        ),
        Field("clip", ClipName()),
        Field("time_source", Text(), "null"),
        Field("call", _CALL),
        Field("contour", _CONTOUR),
    )
)
THUMBNAIL = FieldTable(
    (
        Field("schema", Word(("edge_daemon.thumbnail/1",))),
        Field("id", Hexadecimal((8, 4, 4, 4, 12), "id")),
        Field("device", Text("device")),
        Field("begin_s", Decimal(4, 9, lambda seen: seen.before["call"]["begin_s"] - 0.18)),
        Field("step_s", Decimal(4, 1, lambda _: FRAME_S / 2)),
        Field("low_hz", Decimal(1, 3, lambda _: 48.8)),
        Field("step_hz", Decimal(2, 1, lambda _: 15.62)),
        Field("rows", Whole(2, lambda _: 17)),
        Field("cells", Cells()),
    )
)
_CLOCK = Word(("synchronised", "holdover", "unsynchronised"), _MOSTLY)
TALLY = FieldTable(
    (
        Field("schema", Word(("edge_daemon.tally/1",))),
        Field("device", Text()),
        Field("begin_utc", Moment()),
        Field("end_utc", Moment(lambda seen: microseconds(seen.here["begin_utc"]) + 900e6)),
        Field("listened_s", Decimal(1, 6, _period_s)),
        Field("lost_s", Decimal(1, 4, lambda seen: _period_s(seen) - seen.here["listened_s"])),
        Field("detections", Whole(2)),
        Field("by_score", Counts(("0", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95"))),
        Field("highest_score", Decimal(6, 17, lambda _: 0.95)),
        Field("contours", Whole(0, lambda seen: seen.here["detections"])),
        Field("clock", _CLOCK),
    )
)


EFFORT = FieldTable(
    (
        Field("schema", Word(("edge_daemon.effort/1",))),
        Field("device", Text()),
        Field("begin_utc", Moment()),
        Field("end_utc", Moment(lambda seen: microseconds(seen.here["begin_utc"]) + 3600e6)),
        Field("period_s", Decimal(6, 0, _period_s)),
        Field("listened_s", Decimal(6, 16, lambda seen: seen.here["period_s"])),
        Field("listened_samples", Whole(1, lambda seen: seen.here["listened_s"] * 2000)),
        Field("lost_s", Decimal(6, 16, lambda seen: seen.here["period_s"] - seen.here["listened_s"])),
        Field("clock_correction_s", Decimal(6, 16)),
        Field("unaccounted_s", Decimal(6, 1, _unaccounted)),
        Field(
            "gaps",
            Items(
                FieldTable(
                    (
                        Field("cause", Text()),
                        Field("count", Whole(1)),
                        Field("seconds", Decimal(6, 16, lambda seen: seen.around["lost_s"])),
                        Field("samples", Whole(1, lambda seen: seen.here["seconds"] * 2000)),
                    )
                )
            ),
        ),
        Field("clock", _CLOCK),
        Field("sessions", Whole(1)),
    )
)
TABLES: tuple[tuple[str, FieldTable], ...] = (
    ("edge_daemon.detection/1", DETECTION),
    ("edge_daemon.thumbnail/1", THUMBNAIL),
    ("edge_daemon.tally/1", TALLY),
    ("edge_daemon.effort/1", EFFORT),
)
"""By the schema's name; a message holds the number in this list."""
