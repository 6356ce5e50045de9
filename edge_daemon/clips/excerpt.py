"""An excerpt of a clip to send over the link: what a person on shore wants to hear, in as few bytes as configured.

The clip on the disk is the record; the excerpt is a courtesy. It is cut around the event's begin until it fits, sent
once with QoS 0 when nothing else waits, and not kept.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import JsonSchemaMode

from edge_daemon.clips.clip import Clip
from edge_daemon.clips.encoding import encode_clip
from edge_daemon.clock.utc import Utc, utc_text
from edge_daemon.documents.document import Document

BEFORE_S = 0.5
"""Sound before the event in an excerpt that is shorter than its clip."""
SHORTEST_S = 0.5
"""What is shorter tells nothing and is not sent."""


class Excerpt(Document):
    """Sound of an event, cut short."""

    schema_mode: ClassVar[JsonSchemaMode] = "validation"

    schema_: Literal["edge_daemon.excerpt/1"] = Field(
        default="edge_daemon.excerpt/1", alias="schema", description="Name and version of this schema."
    )
    id: str = Field(description="The detection's.")
    device: str = Field(description="Identity of the device, as configured.")
    clip: str = Field(description="Path of the whole clip on the device, below its folder of clips.")
    begin_utc: Utc = Field(description="Time of the excerpt's first sample, ISO 8601.")
    seconds: float = Field(gt=0, description="Length of the excerpt, seconds.")
    format: Literal["flac", "wav"] = Field(description="Kind of the sound file.")
    sound: str = Field(description="The sound file, Base64.", json_schema_extra={"contentEncoding": "base64"})


def excerpt(clip: Clip, most_bytes: int) -> bytes | None:
    """The JSON document of an excerpt, at most so long; None if that is too short to hear anything.

    Args:
        clip: ready to be stored.
        most_bytes: length of the document, bytes.
    """
    piece = clip
    while True:
        document = _document(piece)
        if len(document) <= most_bytes:
            return document
        length = int(0.9 * len(piece.samples) * most_bytes / len(document))
        if length < SHORTEST_S * clip.rate:
            return None
        piece = _cut(clip, length)


def _cut(clip: Clip, length: int) -> Clip:
    wanted = clip.request.begin - clip.begin - round(BEFORE_S * clip.rate)
    first = max(0, min(wanted, len(clip.samples) - length))
    return replace(clip, samples=clip.samples[first : first + length], begin=clip.begin + first, gaps=())


def _document(piece: Clip) -> bytes:
    values = {
        "id": piece.request.id,
        "device": piece.request.device,
        "clip": piece.name,
        "begin_utc": utc_text(piece.begin_utc_ns),
        "seconds": round(len(piece.samples) / piece.rate, 3),
        "format": piece.name.rpartition(".")[2],
        "sound": base64.b64encode(encode_clip(piece)).decode(),
    }
    return Excerpt.model_validate(values).to_json().encode()
