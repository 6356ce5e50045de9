"""Messages of a device that packs them, as those of one that does not: a document a message, each on its own topic."""

from __future__ import annotations

import json

PACKED = "packed"
"""Last part of the topic of compact messages."""
SUBJECTS = {
    "edge_daemon.detection": "detections",
    "edge_daemon.effort": "effort",
    "edge_daemon.excerpt": "excerpts",
    "edge_daemon.health": "health",
    "edge_daemon.lost_clip": "lost_clips",
    "edge_daemon.tally": "presence",
    "edge_daemon.thumbnail": "thumbnails",
}
"""Name of a document's schema, without its version → last part of the topic that it has as JSON."""


def unpacked(topic: str, payload: bytes) -> list[tuple[str, bytes]]:
    """Topics and documents of a message; one that is not on a topic of packed ones, or is empty, stays as it is.

    Args:
        topic, payload: as they came.

    Raises:
        ValueError: what is packed cannot be read: damaged, or of a newer program.
    """
    device, _, subject = topic.rpartition("/")
    if subject != PACKED or not payload:
        return [(topic, payload)]
    from edge_daemon.documents.compact.message import decode

    return [(f"{device}/{_subject(document)}", document.encode()) for document in decode(payload)]


def _subject(document: str) -> str:
    """Where a document belongs.

    Raises:
        ValueError: it does not say.
    """
    try:
        schema = json.loads(document)["schema"]
        return SUBJECTS[schema.partition("/")[0]]
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("a packed document of no known schema") from None
