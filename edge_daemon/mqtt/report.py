"""What the publisher tells about itself, for the health document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_daemon.documents.document import DocumentPart


class MqttReport(DocumentPart):
    """State of the connection and counts since the start."""

    state: Literal["waiting", "connecting", "online", "stopped"]
    broker: str = Field(description="Host and port")
    protocol: Literal["mqtt5", "mqtt311"]
    state_s: float | None = Field(description="Seconds in this state")
    last_failure: str | None = Field(description="Why the last attempt or connection ended; null while online")
    attempts: int = Field(description="Connection attempts")
    connections: int = Field(description="Connections that the broker accepted")
    sent: int = Field(description="Messages sent from the outbox, repetitions counted")
    acknowledged: int = Field(description="Messages that the broker took over")
    rejected: int = Field(description="Messages that the broker refused; they stay in the outbox")
    last_rejection: str | None = Field(description="The broker's reason")
    in_flight: int = Field(description="Messages sent and not yet acknowledged")
    bytes_last_hour: int = Field(description="Estimated bytes on the link, both ways")
    held_by_budget: bool = Field(description="True while messages wait for the byte budget")
