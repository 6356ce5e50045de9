"""The health document: how the daemon is, as one JSON document that is published and logged.

A field is never renamed within a version of the schema.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import JsonSchemaMode

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.documents.document import Document, DocumentPart
from edge_daemon.health.board import BoardHealth
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.outbox.outbox_health import OutboxHealth
from edge_daemon.position.report import PositionHealth


class WindowHealth(DocumentPart):
    """Windows of sound since the start."""

    scored: int = Field(ge=0, description="Windows that the network scored.")
    unusable: int = Field(ge=0, description="Windows without a score: silent, constant, not finite.")
    last_scored_s: float | None = Field(description="Seconds since a window last went through; null before the first.")


class LatencyHealth(DocumentPart):
    """How long something took since the start; quantiles within 2.5 %."""

    count: int = Field(ge=0, description="How often it was measured.")
    p50_ms: float | None = Field(description="Half of them took at most this, ms.")
    p99_ms: float | None = Field(description="99 of 100 took at most this, ms.")
    largest_ms: float | None = Field(description="The longest, ms.")


class GapHealth(DocumentPart):
    """Sound that was lost for one cause since the start."""

    count: int = Field(ge=0, description="Number of gaps.")
    seconds: float = Field(ge=0, description="Their length, seconds.")


class EffortHealth(DocumentPart):
    """What was listened to since the start: both together are the time that has passed, but for a block or a window."""

    listened_s: float = Field(ge=0, description="Time listened to, seconds; never more than has passed.")
    lost_s: float = Field(ge=0, description="Time missed, seconds: all gaps.")
    excess_s: float = Field(
        ge=0, description="By how much the sound that came was longer than the time in which it came, seconds."
    )


class QueueHealth(DocumentPart):
    """A queue between two parts of the daemon."""

    length: int = Field(ge=0, description="Entries now, including the blocks that the next window waits for.")
    capacity: int = Field(ge=1, description="Most entries.")
    dropped: int = Field(default=0, ge=0, description="Entries dropped since the start because it was full.")


class ThreadHealth(DocumentPart):
    """A thread of the daemon."""

    silent_s: float = Field(ge=0, description="Seconds since it last came round; some are usual, minutes are not.")


class ClockHealth(DocumentPart):
    """The clock that detections are dated with."""

    state: Literal["synchronised", "holdover", "unsynchronised"] = Field(description="How reliable it is.")
    keeper: Literal["pps", "chrony", "ntp"] | None = Field(
        default=None,
        description="What keeps it right, as far as the kernel tells: `pps` (a pulse per second in the kernel),"
        " `chrony` (a program that steers the frequency itself), `ntp` (the kernel's loop: systemd-timesyncd, ntpd).",
    )
    drift_ppm: float | None = Field(default=None, description="Sound card against system clock, ppm.")
    steps: int = Field(default=0, ge=0, description="Jumps of the system clock since the start.")
    proven: bool = Field(
        default=False, description="Whether it has been right for so long that things are deleted for their age."
    )


class ModelHealth(DocumentPart):
    """Which model listens."""

    name: str
    version: str
    digest: str = Field(description="SHA-256 of the model file.")
    backend: str = Field(description="Backend that runs it now.")
    fallback: bool = Field(default=False, description="True if the configured backend has failed.")


class OrdersHealth(DocumentPart):
    """Orders from shore since the start."""

    obeyed: int = Field(ge=0, description="Orders obeyed.")
    refused: dict[str, int] = Field(description="Orders refused, by reason.")
    repeated: int = Field(ge=0, description="Retained orders that came again after they had been dealt with.")
    waiting: int = Field(ge=0, description="Messages that nobody has looked at yet.")
    trial: int | None = Field(description="Counter of the order whose change is on trial; null if none is.")
    unreadable: tuple[str, ...] = Field(description="Topics of orders that the broker does not let the device read.")


class HealthDocument(Document):
    """How the daemon is."""

    schema_mode: ClassVar[JsonSchemaMode] = "validation"

    schema_: Literal["edge_daemon.health/1"] = Field(
        default="edge_daemon.health/1", alias="schema", description="Name and version of this schema."
    )
    device: str = Field(description="The device's id.")
    utc: str = Field(description="When this was written, ISO 8601.")
    version: str = Field(description="Version of edge-daemon.")
    uptime_s: float = Field(ge=0, description="Seconds since the daemon started.")
    state: Literal["ok", "warning", "failing"] = Field(description="failing: it does not listen as it should.")
    reasons: tuple[str, ...] = Field(description="Why the state is not ok.")
    detections: int = Field(ge=0, description="Events since the start.")
    not_rising: int = Field(
        default=0,
        ge=0,
        description="Events since the start that are no detections: no call in them rises by detection.min_rise_hz.",
    )
    windows: WindowHealth
    latency: LatencyHealth = Field(description="From the end of a window's sound to its score.")
    delivery: LatencyHealth | None = Field(
        default=None,
        description="From the end of the sound that closed an event to the broker's acknowledgement of its detection, "
        "where the broker was connected.",
    )
    gaps: dict[str, GapHealth] = Field(description="By cause.")
    effort: EffortHealth | None = None
    queues: dict[str, QueueHealth] = Field(default_factory=dict)
    threads: dict[str, ThreadHealth] = Field(
        default_factory=dict,
        description="By name: capture, scoring, storage (the disk), publishing (the network), position (the receiver).",
    )
    input: InputHealth | None = None
    outbox: OutboxHealth | None = None
    mqtt: MqttReport | None = None
    orders: OrdersHealth | None = Field(default=None, description="Where orders may be given.")
    clock: ClockHealth | None = None
    position: PositionHealth | None = Field(default=None, description="The receiver; null without one.")
    board: BoardHealth | None = None
    model: ModelHealth | None = None
    backend: dict[str, float] = Field(default_factory=dict, description="The backend's own counters.")
    clips: dict[str, Any] = Field(default_factory=dict, description="State of the clips.")
    ambient_db: float | None = Field(default=None, description="Ambient level, dB re 1 µPa, if calibrated.")
