"""Vorbis comments, `KEY=value`: in a block of FLAC files, and in the second packet of Ogg files.

Sources: Xiph.Org, "Ogg Vorbis I format specification: comment field and header specification"; RFC 7845, 5.2 (Opus);
RFC 3533 (pages).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

_MOST = 4096
_LOOKED_THROUGH = 1 << 20  # of an Ogg file; pictures are larger, and stand behind other comments
_HEAD = 27
_MARKS = (b"\x03vorbis", b"OpusTags")


def comments(block: bytes) -> Iterator[tuple[str, str]]:
    """Keys and values of a block, as they stand there; none where it makes no sense."""
    vendor = int.from_bytes(block[:4], "little")
    place = 8 + vendor
    for _ in range(min(_MOST, int.from_bytes(block[4 + vendor : place], "little"))):
        size = int.from_bytes(block[place : place + 4], "little")
        text = block[place + 4 : place + 4 + size].split(b"\0", 1)[0].decode("utf-8", errors="replace")
        key, equals, value = text.partition("=")
        if equals:
            yield key, value
        place += 4 + size


def ogg_comments(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Keys and values of an Ogg file of Vorbis, Opus or FLAC.

    Raises:
        OSError: it cannot be read.
    """
    file.seek(0)
    sound = _without_pages(file.read(_LOOKED_THROUGH))
    for mark in _MARKS:
        found = sound.find(mark)
        if found >= 0:
            yield from comments(sound[found + len(mark) :])
            return
    if sound[:5] == b"\x7fFLAC":  # the first packet has the first block, the second one the comments
        yield from comments(sound[51 + 4 :])


def _without_pages(data: bytes) -> bytes:
    """The contents of the pages, one behind the other."""
    parts, at = [], 0
    while data[at : at + 4] == b"OggS" and len(data) >= at + _HEAD:
        table = data[at + _HEAD : at + _HEAD + data[at + 26]]
        begin = at + _HEAD + len(table)
        at = begin + sum(table)
        parts.append(data[begin:at])
    return b"".join(parts)
