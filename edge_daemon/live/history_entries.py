"""Entries of the history for what is told: as it is told, and once more from a message that a power cut has left."""

from __future__ import annotations

import json
from datetime import datetime

from edge_daemon.clock.utc import nanoseconds
from edge_daemon.detection.document import Detection
from edge_daemon.documents.compact.unpacking import unpacked
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.outbox.message import Message


def entry_of(detection: Detection, document: str, begin_utc_ns: int, end_utc_ns: int) -> HistoryEntry:
    """The entry of a detection.

    Args:
        detection: as it is told.
        document: the same as JSON.
        begin_utc_ns, end_utc_ns: UTC in ns.
    """
    return HistoryEntry(
        id=str(detection.id),
        kind="detection",
        begin_utc_ns=begin_utc_ns,
        end_utc_ns=end_utc_ns,
        clock=detection.clock,
        document=document,
        score=detection.peak_score,
        contour=detection.contour is not None,
        clip=detection.clip,
    )


def thumbnail_entry(detection: Detection, document: str, begin_utc_ns: int, end_utc_ns: int) -> HistoryEntry:
    """The entry of a detection's small picture, for the page on the board.

    Args:
        detection: whose it is.
        document: the thumbnail's, JSON.
        begin_utc_ns, end_utc_ns: of the detection, UTC in ns.
    """
    name = f"thumbnail-{detection.id}"
    return HistoryEntry(name, "thumbnail", begin_utc_ns, end_utc_ns, detection.clock, document)


def entry_from(message: Message) -> HistoryEntry | None:
    """The entry of a detection or tally that waits in the outbox; None where it is none, or tells no time."""
    try:
        text = unpacked(message.topic, message.payload)[0][1].decode()
        told = json.loads(text)
        begin_ns, end_ns = (nanoseconds(datetime.fromisoformat(told[key])) for key in ("begin_utc", "end_utc"))
        if message.kind == "detection":
            return entry_of(Detection.model_validate_json(text), text, begin_ns, end_ns)
        if message.kind == "tally":
            clock = told["clock"] or "unsynchronised"
            return HistoryEntry(message.id, "tally", begin_ns, end_ns, clock, text, told["highest_score"])
    except (ValueError, TypeError, KeyError):  # of another version of the program
        return None
    return None
