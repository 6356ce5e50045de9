"""Ogg: pages with a checksum, and a count of the samples up to each page's end.

libogg drops a damaged page without a word, and what follows then comes too early. So the pages are looked through
first, and where some are missing, each run of good ones is decoded on its own and put where its count says.

Source: RFC 3533, "The Ogg Encapsulation Format"; RFC 7845 for Opus.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from edge_daemon.audio.decoding.disk_bytes import bytes_at
from edge_daemon.audio.decoding.slices import FileSlices

_PIECE = 1 << 20
_HEAD = 27
_LONGEST = _HEAD + 255 + 255 * 255
_BEGIN, _END = 2, 4  # flags of a page: of its stream the first, the last
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """A good page.

    Attributes:
        begin: its first byte.
        end: the byte after its last one.
        flags: of the format.
        granule: count of samples up to its end; -1 where no packet ends in it.
        stream: number of the stream it belongs to.
        sequence: number of the page in its stream.
    """

    begin: int
    end: int
    flags: int
    granule: int
    stream: int
    sequence: int


@dataclass(slots=True)
class PageRun:
    """Good pages of one stream that follow each other.

    Attributes:
        heads: (begin, end) in bytes of the pages that the decoder needs first.
        spans: (begin, end) of the pages with sound.
        last: the last count of samples.
        link: number of the stream in the file.
        ended: whether the stream's last page is in it.
    """

    heads: list[tuple[int, int]]
    spans: list[tuple[int, int]]
    last: int
    link: int
    ended: bool = False


class OggPages:
    """The pages of a file, in runs.

    Args:
        file: open for reading; its own position is left alone.

    Attributes:
        runs: in order.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self.runs: list[PageRun] = []
        self._gather()

    @property
    def ended(self) -> bool:
        """Whether the last stream's last page is there."""
        return bool(self.runs) and self.runs[-1].ended

    def shown(self, run: PageRun) -> FileSlices:
        """A run, as a file of its own."""
        return FileSlices(b"", self._file, run.heads + run.spans)

    def _gather(self) -> None:
        heads: list[tuple[int, int]] = []
        stream, expected, link, whole = -1, 0, -1, True
        current: PageRun | None = None
        for page in self._pages():
            if page.flags & _BEGIN and (stream < 0 or current is not None):
                heads, stream, link, current = [], page.stream, link + 1, None
            elif page.stream != stream:
                continue
            whole = page.sequence == expected or bool(page.flags & _BEGIN)
            expected = page.sequence + 1
            if page.granule <= 0 and current is None:
                heads.append((page.begin, page.end))
                continue
            if current is None or not whole:
                current = PageRun(list(heads), [], 0, link)
                self.runs.append(current)
            if current.spans and current.spans[-1][1] == page.begin:
                current.spans[-1] = (current.spans[-1][0], page.end)
            else:
                current.spans.append((page.begin, page.end))
            current.last = max(current.last, page.granule)
            current.ended = bool(page.flags & _END)

    def _pages(self) -> Iterator[Page]:
        at = start = 0
        piece = b""
        while at + _HEAD <= self._size:
            if at - start + _LONGEST > len(piece) and start + len(piece) < self._size:
                piece, start = bytes_at(self._file.fileno(), _PIECE, at), at
            page = _page(piece, at - start, at)
            if page is not None:
                yield page
                at = page.end
                continue
            found = piece.find(b"OggS", at - start + 1)
            at = start + (found if found >= 0 else max(at - start + 1, len(piece) - 3))
            if not piece:
                return


def _page(data: bytes, at: int, place: int) -> Page | None:
    """A whole page with a right checksum, or None."""
    if data[at : at + 4] != b"OggS" or len(data) < at + _HEAD:
        return None
    flags, granule, stream, sequence, crc, segments = struct.unpack_from("<xBqIIIB", data, at + 4)
    size = _HEAD + segments + sum(data[at + _HEAD : at + _HEAD + segments])
    page = data[at : at + size]
    if len(page) < size or _crc(page[:22] + bytes(4) + page[26:]) != crc:
        return None
    return Page(place, place + size, flags, granule, stream, sequence)


def _crc(data: bytes) -> int:
    """Ogg's checksum: that of zlib with all bits mirrored, beginning with 0 and not turned over at the end."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")
