"""Bytes of a file that libsndfile is shown as if they were a file of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from edge_daemon.audio.decoding.disk_bytes import bytes_at


class FileSlices:
    """A readable, seekable file: bytes in memory, then spans of another file one after the other.

    Args:
        head: what comes first.
        file: open for reading; its own position is left alone.
        spans: (begin, end) in bytes, in the order in which they are read.
    """

    def __init__(self, head: bytes, file: BinaryIO, spans: Sequence[tuple[int, int]]) -> None:
        self._head = head
        self._descriptor = file.fileno()
        self._spans = [(begin, end) for begin, end in spans if end > begin]
        self._size = len(head) + sum(end - begin for begin, end in self._spans)
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, as files do."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes; fewer only at the end.

        Raises:
            OSError: the disk.
        """
        left = self._size - self._at if count < 0 else min(count, self._size - self._at)
        parts = []
        while left > 0:
            part = self._piece(left)
            if not part:  # the file has become shorter
                break
            parts.append(part)
            self._at += len(part)
            left -= len(part)
        return b"".join(parts)

    def write(self, _data: bytes) -> int:
        """Refuse: soundfile asks for the method of whatever it opens."""
        raise OSError("open for reading only")

    def _piece(self, count: int) -> bytes:
        """Bytes at the present place, out of one part."""
        at = self._at
        if at < len(self._head):
            return self._head[at : at + count]
        at -= len(self._head)
        for begin, end in self._spans:
            if at < end - begin:
                return bytes_at(self._descriptor, min(count, end - begin - at), begin + at)
            at -= end - begin
        return b""
