"""FLAC: frames that say where they belong.

Each frame begins with a header that holds the number of its first sample, and ends with a checksum. So the length of a
recording can be told from its last frame, whatever its first block says, and a damaged frame is missing alone.

Source: RFC 9639, "Free Lossless Audio Codec (FLAC)".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.decoding.disk_bytes import bytes_at
from edge_daemon.audio.decoding.id3 import after_id3
from edge_daemon.audio.decoding.slices import FileSlices
from edge_daemon.audio.decoding.stretch import DECODING_ERRORS, ArrayStretch, Sequential

_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_LONGEST_HEADER = 16
_PIECE = 1 << 18  # bytes looked through at a time
_TAIL = 1 << 15  # most often the last frame begins in it
_GROUP = 64  # frames decoded at a time behind damage
_BIT_DEPTHS = {0: 0, 1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_RATES = dict(enumerate((88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000), 1))
_CRC8 = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte << 1) ^ (0x107 if _byte & 0x80 else 0)
    _CRC8.append(_byte & 0xFF)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, by its header.

    Attributes:
        offset: its first byte in the file.
        first: number of its first sample.
        length: samples per channel.
    """

    offset: int
    first: int
    length: int

    @property
    def end(self) -> int:
        """Number of the sample after its last one."""
        return self.first + self.length


