"""Where detections come from: device, recording or live session, model. Known before there is a detection."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from edge_daemon.documents.document import DocumentPart
from edge_daemon.position.position import Position


class ModelReference(DocumentPart):
    """Which model made the score."""

    name: str = Field(description="Name in the model file.")
    version: str = Field(description="Version in the model file.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the model file, hexadecimal.")


@dataclass(frozen=True, slots=True)
class Origin:
    """What all detections of one recording or live session have in common.

    Attributes:
        device: identity of the device.
        stream: what begin_s counts from: an identity of the recording, or of the live session.
        label: what is detected.
        model: which model makes the scores.
        backend: which backend runs it, unless `describe` is told of another.
        threshold: score that a window must reach.
        rate: samples per second that events are counted in.
        file: the recording's name, or None when live.
        channel: counted from 1.
        position: where the hydrophone is, if known.
        time_source: what tells a recording's time, for people, or None.
        full_scale_db: level (peak) of a full-scale sample, dB re 1 µPa, of a calibrated hydrophone, or None.
    """

    device: str
    stream: str
    label: str
    model: ModelReference
    backend: str
    threshold: float
    rate: int
    file: str | None = None
    channel: int = 1
    position: Position | None = None
    time_source: str | None = None
    full_scale_db: float | None = None
