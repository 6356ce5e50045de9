"""What comes over MQTT, before it is believed: sized, parsed, validated against the published documents' models.

A message is one of a device: the topic names it, and a document that names another one is refused. Fields that a newer
program has added are passed over, as the schemas promise. Text loses its control characters. What cannot be kept (a
number that is none, a year outside those of this program) is refused with a reason.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from edge_daemon.clips.excerpt import Excerpt
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.clock.utc import nanoseconds
from edge_daemon.detection.document import Detection
from edge_daemon.detection.thumbnail import Thumbnail
from edge_daemon.documents.document import Document
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.effort.tally import PresenceTally
from edge_daemon.health.document import HealthDocument
from edge_daemon.mqtt.topics import OFFLINE, ONLINE
from edge_daemon.orders.reply import OrderReply
from edge_daemon.system.printable import printable

SUBJECTS: dict[str, tuple[type[Document], int]] = {
    "detections": (Detection, 64_000),
    "thumbnails": (Thumbnail, 16_000),
    "excerpts": (Excerpt, 2_000_000),
    "lost_clips": (LostClip, 16_000),
    "effort": (EffortSummary, 64_000),
    "presence": (PresenceTally, 16_000),
    "health": (HealthDocument, 256_000),
    "orders/reply": (OrderReply, 16_000),
}
"""Rest of the topic → the document's model, and most bytes."""
YEARS = (1970, 2200)
"""Of times that are believed; later ones do not fit the database's whole numbers."""
_DEVICE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")


class UnfitError(ValueError):
    """A message that is not kept; the text says why."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that may be kept.

    Attributes:
        device: who sent it.
        document: what it says; None for a word on the status topic.
        text: the document as JSON, in the form that is kept.
        online: the word on the status topic; None for others.
    """

    device: str
    document: Document | None
    text: str = ""
    online: bool | None = None


def read_message(prefix: str, topic: str, payload: bytes) -> Incoming | None:
    """The message; None for one that is no document of ours, or empty, as those that delete a retained one.

    Args:
        prefix: first part of the topics.
        topic, payload: as they came.

    Raises:
        UnfitError: it is not to be kept.
    """
    device, _, subject = topic.removeprefix(f"{prefix}/").partition("/")
    if not topic.startswith(f"{prefix}/") or (subject != "status" and subject not in SUBJECTS) or not payload:
        return None
    if not _DEVICE.fullmatch(device):
        raise UnfitError("the topic names no device")
    if subject == "status":
        if payload not in (ONLINE, OFFLINE):
            raise UnfitError("a status is `online` or `offline`")
        return Incoming(device, None, online=payload == ONLINE)
    kind, most = SUBJECTS[subject]
    if len(payload) > most:
        raise UnfitError(f"{len(payload)} bytes; at most {most} are taken")
    document = _validated(kind, payload)
    if getattr(document, "device", device) != device:
        raise UnfitError("the document names another device than the topic")
    text = document.model_dump_json(by_alias=True)
    return Incoming(device, document, text)


def utc_ns(text: str) -> int:
    """Nanoseconds since 1970 of a document's time.

    Raises:
        UnfitError: there is no such time, or it is outside `YEARS`.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnfitError("a time that does not exist") from None
    if at.tzinfo is None or not YEARS[0] <= at.year < YEARS[1]:
        raise UnfitError(f"a time outside the years {YEARS[0]} to {YEARS[1]}")
    return nanoseconds(at)


def _validated(kind: type[Document], payload: bytes) -> Document:
    try:
        data = _clean(json.loads(payload, parse_constant=_no_number, parse_float=_finite))
        document = kind.model_validate(data, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = printable(".".join(map(str, first["loc"]))[:80])
        raise UnfitError(f"{place} {first['msg'][:120]}".strip()) from None
    except UnfitError:
        raise
    except (ValueError, RecursionError):
        raise UnfitError("is not JSON") from None
    for name in ("begin_utc", "end_utc", "utc"):
        if getattr(document, name, None) is not None:
            utc_ns(getattr(document, name))
    if isinstance(document, (Excerpt, LostClip)):
        try:
            UUID(document.id)
        except ValueError:
            raise UnfitError("the id is no UUID") from None
    if isinstance(document, Thumbnail):
        try:
            document.levels()
        except ValueError as error:
            raise UnfitError(str(error)[:120]) from None
    return document


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(name): _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _no_number(_: str) -> Any:
    raise UnfitError("a number that is none (NaN or infinite)")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise UnfitError("a number that is none (NaN or infinite)")
    return value