class FlacFrames:
    """The frames of a FLAC file.

    Args:
        file: open for reading; its own position is left alone.

    Attributes:
        said: samples per channel by the first block; None where it leaves that open.
        held: samples per channel up to the end of the last whole frame.
        rate: Hz.
        channels: how many.

    Raises:
        ValueError: no FLAC file, or its first block is not whole.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        start = after_id3(file)
        head = self._bytes(start, 42)
        if head[:4] != b"fLaC" or head[4] & 0x7F or len(head) < 42:
            raise ValueError("no STREAMINFO block")
        self._info = head[8:42]
        packed = int.from_bytes(self._info[10:18], "big")
        self.rate, self.channels = packed >> 44, (packed >> 41 & 0b111) + 1
        self._bits = (packed >> 36 & 0b11111) + 1
        self.said: int | None = packed & (1 << 36) - 1 or None
        self._block = int.from_bytes(self._info[2:4], "big")
        self._begin = self._after_blocks(start + 4)
        self._known = Frame(self._begin, 0, 0)  # where the last group ended: most often the next one begins there
        self._last_one = self._last()
        self.held = 0 if self._last_one is None else self._last_one.end

    @property
    def in_order(self) -> bool:
        """Whether frames at some places, and the last one, come in the order of their numbers.

        They do not where several files were put into one.
        """
        return self._last_one is None or self._rising(self._last_one)

    @property
    def frame_rate(self) -> int:
        """Rate by the last frame's header, Hz; that of the first block where frames leave it to that."""
        if self._last_one is None:
            return self.rate
        head = self._bytes(self._last_one.offset, _LONGEST_HEADER).ljust(_LONGEST_HEADER, b"\0")
        code, at = head[2] & 15, _coded_number(head)[1] + {6: 1, 7: 2}.get(head[2] >> 4, 0)
        if code < 12:
            return _RATES.get(code, self.rate)
        return head[at] * 1000 if code == 12 else int.from_bytes(head[at : at + 2], "big") * (10 if code == 14 else 1)

    def without_notes(self) -> FileSlices:
        """The file with its first block alone before its frames: libsndfile bears no damage in the other blocks."""
        return FileSlices(b"fLaC\x80\0\0\x22" + self._info, self._file, [(self._begin, self._size)])

    def stretch(self, position: int) -> ArrayStretch | None:
        """The next whole frames that hold sample `position` or come after it; None where there are none."""
        frames = self._frames(self._place(position), position)
        group: list[Frame] = []
        for frame in frames:
            if group and (frame.first != group[-1].end or len(group) == _GROUP):
                break
            group.append(frame)
        if not group:
            return None
        samples = self._decoded(group)
        if samples is None:
            for frame in self._frames(group[0].offset, position):
                samples = self._decoded([frame])
                if samples is not None:
                    group = [frame]
                    break
        if samples is None:
            return None
        self._known = group[-1]
        skip = max(0, position - group[0].first)
        return ArrayStretch(group[0].first + skip, samples[skip:])

    def _bytes(self, begin: int, count: int) -> bytes:
        return bytes_at(self._file.fileno(), count, begin)

    def _after_blocks(self, at: int) -> int:
        """Where the frames begin: behind the metadata, or, where that is damaged, behind its first block."""
        first_end = at + 38
        while at < self._size:
            head = self._bytes(at, 4)
            at += 4 + int.from_bytes(head[1:], "big")
            if at > self._size or len(head) < 4:
                return first_end
            if head[0] & 0x80:
                return at
        return first_end

    def _frames(self, begin: int, position: int = 0, end: int | None = None) -> Iterator[Frame]:
        """Headers of frames in a span of bytes that hold sample `position` or come after it."""
        end = self._size if end is None else end
        at = max(begin, self._begin)
        while at < end:
            piece = self._bytes(at, min(_PIECE, end - at) + _LONGEST_HEADER)
            for match in _SYNC.finditer(piece, 0, _PIECE + 1):
                frame = self._header(piece[match.start() : match.start() + _LONGEST_HEADER], at + match.start())
                if frame is not None and frame.end > position:
                    yield frame
            at += _PIECE

    def _header(self, data: bytes, offset: int) -> Frame | None:
        """A frame's header, if it is whole and of this stream."""
        data = data.ljust(_LONGEST_HEADER, b"\0")
        size, rate, channels, bits = data[2] >> 4, data[2] & 15, data[3] >> 4, data[3] >> 1 & 7
        if not size or rate == 15 or data[3] & 1 or (channels if channels < 8 else 1) + 1 != self.channels:
            return None
        if channels > 10 or _BIT_DEPTHS.get(bits, -1) not in {0, self._bits}:
            return None
        number, at = _coded_number(data)
        if number is None:
            return None
        extra = {6: 1, 7: 2}.get(size, 0)
        if size == 1:
            length = 192
        elif size < 6:
            length = 576 << size - 2
        elif size < 8:
            length = int.from_bytes(data[at : at + extra], "big") + 1
        else:
            length = 256 << size - 8
        at += extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
        crc = 0
        for byte in data[:at]:
            crc = _CRC8[crc ^ byte]
        if crc != data[at]:
            return None
        return Frame(offset, number if data[1] & 1 else number * self._block, length)

    def _place(self, position: int) -> int:
        """A byte at or before the frame that holds a sample, found by halving."""
        low, high = self._begin, self._size
        if self._known.end == position:
            return self._known.offset
        while high - low > _PIECE:
            middle = (low + high) // 2
            frame = next((each for each in self._frames(middle, end=high) if self._decoded([each]) is not None), None)
            if frame is None or frame.first > position:
                high = middle
            else:
                low = frame.offset
        return low

    def _rising(self, last: Frame) -> bool:
        numbers = []
        for quarter in (1, 2, 3):
            place = self._begin + (self._size - self._begin) * quarter // 4
            frames = self._frames(place, end=place + _PIECE)
            numbers += [each.first for each in islice(frames, 8) if self._decoded([each]) is not None][:1]
        numbers.append(last.first)
        return numbers == sorted(numbers)

    def _last(self) -> Frame | None:
        """The last frame that can be decoded."""
        end, piece = self._size, _TAIL
        while end > self._begin:
            begin = max(self._begin, end - piece)
            for frame in reversed(list(self._frames(begin, end=end))):
                if self._decoded([frame]) is not None:
                    return frame
            end, piece = begin, _PIECE
        return None

    def _decoded(self, frames: list[Frame]) -> NDArray[np.float32] | None:
        """Samples of frames that follow each other, float32 [n, channels], or None where one is damaged."""
        count = sum(frame.length for frame in frames)
        head = bytearray(b"fLaC\x80\0\0\x22" + self._info)
        head[12:18] = bytes(6)  # sizes of frames, not known
        packed = int.from_bytes(head[18:26], "big") >> 36 << 36 | count
        head[18:26] = packed.to_bytes(8, "big")
        head[26:42] = bytes(16)  # digest, not known
        try:
            with Sequential(FileSlices(bytes(head), self._file, [(frames[0].offset, self._size)])) as sound:
                samples: NDArray[np.float32] = sound.read(count, dtype="float32", always_2d=True)
        except DECODING_ERRORS:
            return None
        return samples if len(samples) == count else None


def _coded_number(data: bytes) -> tuple[int | None, int]:
    """The frame's number, written as UTF-8 writes characters, and the byte behind it."""
    first = data[4]
    if first < 0x80:
        return first, 5
    count = 8 - (first ^ 0xFF).bit_length()  # ones in front
    if count == 1 or count > 7:
        return None, 5
    number = first & (1 << 7 - count) - 1 if count < 7 else 0
    for byte in data[5 : 4 + count]:
        if byte & 0xC0 != 0x80:
            return None, 5
        number = number << 6 | byte & 0x3F
    return number, 4 + count
