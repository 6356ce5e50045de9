"""A message for the broker: what the outbox keeps and the publisher sends.

A message may promise something by name. The promise is written with it and outlives it, until `Outbox.settle`: so the
next start knows what was promised and never came.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the broker.

    Attributes:
        id: unique, the same whenever the message is offered again.
        topic: MQTT topic.
        payload: the bytes to publish.
        kind: what it is, for counting: "detection", "effort", "clip" …
        priority: higher leaves first and is dropped last.
        created_utc_ns: when it was made, UTC.
        dated: whether the clock knew the time then.
        promise: name of something that it promises, as a clip: written with it, until `Outbox.settle`.
    """

    id: str
    topic: str
    payload: bytes
    kind: str
    priority: int
    created_utc_ns: int
    dated: bool = True
    promise: str | None = None

    @property
    def crc(self) -> int:
        """CRC-32 over id, topic and payload, by which rot on the card is seen."""
        return zlib.crc32(self.payload, zlib.crc32(f"{self.id}\0{self.topic}\0".encode()))
