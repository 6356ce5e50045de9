"""A part of a clip that was asked for: the document on the topic `clips`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_daemon.documents.document import Document


class ClipPart(Document):
    """Some of the bytes of a clip's file."""

    schema_: Literal["edge_daemon.clip_part/1"] = Field(
        default="edge_daemon.clip_part/1", alias="schema", description="Name and version of this schema."
    )
    device: str = Field(description="The device's id.")
    id: str = Field(description="Of the detection.")
    clip: str = Field(description="The file's name, as the detection has it.")
    part: int = Field(ge=1, description="Which part this is, from 1.")
    parts: int = Field(ge=1, description="How many there are.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the whole file, hexadecimal.")
    data: str = Field(description="The part's bytes, base64.")
