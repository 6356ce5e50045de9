"""The compact form of documents, for links that carry some kilobytes an hour: what is read is the JSON to the byte.

    documents (JSON) ─▶ encode ─▶ bytes on the link ─▶ decode ─▶ the same documents

Nothing else of the program is needed to read it, nor anything beside Python itself: `decode`, and `unpacked`, which
knows topics too, are for whoever receives.

Reading order: `unpacking` (topics) · `message` (the form) · `tables_1` (which fields) · `field_table` · `codecs`,
`moment`, `sequences` (how a value is written) · `range_coder` (bits).

May import: nothing of the house.
"""

from __future__ import annotations

from edge_daemon.documents.compact.message import decode, encode
from edge_daemon.documents.compact.unpacking import unpacked

__all__ = ["decode", "encode", "unpacked"]
