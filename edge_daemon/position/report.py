"""What health tells of the receiver."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_daemon.documents.document import DocumentPart
from edge_daemon.position.position import Position

ReceiverState = Literal["fix", "absent", "silent", "unplugged", "no_fix", "implausible"]


class PositionHealth(DocumentPart):
    """The receiver of the position."""

    source: str = Field(description="Where its lines come from.")
    state: ReceiverState = Field(
        description="`fix`: the position is known. `absent`: gpsd or the device cannot be reached. `silent`: nothing"
        " comes. `unplugged`: gpsd has no receiver. `no_fix`: too few satellites. `implausible`: what comes is not"
        " believed."
    )
    reason: str = Field(description="In words; empty with a fix.")
    place: Position | None = Field(description="The position now; null if it is not known.")
    fixes: int = Field(ge=0, description="Fixes believed since the start.")
    refused: dict[str, int] = Field(description="Fixes not believed since the start, by kind of doubt.")
    openings: int = Field(ge=0, description="How often gpsd or the device was reached since the start.")
