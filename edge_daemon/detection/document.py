"""The detection: one call, as one JSON document.

The same document goes to MQTT, into `detections.jsonl` and into the outbox. It names its own schema and version; the
JSON Schema is published in the package (`assets/detection.schema.json`). Within a version a field is never renamed,
removed or given another meaning. Times are given twice: in UTC, if a clock or a file name tells it, and in seconds
since the recording (or the live stream) began, which is always known and exact to the sample.

The identity is computed from what makes a detection that one: device, recording or live session, channel, first sample,
label and model. Replaying a file again, from wherever it lies now, or resending after a power cut, gives the same
identity, so that a receiver can drop what it has already seen. A recording is known by its file's name and contents
(`audio/recording_identity.py`), never by a path.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, Self, get_args
from uuid import UUID, uuid5

from pydantic import ConfigDict, Field, model_validator

from edge_daemon.audio.source import GapCause
from edge_daemon.clock.synchronisation import ClockKeeper
from edge_daemon.clock.utc import Utc, utc_text
from edge_daemon.detection.call_document import Box, Call, Contour, call_documents
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.events import Event
from edge_daemon.detection.origin import ModelReference, Origin
from edge_daemon.documents.document import Document, DocumentPart
from edge_daemon.position.position import Position

UtcBasis = Literal["synchronised", "holdover", "unsynchronised", "header", "file_name", "given", "none"]
"""What UTC rests on: the device's clock in one of three states, what the recorder wrote into or beside the file, the
file's name, the user's word, or nothing."""

_NAMESPACE = UUID("6f0c2f5e-5d0b-5c0e-9b65-3d6f0a4f7c11")


class ReceivedLevel(DocumentPart):
    """Sound pressure levels over the call, of a calibrated hydrophone (ISO 18405), dB re 1 µPa."""

    rms_db: float = Field(description="Root-mean-square level over the event, dB re 1 µPa.")
    peak_to_peak_db: float | None = Field(default=None, description="Peak-to-peak level over the event, dB re 1 µPa.")
    ambient_db: float | None = Field(default=None, description="Root-mean-square level around the event, dB re 1 µPa.")
    low_hz: float | None = Field(
        default=None, ge=0, description="Lower edge of the band that the levels cover, Hz; 0: all but the mean."
    )
    high_hz: float | None = Field(default=None, ge=0, description="Upper edge of that band, Hz.")


class AdjoiningGap(DocumentPart):
    """Missing sound within one window of the event: the call may be longer than the event."""

    begin_s: float = Field(description="Begin, seconds on the scale of begin_s.")
    length_s: float = Field(ge=0, description="Length, seconds.")
    cause: str = Field(description=f"One of: {', '.join(get_args(GapCause))}.")


class Detection(Document):
    """One detected call."""

    model_config = ConfigDict(
        title="Detection",
        json_schema_extra={
            "examples": [
                {
                    "schema": "edge_daemon.detection/1",
                    "id": "3e0a8d0c-5f0a-5be5-9a94-0d6a7b0c7b10",
                    "device": "buoy-7",
                    "label": "right_whale_upcall",
                    "begin_utc": "2009-03-29T12:15:03.250000Z",
                    "end_utc": "2009-03-29T12:15:04.750000Z",
                    "clock": "synchronised",
                    "clock_keeper": "chrony",
                    "begin_s": 3.25,
                    "end_s": 4.75,
                    "file": None,
                    "channel": 1,
                    "peak_score": 0.973142,
                    "mean_score": 0.871034,
                    "windows": 3,
                    "threshold": 0.5,
                    "low_hz": 95.0,
                    "high_hz": 185.0,
                    "model": {"name": "right_whale", "version": "1", "digest": "ab" * 32},
                    "backend": "onnx",
                    "position": {
                        "latitude": 42.35,
                        "longitude": -70.25,
                        "fix": {"type": "3d", "accuracy_m": 4.1, "age_s": 0.5},
                    },
                    "received_level": {
                        "rms_db": 112.4,
                        "peak_to_peak_db": 125.0,
                        "ambient_db": 98.7,
                        "low_hz": 0.0,
                        "high_hz": 1000.0,
                    },
                    "gaps": [],
                    "clip": "2009-03-29/buoy-7_20090329T121501.250Z_3e0a8d0c.flac",
                    "time_source": None,
                    "call": {
                        "begin_s": 3.436,
                        "end_s": 4.236,
                        "start_hz": 96.4,
                        "end_hz": 183.9,
                        "low_hz": 95.1,
                        "high_hz": 183.9,
                        "peak_hz": 152.0,
                        "slope_hz_s": 130.2,
                        "above_background_db": 14.2,
                        "received_level_db": 108.3,
                        "number": 1,
                        "of": 1,
                    },
                    "contour": {"begin_s": 3.5, "step_s": 0.032, "hz": [96, 95, 99, 107, 118, 134, 152, 171, 184]},
                }
            ],
        },
    )

    schema_: Literal["edge_daemon.detection/1"] = Field(
        default="edge_daemon.detection/1", alias="schema", description="Name and version of this schema."
    )
    id: UUID = Field(
        description="Stays the same when the call is sent or replayed again. Made of device, recording (its file's"
        " name, size and contents, wherever it lies) or live session, channel, first sample, label and model."
    )
    device: str = Field(description="Identity of the device, as configured.")
    label: str = Field(description="What was detected, as the model file names it.")
    begin_utc: Utc | None = Field(description="Begin, ISO 8601; null if only begin_s is known.")
    end_utc: Utc | None = Field(description="End, ISO 8601; null if only end_s is known.")
    clock: UtcBasis = Field(description="What UTC rests on; `none` if it is not known.")
    clock_keeper: ClockKeeper | None = Field(
        default=None,
        description="What keeps the device's clock right, as far as its kernel tells: `pps` (a pulse per second in the"
        " kernel), `chrony` (a program that steers the frequency itself), `ntp` (the kernel's loop: systemd-timesyncd,"
        " ntpd); null if nothing does, or if it is not known.",
    )
    begin_s: float = Field(description="Begin, seconds since the recording or live stream began.")
    end_s: float = Field(description="End, seconds since the recording or live stream began.")
    file: str | None = Field(default=None, description="The recording, as it was named; null when live.")
    channel: int = Field(default=1, ge=1, description="Channel of the recording or device, counted from 1.")
    peak_score: float = Field(
        ge=0,
        le=1,
        description="Highest score of a window, raised by calls before it as detection.context_s says (0…1).",
    )
    mean_score: float = Field(ge=0, le=1, description="Mean of its windows' scores, raised likewise (probability).")
    windows: int = Field(ge=1, description="Number of windows in the event.")
    threshold: float = Field(ge=0, le=1, description="Score that a window had to reach.")
    low_hz: float | None = Field(
        default=None, ge=0, description="Lower edge of the band in which the call stood out, Hz."
    )
    high_hz: float | None = Field(default=None, ge=0, description="Upper edge of that band, Hz.")
    model: ModelReference = Field(description="Which model made the score.")
    backend: str = Field(description="Which backend ran the model.")
    position: Position | None = Field(
        default=None,
        description="Where the hydrophone was at the middle of the event. Null if it is not known, also because the"
        " receiver's last fix was too old.",
    )
    received_level: ReceivedLevel | None = Field(default=None, description="Levels, if the hydrophone is calibrated.")
    gaps: tuple[AdjoiningGap, ...] = Field(default=(), description="Missing sound within one window of the event.")
    clip: str | None = Field(default=None, description="The event's sound: path below the device's clip folder.")
    time_source: str | None = Field(
        default=None,
        description="Of a recording: what tells its time and how the zone is known, such as"
        " `AudioMoth comment; zone UTC-5 in the header`; null when live or if the time is not known.",
    )
    call: Call | None = Field(
        default=None,
        description="The call itself; null if its pitch could not be followed, if the event lasts longer than 60 s, and"
        " in older documents.",
    )
    contour: Contour | None = Field(default=None, description="Its pitch over time; null where `call` is.")

    def moved(self, by_s: float) -> Self:
        """The same detection on another scale of seconds; UTC stays."""
        more: dict[str, object] = {"begin_s": self.begin_s + by_s, "end_s": self.end_s + by_s}
        if self.call is not None:
            times = {"begin_s": self.call.begin_s + by_s, "end_s": self.call.end_s + by_s}
            more["call"] = self.call.model_copy(update=times)
        if self.contour is not None:
            more["contour"] = self.contour.model_copy(update={"begin_s": self.contour.begin_s + by_s})
        return self.model_copy(update=more)

    @property
    def box(self) -> Box:
        """What to select in the recording: the call, or the event where its pitch is not known."""
        if self.call is None or self.call.end_s <= 0:  # it may have begun in the recording before, or lie there
            return Box(self.begin_s, self.end_s, self.low_hz, self.high_hz)
        return Box(max(0.0, self.call.begin_s), self.call.end_s, self.call.low_hz, self.call.high_hz)

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if self.end_s <= self.begin_s:
            raise ValueError(f"end_s ({self.end_s}) is not after begin_s ({self.begin_s})")
        if (self.begin_utc is None) != (self.end_utc is None) or (self.begin_utc is None) != (self.clock == "none"):
            raise ValueError("begin_utc and end_utc are both given, or both null with clock `none`")
        return self


def detection_id(origin: Origin, begin: int) -> UUID:
    """Identity of the event that begins at sample `begin`: a UUID of version 5 (RFC 9562)."""
    parts = [origin.device, origin.stream, str(origin.channel), str(begin), origin.label, origin.model.digest]
    return uuid5(_NAMESPACE, json.dumps(parts))


def describe(
    event: Event,
    origin: Origin,
    *,
    begin_utc_ns: int | None = None,
    end_utc_ns: int | None = None,
    clock: UtcBasis = "none",
    gaps: Sequence[AdjoiningGap] = (),
    backend: str | None = None,
    call: TrackedCall | None = None,
    part: tuple[int, int] = (1, 1),
) -> Detection:
    """The document of one event.

    Args:
        event: begin and end in samples at `origin.rate`.
        origin: recording or session, device, model.
        begin_utc_ns: begin, nanoseconds since 1970 UTC, if known.
        end_utc_ns: end, likewise.
        clock: what UTC rests on.
        gaps: missing sound near the event.
        backend: which backend made it, where that may be another than the origin's: a fallback.
        call: the call in it, if its pitch was followed.
        part: which call of an event it is, and of how many.
    """
    figures = contour = None
    if call is not None:
        figures, contour = call_documents(call, event.begin, origin.rate, origin.full_scale_db, *part)
    return Detection(
        id=detection_id(origin, event.begin),
        device=origin.device,
        label=origin.label,
        begin_utc=None if begin_utc_ns is None else utc_text(begin_utc_ns),
        end_utc=None if end_utc_ns is None else utc_text(end_utc_ns),
        clock=clock,
        begin_s=event.begin / origin.rate,
        end_s=event.end / origin.rate,
        file=origin.file,
        channel=origin.channel,
        # six digits are far below any model's truth, and spare the slow link a float32's tail in binary
        peak_score=round(event.peak_score, 6),
        mean_score=round(event.mean_score, 6),
        windows=event.windows,
        threshold=origin.threshold,
        low_hz=None if event.low_hz is None else round(event.low_hz, 1),
        high_hz=None if event.high_hz is None else round(event.high_hz, 1),
        model=origin.model,
        backend=backend or origin.backend,
        position=origin.position,
        gaps=tuple(gaps),
        time_source=origin.time_source,
        call=figures,
        contour=contour,
    )
