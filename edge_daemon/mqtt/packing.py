"""The form in which documents leave: each as JSON on its own topic, or packed, all on one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from edge_daemon.documents.compact import encode, load
from edge_daemon.documents.compact.unpacking import SUBJECTS
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

MOST_WAITING = 4
"""While more messages wait, a picture does not go with its detection, but behind all detections."""
THUMBNAIL_PRIORITY = 0
"""Below reports of effort, which are 1."""


@dataclass(frozen=True, slots=True)
class Packing:
    """Whether documents are packed, and on which topic they go then.

    Attributes:
        topics: of the device.
        form: `mqtt.form`.
    """

    topics: Topics
    form: Literal["json", "compact"] = "json"

    def __post_init__(self) -> None:
        if self.form == "compact":
            load()

    def packed(self, topic: str, payload: bytes) -> tuple[str, bytes]:
        """Topic and payload as they leave; replies to orders, which are not in its tables, stay as they are.

        Args:
            topic, payload: a document as JSON; several, a line each, only where they are packed.
        """
        if self.form == "json" or not payload or topic.rpartition("/")[2] not in SUBJECTS.values():
            return topic, payload
        return self.topics.packed, encode(payload.decode().split("\n"))


class PackedOutbox(Outbox):
    """An outbox whose messages are packed when they are put, as `packing` says; they are kept as they will be sent."""

    packing: Packing | None = None

    def put(self, message: Message) -> None:
        """Accept a message; a detection may bring its picture as a second line."""
        packing = self.packing
        if packing is None or packing.form == "json":
            super().put(message)
            return
        detection, _, picture = message.payload.partition(b"\n")
        if picture and self.report().depth > MOST_WAITING:
            self._put(packing, replace(message, payload=detection))
            behind = replace(
                message,
                id=f"thumbnail-{message.id}",
                payload=picture,
                kind="thumbnail",
                priority=THUMBNAIL_PRIORITY,
                promise=None,
            )
            self._put(packing, behind)
            return
        self._put(packing, message)

    def _put(self, packing: Packing, message: Message) -> None:
        topic, payload = packing.packed(message.topic, message.payload)
        super().put(replace(message, topic=topic, payload=payload))
