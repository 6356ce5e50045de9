"""A clip that a detection named and that there will not be: the promise is taken back by a document of its own."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode

from edge_daemon.clock.utc import Utc
from edge_daemon.documents.document import Document


class LostClip(Document):
    """What a detection's `clip` names does not exist."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schema": "edge_daemon.lost_clip/1",
                    "device": "buoy-7",
                    "id": "3e0a8d0c-5f0a-5be5-9a94-0d6a7b0c7b10",
                    "clip": "2026-03-29/buoy-7_20260329T121501.250Z_3e0a8d0c.flac",
                    "utc": "2026-03-29T12:20:00.000000Z",
                    "reason": "the daemon ended before it was written",
                }
            ]
        }
    )
    schema_mode: ClassVar[JsonSchemaMode] = "validation"

    schema_: Literal["edge_daemon.lost_clip/1"] = Field(
        default="edge_daemon.lost_clip/1", alias="schema", description="Name and version of this schema."
    )
    device: str = Field(description="Identity of the device, as configured.")
    id: str = Field(description="The detection's.")
    clip: str = Field(description="The path that the detection names.")
    utc: Utc = Field(description="When that was found out, ISO 8601.")
    reason: str = Field(description="Why there is none.")
