"""A message in compact form: one document or several, as JSON text again to the byte when it is read.

The first byte tells the form, so that a reader of today knows what it cannot read, and reads for ever what was written:

- 0x01: text. Behind it raw deflate (RFC 1951) with the preset dictionary `assets/compact_1.txt`; documents a line each.
- 0x02: tables. Behind it the documents by the tables of version 1 (`tables_1`), in a range coder's bits.
- 0x7B, `{`: a plain JSON document, as it is.

The writer reads what it has written. What does not come back as it was goes as text, whatever it is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from edge_daemon.documents.compact.codecs import as_json
from edge_daemon.documents.compact.range_coder import RangeReader, RangeWriter, whole
from edge_daemon.documents.compact.tables_1 import TABLES

TEXT, TABLES_1 = b"\x01", b"\x02"
MOST_DOCUMENTS = 16
MOST_BYTES = 2_000_000
"""Longest text that is read: a small message could claim to be a very long one."""
MOST_PACKED = 16_384
"""Longest message by tables: reading them takes some microseconds a choice, and a likely choice next to no bytes."""
_DICTIONARY = Path(__file__).parents[2] / "assets" / "compact_1.txt"
_ROOM = 16  # numbers for tables, of which most wait for later ones
_WRONG = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, AttributeError)


def encode(documents: Sequence[str]) -> bytes:
    """Documents in one message, in few bytes.

    Args:
        documents: JSON objects, one or more, each on one line.

    Raises:
        ValueError: there is none, there are more than `MOST_DOCUMENTS`, or one is not on one line.
    """
    if not 0 < len(documents) <= MOST_DOCUMENTS or any("\n" in one or not one for one in documents):
        raise ValueError("a message holds some documents, each on one line")
    try:
        packed = TABLES_1 + _in_tables(documents)
        if len(packed) <= MOST_PACKED and decode(packed) == list(documents):
            return packed
    except _WRONG:
        pass
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _dictionary())
    return TEXT + deflate.compress("\n".join(documents).encode()) + deflate.flush()


def decode(payload: bytes) -> list[str]:
    """The documents of a message, each on one line, as they were to the byte.

    Raises:
        ValueError: it is no such message, is damaged, or was written by a newer program.
    """
    form = payload[:1]
    if form == b"{":
        return [payload.decode()]
    if form == TEXT:
        return _from_text(payload[1:])
    if form != TABLES_1:
        raise ValueError(f"no compact message, or one of a newer program (first byte: {form.hex() or 'none'})")
    if len(payload) > MOST_PACKED:
        raise ValueError(f"a compact message of {len(payload)} bytes is too long")
    try:
        documents = _from_tables(payload[1:])
        if _in_tables(documents) != payload[1:]:  # any bytes can be read as something
            raise ValueError("it was not written so")
    except _WRONG as error:
        raise ValueError(f"a damaged compact message: {error}") from None
    return documents


@cache
def _dictionary() -> bytes:
    return _DICTIONARY.read_bytes()


def _from_text(deflated: bytes) -> list[str]:
    inflate = zlib.decompressobj(-15, zdict=_dictionary())
    try:
        text = inflate.decompress(deflated, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"a damaged compact message: {error}") from None
    if not inflate.eof or inflate.unused_data:
        raise ValueError("a damaged compact message: it is cut off, or too long")
    return text.decode().split("\n")


def _in_tables(documents: Sequence[str]) -> bytes:
    """Documents by the tables; one of many errors where they cannot be written so."""
    coder, before = RangeWriter(), dict[str, object]()
    whole(coder, len(documents) - 1)
    for text in documents:
        document = json.loads(text)
        number = [name for name, _ in TABLES].index(document["schema"])
        coder.symbol(_ROOM, number)
        before = TABLES[number][1].document(coder, document, {}, before)
    return coder.payload()


def _from_tables(packed: bytes) -> list[str]:
    coder, before, documents = RangeReader(packed), dict[str, object](), []
    count = whole(coder, 0) + 1
    if count > MOST_DOCUMENTS:
        raise ValueError(f"{count} documents are too many")
    for _ in range(count):
        before = TABLES[coder.symbol(_ROOM, 0)][1].document(coder, {}, {}, before)
        documents.append(as_json(before))
    return documents
