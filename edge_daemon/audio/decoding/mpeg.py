"""MP3 and its elder brothers: frames that say how long they are, but not where they belong.

A file needs no header at all. Where its first frame holds a note of the length (Xing, Info), that may be wrong; where
there is none, libsndfile guesses from the first frame's bit rate, and stops reading there. So the frames are counted,
and libsndfile is shown them behind a first frame that tells their number. Bytes that are no frame are left out: its
decoder gives up after a kilobyte of them.

Source: ISO/IEC 11172-3 and 13818-3; the Xing and Info frames as LAME writes them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from edge_daemon.audio.decoding.disk_bytes import bytes_at
from edge_daemon.audio.decoding.id3 import after_id3
from edge_daemon.audio.decoding.slices import FileSlices

_PIECE = 1 << 20
_VERSIONS = {3: 1, 2: 2, 0: 3}  # MPEG-1, MPEG-2, MPEG-2.5
_RATES = (44_100, 48_000, 32_000)
_KBITS = {  # (MPEG-1?, layer) → kbit/s by code
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, slots=True)
class _Header:
    """What four bytes say of a frame: its length in bytes, its samples per channel, and what all frames share."""

    size: int
    samples: int
    kind: tuple[int, int, int]  # version, layer, rate


@dataclass(frozen=True, slots=True)
class FrameRun:
    """Frames that follow each other.

    Attributes:
        begin: first byte.
        end: byte after the last one.
        frames: how many, 1 or more.
    """

    begin: int
    end: int
    frames: int


class MpegFrames:
    """The frames of a file.

    Args:
        file: open for reading; its own position is left alone.

    Attributes:
        runs: frames that follow each other without anything between them, in order.
        noted: how many frames a note of the length promises, or None.
        samples: per channel in one frame.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self.noted: int | None = None
        self.samples = 0
        self.runs: list[FrameRun] = []
        self._first = b""
        self._walk()

    @property
    def frames(self) -> int:
        """How many whole ones there are, a note of the length left out."""
        return sum(run.frames for run in self.runs)

    def places(self) -> list[int]:
        """Number of the frame with which each run begins: bytes between runs count as frames of the usual size."""
        if not self.runs:
            return []
        usual = max(1.0, sum(run.end - run.begin for run in self.runs) / self.frames)
        places = [0]
        for before, after in pairwise(self.runs):
            places.append(places[-1] + before.frames + max(1, round((after.begin - before.end) / usual)))
        return places

    def counted(self, run: FrameRun) -> FileSlices | None:
        """A run behind a first frame that tells how many follow; None where there is no room for that."""
        note = _note(self._first, run.frames)
        return None if note is None else FileSlices(note, self._file, [(run.begin, run.end)])

    def _walk(self) -> None:
        begin = at = after_id3(self._file)
        kind: tuple[int, int, int] | None = None
        count = 0
        piece, start = b"", 0
        while at + 4 <= self._size:
            if not start <= at <= start + len(piece) - 4:
                piece, start = bytes_at(self._file.fileno(), _PIECE, at), at
                if len(piece) < 4:
                    break
            header = _header(piece, at - start)
            if header is not None and kind is None and self._follows(at + header.size, header):
                kind, self.samples = header.kind, header.samples
                self._first = bytes_at(self._file.fileno(), header.size, at)
                if self._is_note(self._first):
                    begin = at = at + header.size
                    continue
            if header is not None and header.kind == kind and at + header.size <= self._size:
                count += 1
                at += header.size
                continue
            if count:
                self.runs.append(FrameRun(begin, at, count))
            found = piece.find(b"\xff", at - start + 1)
            begin = at = start + (found if found >= 0 else max(len(piece) - 3, at - start + 1))
            count = 0
        if count:
            self.runs.append(FrameRun(begin, at, count))

    def _follows(self, at: int, header: _Header) -> bool:
        """Whether another frame of the same kind comes next, or the file ends there."""
        data = bytes_at(self._file.fileno(), 4, at)
        following = _header(data, 0) if len(data) == 4 else None
        return at == self._size or (following is not None and following.kind == header.kind)

    def _is_note(self, frame: bytes) -> bool:
        """Whether a frame is a note of the length; if it tells the number of frames, that is taken down."""
        found, noted = _noted(frame)
        self.noted = noted if noted is not None else self.noted
        return found


def tells_its_length(file: BinaryIO) -> bool:
    """Whether a file begins with a note of how many frames follow."""
    begin = after_id3(file)
    head = bytes_at(file.fileno(), 4, begin)
    header = _header(head, 0) if len(head) == 4 else None
    return header is not None and bool(_noted(bytes_at(file.fileno(), header.size, begin))[1])


def _noted(frame: bytes) -> tuple[bool, int | None]:
    """Whether a frame is a note of the length, and the number of frames that it tells."""
    at = max(frame.find(tag, 4, 64) for tag in (b"Xing", b"Info"))
    told = at > 0 and len(frame) >= at + 12 and frame[at + 7] & 1
    number = int.from_bytes(frame[at + 8 : at + 12], "big") if told else None
    return at > 0 or frame.find(b"VBRI", 4, 64) > 0, number


def _header(data: bytes, at: int) -> _Header | None:
    if data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = _VERSIONS.get(data[at + 1] >> 3 & 3), 4 - (data[at + 1] >> 1 & 3)
    bit_rate, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version is None or layer == 4 or rate == 3 or not 0 < bit_rate < 15:
        return None
    hertz = _RATES[rate] >> version - 1
    bits = _KBITS[version == 1, layer][bit_rate] * 1000
    padding = data[at + 2] >> 1 & 1
    if layer == 1:
        return _Header((12 * bits // hertz + padding) * 4, 384, (version, layer, hertz))
    samples = 576 if layer == 3 and version > 1 else 1152
    return _Header(samples // 8 * bits // hertz + padding, samples, (version, layer, hertz))


def _note(first: bytes, frames: int) -> bytes | None:
    """A frame without sound, of the stream's own kind, that tells how many frames follow."""
    if len(first) < 4:
        return None
    mono = first[3] >> 6 == 3
    mpeg1 = first[1] >> 3 & 3 == 3
    at = 4 + (17 if mono else 32) if mpeg1 else 4 + (9 if mono else 17)
    for bit_rate in range(1, 15):
        head = bytes((first[0], first[1] | 1, bit_rate << 4 | first[2] & 0x0C, first[3]))
        header = _header(head, 0)
        if header is not None and header.size >= at + 16:
            body = head + bytes(at - 4) + b"Xing" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
            return body.ljust(header.size, b"\0")
    return None
