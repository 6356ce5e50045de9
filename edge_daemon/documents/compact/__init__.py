"""The compact form of documents, for links that carry some kilobytes an hour: what is read is the JSON to the byte.

    documents (JSON) ─▶ encode ─▶ bytes on the link ─▶ decode ─▶ the same documents

Nothing else of the program is needed to read it, nor anything beside Python itself: `decode`, and `unpacked`, which
knows topics too, are for whoever receives.

Reading order: `unpacking` (topics) · `message` (the form) · `tables_1` (which fields) · `field_table` · `codecs`,
`moment`, `sequences` (how a value is written) · `range_coder` (bits).

The tables take 0.9 MB of memory, so they are imported when something is packed or unpacked for the first time.

May import: nothing of the house.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_daemon.documents.compact.unpacking import unpacked

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["decode", "encode", "load", "unpacked"]


def encode(documents: Sequence[str]) -> bytes:
    """As `message.encode`."""
    from edge_daemon.documents.compact import message

    return message.encode(documents)


def decode(payload: bytes) -> list[str]:
    """As `message.decode`; JSON, which was never packed, is read without the tables."""
    if payload[:1] == b"{":
        return [payload.decode()]
    from edge_daemon.documents.compact import message

    return message.decode(payload)


def load() -> ModuleType:
    """Import the tables now: later the disk that they come from may hang."""
    from edge_daemon.documents.compact import message

    return message
