"""What the publisher tells about itself, for the health document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_daemon.documents.document import DocumentPart


class RefusedTopic(DocumentPart):
    """A topic on which the broker refuses messages now."""

    topic: str
    reason: str = Field(description="The broker's reason")


class Unsendable(DocumentPart):
    """Messages of one topic that cannot be sent now."""

    topic: str
    count: int = Field(ge=1, description="How many")
    largest_bytes: int = Field(ge=0, description="Packet length of the longest, bytes")
    kept: bool = Field(description="True: they wait in the outbox until they can be sent; false: they were dropped")


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
    last_rejection: str | None = Field(description="The broker's newest reason; null when it refuses nothing any more")
    in_flight: int = Field(description="Messages sent and not yet acknowledged")
    bytes_last_hour: int = Field(description="Estimated bytes on the link, both ways")
    held_by_budget: bool = Field(description="True while messages wait for the byte budget")
    downgraded: bool = Field(
        default=False, description="True if MQTT 3.1.1 is spoken only because version 5 was not answered"
    )
    doubt: str | None = Field(default=None, description="What cannot be known about delivery on this connection")
    refused: tuple[RefusedTopic, ...] = Field(default=(), description="Topics that the broker refuses now")
    unsendable: tuple[Unsendable, ...] = Field(default=(), description="Messages that cannot be sent now, by topic")
    maximum_packet_size: int | None = Field(default=None, description="Longest packet that the broker takes, bytes")
    maximum_qos: int = Field(default=2, description="Highest quality of service that the broker takes")
    retain_available: bool = Field(default=True, description="Whether the broker keeps retained messages")
    unanswered_s: float | None = Field(
        default=None, description="Seconds for which the broker has answered nothing of what was sent; null: it does"
    )
    lost_last_hour: int = Field(default=0, description="Accepted connections that ended within the last hour")
    brief_last_hour: int = Field(
        default=0, description="Of these, ended by the broker without a reason within half a minute"
    )
    unacknowledged_last_hour: int = Field(
        default=0, description="Of these, ended because the broker acknowledged nothing"
    )
    taken_over_last_hour: int = Field(
        default=0, description="Of these, taken over by another client with the same client identifier"
    )
