"""The chunks of a WAV file (RIFF, RF64, BW64) and the comments of a FLAC file that tell about the recording.

Only metadata are read, never the sound; a chunk or comment larger than 1 MiB is passed over. What a header says of
lengths is believed as far as the file reaches.

Sources: RIFF as in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 (RF64);
RFC 9639 (FLAC), and its `flac --keep-foreign-metadata`, which keeps RIFF chunks in APPLICATION blocks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_LARGEST = 1 << 20
_MOST = 4096  # chunks in a file
_OPEN_ENDED = 0xFFFFFFFF


@dataclass(slots=True)
class Chunks:
    """What was found.

    Attributes:
        by_name: content of each chunk by its name, such as "bext"; of several of one name the first.
        comments: texts meant for people, in order.
        sound_bytes: length of the sound that the header of a WAV file promises; 0 if unknown.
        frame_bytes: bytes of one sample of all channels; 0 if unknown.
        rate: samples per second; 0 if unknown.
    """

    by_name: dict[str, bytes] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    sound_bytes: int = 0
    frame_bytes: int = 0
    rate: int = 0

    def add(self, name: bytes, content: bytes) -> None:
        """Take a chunk."""
        key = name.decode("latin-1").strip()
        self.by_name.setdefault(key, content)
        if key == "fmt" and len(content) >= 14:
            self.rate = int.from_bytes(content[4:8], "little")
            self.frame_bytes = int.from_bytes(content[12:14], "little")
        if key == "LIST" and content[:4] == b"INFO":
            self.comments += [_text(value) for name, value in _inner(content[4:]) if name == b"ICMT"]


def read_chunks(path: Path) -> Chunks:
    """Read a file's metadata; empty for other formats, and where the file cannot be read."""
    chunks = Chunks()
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE":
                _read_riff(file, chunks)
            elif head[:4] == b"fLaC":
                _read_flac(file, chunks)
    except OSError:
        pass  # whoever opens it for its sound says what is wrong
    return chunks


def _read_riff(file: BinaryIO, chunks: Chunks) -> None:
    end = file.seek(0, 2)
    place, long_sound = 12, 0
    for _ in range(_MOST):
        if place + 8 > end:
            return
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            if size == _OPEN_ENDED and long_sound:
                size = long_sound
            chunks.sound_bytes = size
        elif size <= _LARGEST:
            content = file.read(size)
            if name == b"ds64" and len(content) >= 16:
                long_sound = int.from_bytes(content[8:16], "little")
            chunks.add(name, content)
        place += 8 + size + size % 2


def _read_flac(file: BinaryIO, chunks: Chunks) -> None:
    place, last = 4, False
    for _ in range(_MOST):
        file.seek(place)
        head = file.read(4)
        if last or len(head) < 4:
            return
        last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind in {2, 4} and size <= _LARGEST:
            content = file.read(size)
            if kind == 4:
                chunks.comments += list(_vorbis_comments(content))
            elif content[:4] == b"riff" and len(content) >= 12:
                # the chunk with its head; of "data" the head alone, for the sound is in the frames
                if content[4:8] == b"data":
                    chunks.sound_bytes = int.from_bytes(content[8:12], "little")
                else:
                    chunks.add(content[4:8], content[12 : 12 + int.from_bytes(content[8:12], "little")])
        place += 4 + size


def _vorbis_comments(block: bytes) -> Iterator[str]:
    """Values of the comments that are texts about the recording."""
    vendor = int.from_bytes(block[:4], "little")
    place = 8 + vendor
    for _ in range(min(_MOST, int.from_bytes(block[4 + vendor : place], "little"))):
        size = int.from_bytes(block[place : place + 4], "little")
        key, equals, value = _text(block[place + 4 : place + 4 + size]).partition("=")
        if equals and key.upper() in {"COMMENT", "DESCRIPTION", "ICMT"}:
            yield value
        place += 4 + size


def _inner(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _text(value: bytes) -> str:
    return value.split(b"\0", 1)[0].decode("utf-8", errors="replace")
