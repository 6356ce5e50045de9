"""Where plain samples lie in a file, by its header and by its bytes.

A recorder writes the size of the sound into a header, before, while or after it writes the sound; what goes wrong there
(power lost, a size of 4 GiB or more, a field never filled in) leaves a header that promises less or more than there is.
What follows the promised end tells which: chunks of notes, or more sound.

Sources: EBU Tech 3306 (RF64, BW64: ITU-R BS.2088), Microsoft/IBM RIFF, Apple's AIFF 1.3 and CAF specifications, Sony
WAVE64, Sun/NeXT AU.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from edge_daemon.audio.decoding.disk_bytes import bytes_at
from edge_daemon.audio.decoding.slices import FileSlices

_MOST_CHUNKS = 100_000
_W64_RIFF = bytes.fromhex("72696666 2e91cf11 a5d628db 04c10000")
_W64_DATA = bytes.fromhex("64617461 f3acd311 8cd100c0 4f8edb8a")
_NOTES = frozenset(
    b"LIST|INFO|id3 |ID3 |bext|iXML|cue |fact|junk|JUNK|PAD |smpl|inst|guan|wamd|minf|elm1|regn|umid|DISP|_PMX|axml"
    b"|chna|levl|PEAK|harp|COMT|NAME|AUTH|ANNO|MARK|INST|APPL|(c) |uuid|info|strg|free|pakt".split(b"|")
)
"""Chunks that are seen behind sound; one of these may be cut short by the end of the file."""

_SOUND = frozenset((b"data", b"SSND", b"RIFF", b"RIFX", b"RF64", b"BW64", b"riff", b"FORM", b"caff"))
"""What begins more sound: a second chunk of it, or another file that was put behind this one."""

# Container, name of its chunk of samples and how far before them it stands, bytes of the size behind it, and how much
# of that size is no samples.
_SIZES = ((b"FORM", b"SSND", -16, 4, 8), (_W64_RIFF, _W64_DATA, -24, 8, 24), (b"caff", b"data", -16, 8, 4))


@dataclass(frozen=True, slots=True)
class DataExtent:
    """How many bytes of samples a file has.

    Attributes:
        said: by its header; None where the writer left that open, or where the header contradicts itself: the file is
            as long as it says, and yet the sound in it longer than the file.
        held: by its bytes: up to the end, or to the notes that follow.
    """

    said: int | None
    held: int


def data_extent(file: BinaryIO, offset: int, promised: int) -> DataExtent:
    """Compare header and bytes.

    Args:
        file: open for reading; its own position is left alone.
        offset: byte of the first sample.
        promised: bytes of samples that libsndfile gives, for containers whose header is not read here.
    """
    size = os.fstat(file.fileno()).st_size
    room = max(0, size - offset)
    kind = _Container.of(file)
    stated = kind.stated(file, offset)
    said = promised if stated is None else max(0, stated)
    if _left_open(said) or (said > room and kind.complete(file, size)):
        return DataExtent(None, room)
    if said >= room:
        return DataExtent(said, room)
    if kind.only_notes(file, offset + said, size):
        return DataExtent(said, said)
    return DataExtent(said, room)


def sound_begins(file: BinaryIO) -> int | None:
    """The byte at which the sound begins, found chunk by chunk; None where the container is not known here."""
    kind = _Container.of(file)
    for at, name in kind.chunks(file):
        if name in {b"data", b"SSND"}:
            return at + kind.head + {b"FORM": 8, b"caff": 4}.get(kind.magic, 0)
    return None


def chunk_before_sound(file: BinaryIO, wanted: bytes, count: int = 256) -> bytes:
    """The first bytes of a chunk that stands before the sound; none where it is not there.

    Args:
        file: open for reading.
        wanted: its name, four bytes.
        count: how many bytes at most.
    """
    kind = _Container.of(file)
    for at, name in kind.chunks(file):
        if name == wanted:
            length = kind.length(bytes_at(file.fileno(), kind.head, at))
            return bytes_at(file.fileno(), max(0, min(count, length)), at + kind.head)
        if name in {b"data", b"SSND", b"BODY"}:
            break
    return b""


def corrected(file: BinaryIO, offset: int, held: int) -> FileSlices | None:
    """The file with sizes in its header that are true, for sound that only libsndfile can decode.

    Args:
        file: open for reading.
        offset: byte at which the sound begins.
        held: bytes of sound.

    Returns:
        None where the container cannot be corrected here, or cannot say so large a size.
    """
    magic = _Container.of(file).magic
    head = bytearray(bytes_at(file.fileno(), offset, 0))
    if magic == b"RIFF" and offset + held < 1 << 32:
        struct.pack_into("<I", head, offset - 4, held)
        struct.pack_into("<I", head, 4, offset + held - 8)
    elif magic == _W64_RIFF:
        struct.pack_into("<Q", head, offset - 8, held + 24)
        struct.pack_into("<Q", head, 16, offset + held)
    elif magic == b"FORM" and offset + held < 1 << 32:
        struct.pack_into(">I", head, offset - 12, held + 8)
        struct.pack_into(">I", head, 4, offset + held - 8)
    elif magic == b"caff":
        struct.pack_into(">Q", head, offset - 12, held + 4)
    else:
        return None
    fact = head.find(b"fact")
    if fact > 0:  # the number of samples, as wrong as the size; without it, it follows from the size
        head[fact : fact + 4] = b"junk"
    return FileSlices(bytes(head), file, [(offset, offset + held)])


@dataclass(frozen=True, slots=True)
class _Container:
    """The form of a file's chunks: a name, a size, contents, filled up to an even length.

    Attributes:
        magic: with what the file begins.
        order: `<` or `>`, of the numbers; empty where the file has no chunks that we know.
        wide: whether sizes have eight bytes.
    """

    magic: bytes
    order: str = ""
    wide: bool = False

    @classmethod
    def of(cls, file: BinaryIO) -> _Container:
        start = bytes_at(file.fileno(), 16, 0)
        magic = start[:4]
        if start == _W64_RIFF:
            return cls(start, "<", wide=True)
        if magic in {b"RIFF", b"RF64", b"BW64"}:
            return cls(magic, "<")
        if magic in {b"RIFX", b"FORM"}:
            return cls(magic, ">")
        if magic == b"caff":
            return cls(magic, ">", wide=True)
        return cls(magic)

    def stated(self, file: BinaryIO, offset: int) -> int | None:
        """Bytes of samples by the header, as it stands there; None where the header is not known here."""
        before = bytes_at(file.fileno(), min(offset, 24), max(0, offset - 24)).rjust(24, b"\0")
        if self.magic in {b"RIFF", b"RF64", b"BW64", b"RIFX"} and before[-8:-4] == b"data":
            ds64 = bytes_at(file.fileno(), 24, 12)
            if self.magic in {b"RF64", b"BW64"} and before[-4:] == b"\xff" * 4 and ds64[:4] == b"ds64":
                return int(struct.unpack_from("<Q", ds64, 16)[0])
            return self._number(before[-4:])
        if self.magic in {b".snd", b"dns."}:
            return int(struct.unpack(">I" if self.magic == b".snd" else "<I", bytes_at(file.fileno(), 4, 8))[0])
        for magic, name, at, width, more in _SIZES:
            if self.magic == magic and before[at : at + len(name)] == name:
                return self._number(before[at + len(name) :][:width]) - more
        return None

    def complete(self, file: BinaryIO, size: int) -> bool:
        """Whether the file is as long as its first chunk says."""
        head = bytes_at(file.fileno(), 24, 0)
        if self.magic in {b"RIFF", b"RIFX", b"FORM"}:
            return 0 <= size - 8 - self._number(head[4:8]) <= 1
        return self.magic == _W64_RIFF and 0 <= size - self._number(head[16:24]) < 8

    def only_notes(self, file: BinaryIO, begin: int, size: int) -> bool:
        """Whether nothing but chunks, and a byte or more of filling, lies between a place and the end of the file."""
        if not self.order:
            return begin >= size
        at = begin + self._filling(begin)
        for _ in range(_MOST_CHUNKS):
            if at >= size:
                return True
            head = bytes_at(file.fileno(), self.head, at)
            name = head[:4]
            if len(head) < self.head:
                return not head.strip(b"\0") or any(note.startswith(name) for note in _NOTES)
            if name in _SOUND or not all(32 <= byte < 127 for byte in name):
                return False
            at = self.next(at, head)
            if at > size + 8:
                return name in _NOTES
        return False

    def chunks(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        """Where each chunk begins, and the first four letters of its name, as far as they can be followed."""
        size = os.fstat(file.fileno()).st_size
        at = {_W64_RIFF: 40, b"caff": 8}.get(self.magic, 12)
        for _ in range(_MOST_CHUNKS if self.order else 0):
            head = bytes_at(file.fileno(), self.head, at)
            if len(head) < self.head:
                return
            yield at, head[:4]
            at = self.next(at, head)
            if at > size:
                return

    @property
    def head(self) -> int:
        """Bytes of a chunk's name and size."""
        return 24 if self.magic == _W64_RIFF else 12 if self.wide else 8

    def next(self, at: int, head: bytes) -> int:
        """Where the chunk behind the one at a place begins."""
        end = at + self.head + self.length(head)
        return end + self._filling(end)

    def length(self, head: bytes) -> int:
        """Bytes of a chunk's contents, by its head."""
        length = self._number(head[-8:] if self.wide else head[-4:])
        return max(0, length - self.head) if self.magic == _W64_RIFF else length

    def _filling(self, at: int) -> int:
        return -at % (8 if self.magic == _W64_RIFF else 1 if self.magic == b"caff" else 2)

    def _number(self, data: bytes) -> int:
        return int(struct.unpack(self.order + ("Q" if len(data) == 8 else "I"), data)[0])


def _left_open(said: int) -> bool:
    """Writers into pipes can't know the length and put a number near 2³¹, 2³², 2⁶³ or 2⁶⁴."""
    return said >= 1 << 62 or any(abs(said - bound) < 1 << 16 for bound in (1 << 31, 1 << 32))
