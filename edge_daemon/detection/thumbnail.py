"""The thumbnail: a very small picture of a call, as a message of its own that a slow link can carry."""

from __future__ import annotations

import base64
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode

from edge_daemon.detection.contour.picture import CallPicture
from edge_daemon.detection.document import Detection
from edge_daemon.documents.document import Document
from edge_daemon.documents.picture_cells import picture_cells

LONGEST_BYTES = 700
"""No thumbnail's document is longer, with a device's name of 64 characters at most."""


class Thumbnail(Document):
    """A picture of a call, four bits a cell."""

    schema_mode: ClassVar[JsonSchemaMode] = "validation"
    model_config = ConfigDict(
        title="Thumbnail",
        json_schema_extra={
            "examples": [
                {
                    "schema": "edge_daemon.thumbnail/1",
                    "id": "3e0a8d0c-5f0a-5be5-9a94-0d6a7b0c7b10",
                    "device": "buoy-7",
                    "begin_s": 3.25,
                    "step_s": 0.064,
                    "low_hz": 46.9,
                    "step_hz": 15.62,
                    "rows": 2,
                    "cells": "AAhwDwA=",
                }
            ]
        },
    )

    schema_: Literal["edge_daemon.thumbnail/1"] = Field(
        default="edge_daemon.thumbnail/1", alias="schema", description="Name and version of this schema."
    )
    id: UUID = Field(description="The detection's.")
    device: str = Field(description="Identity of the device, as configured.")
    begin_s: float = Field(description="Middle of the first column, seconds on the scale of the detection's begin_s.")
    step_s: float = Field(gt=0, description="Seconds from a column to the next one.")
    low_hz: float = Field(ge=0, description="Centre of the lowest row, Hz.")
    step_hz: float = Field(gt=0, description="Hz from a row to the next one.")
    rows: int = Field(ge=1, description="Number of rows.")
    cells: str = Field(
        description="The cells row by row, the lowest first, two in a byte, the first in its upper half; 0 is as quiet"
        " as usual in that row, each step is 1.2 dB. Base64; half a byte may be left over.",
        json_schema_extra={"contentEncoding": "base64"},
    )

    def levels(self) -> list[list[int]]:
        """Rows of cells, 0 … 15, the lowest row first.

        Raises:
            ValueError: the cells are no Base64, or do not fill the rows.
        """
        return picture_cells(self.cells, self.rows)


def thumbnail(detection: Detection, picture: CallPicture, event_begin: int, rate: int) -> Thumbnail:
    """The thumbnail of a detection.

    Args:
        detection: whose it is.
        picture: samples counted from the event's begin.
        event_begin: the event's first sample.
        rate: samples per second.
    """
    halves = picture.levels + bytes(len(picture.levels) % 2)
    packed = bytes(upper << 4 | lower for upper, lower in zip(halves[::2], halves[1::2], strict=True))
    values = {
        "id": detection.id,
        "device": detection.device,
        "begin_s": round((event_begin + picture.begin) / rate, 4),
        "step_s": round(picture.step / rate, 4),
        "low_hz": picture.low_hz,
        "step_hz": picture.step_hz,
        "rows": picture.rows,
        "cells": base64.b64encode(packed).decode(),
    }
    return Thumbnail.model_validate(values)
