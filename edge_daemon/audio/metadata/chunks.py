"""What a file tells about the recording: chunks of WAV (RIFF, RF64, BW64, WAVE64), AIFF and CAF, tags of FLAC and Ogg.

Only metadata are read, never the sound; a chunk or comment larger than 1 MiB is passed over. What a header says of
lengths is believed as far as the file reaches.

Sources: RIFF as in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 (RF64);
Sony WAVE64, whose chunks are RIFF's under longer names; Apple's AIFF 1.3 and CAF; RFC 9639 (FLAC), and its
`flac --keep-foreign-metadata`, which keeps RIFF chunks in APPLICATION blocks.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from edge_daemon.audio.decoding.id3 import after_id3
from edge_daemon.audio.metadata.vorbis_comments import comments, ogg_comments
from edge_daemon.audio.regular_file import open_regular

_LARGEST = 1 << 20
_MOST = 4096  # chunks in a file
_OPEN_ENDED = 0xFFFFFFFF
_W64_RIFF = bytes.fromhex("72696666 2e91cf11 a5d628db 04c10000")
_COMMENTS = frozenset({"COMMENT", "COMMENTS", "DESCRIPTION", "ICMT", "ANNO"})
_DATES = {"ICRD": "DATE", "RECORDED DATE": "DATE"}  # what RIFF and CAF call it


@dataclass(slots=True)
class Chunks:
    """What was found.

    Attributes:
        by_name: content of each chunk by its name, such as "bext"; of several of one name the first.
        comments: texts meant for people, in order.
        tags: other texts by their key in capitals, such as "DATE"; of several of one key the first.
        sound_bytes: length of the sound that the header of a WAV file promises; 0 if unknown.
        frame_bytes: bytes of one sample of all channels; 0 if unknown.
        rate: samples per second; 0 if unknown.
    """

    by_name: dict[str, bytes] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
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
        if key.upper() == "LIST" and content[:4] == b"INFO":
            for inner, value in _inner(content[4:]):
                self.add_tag(inner.decode("latin-1"), _text(value))

    def add_tag(self, key: str, value: str) -> None:
        """Take a text with its key."""
        name = key.upper()
        if name in _COMMENTS:
            self.comments.append(value)
        else:
            self.tags.setdefault(_DATES.get(name, name), value)


def read_chunks(path: str | os.PathLike[str]) -> Chunks:
    """Read a file's metadata; empty for other formats, and where the file cannot be read."""
    try:
        with open_regular(path) as file:
            return chunks_in(file)
    except OSError:
        return Chunks()  # whoever opens it for its sound says what is wrong


def chunks_in(file: BinaryIO) -> Chunks:
    """The metadata of a file; what can be read of them.

    Args:
        file: open for reading, in any place, and left in any place.
    """
    chunks = Chunks()
    try:
        begin = after_id3(file)
        file.seek(begin)
        head = file.read(16)
        if head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE":
            _read_riff(file, chunks)
        elif head == _W64_RIFF:
            _read_wave64(file, chunks)
        elif head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
            _read_aiff(file, chunks)
        elif head[:4] == b"caff":
            _read_caf(file, chunks)
        elif head[:4] == b"fLaC":
            _read_flac(file, begin + 4, chunks)
        elif head[:4] == b"OggS":
            for key, value in ogg_comments(file):
                chunks.add_tag(key, value)
    except OSError:
        pass
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


def _read_wave64(file: BinaryIO, chunks: Chunks) -> None:
    for name, size in _heads(file, 40, "<16sQ", counted=24, filled=8):
        if name[:4] == b"data":
            chunks.sound_bytes = size
        elif size <= _LARGEST:
            chunks.add(name[:4], file.read(size))


def _read_aiff(file: BinaryIO, chunks: Chunks) -> None:
    for name, size in _heads(file, 12, ">4sI", filled=2):
        content = file.read(size) if name in {b"ANNO", b"COMT"} and size <= _LARGEST else b""
        place = 2
        if name == b"ANNO":
            chunks.add_tag("ANNO", _text(content))
        while name == b"COMT" and place + 8 <= len(content):  # time and place of each note, its length, the note
            length = int.from_bytes(content[place + 6 : place + 8], "big")
            chunks.add_tag("ANNO", _text(content[place + 8 : place + 8 + length]))
            place += 8 + length + length % 2


def _read_caf(file: BinaryIO, chunks: Chunks) -> None:
    for name, size in _heads(file, 8, ">4sQ"):
        if name == b"info" and size <= _LARGEST:
            words = file.read(size)[4:].decode("utf-8", errors="replace").split("\0")
            for key, value in zip(words[::2], words[1::2], strict=False):
                chunks.add_tag(key, value)


def _heads(file: BinaryIO, place: int, form: str, counted: int = 0, filled: int = 1) -> Iterator[tuple[bytes, int]]:
    """Names and sizes of the chunks from a place on; at each the file stands at the chunk's content.

    Args:
        file: open for reading.
        place: of the first one.
        form: of name and size.
        counted: bytes of the head that the size counts, too.
        filled: chunks begin at multiples of so many bytes.
    """
    end, length = file.seek(0, 2), struct.calcsize(form)
    for _ in range(_MOST):
        if place + length > end:
            return
        file.seek(place)
        name, size = struct.unpack(form, file.read(length))
        size = max(0, size - counted)
        yield name, size
        place += length + size
        place += -place % filled


def _read_flac(file: BinaryIO, place: int, chunks: Chunks) -> None:
    last = False
    for _ in range(_MOST):
        file.seek(place)
        head = file.read(4)
        if last or len(head) < 4:
            return
        last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind in {2, 4} and size <= _LARGEST:
            content = file.read(size)
            if kind == 4:
                for key, value in comments(content):
                    chunks.add_tag(key, value)
            elif content[:4] == b"riff" and len(content) >= 12:
                # the chunk with its head; of "data" the head alone, for the sound is in the frames
                if content[4:8] == b"data":
                    chunks.sound_bytes = int.from_bytes(content[8:12], "little")
                else:
                    chunks.add(content[4:8], content[12 : 12 + int.from_bytes(content[8:12], "little")])
        place += 4 + size


def _inner(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _text(value: bytes) -> str:
    return value.split(b"\0", 1)[0].decode("utf-8", errors="replace")
