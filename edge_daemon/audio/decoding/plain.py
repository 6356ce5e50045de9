"""Contents of containers that have one chunk of sound: plain samples, and samples packed in blocks."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from edge_daemon.audio.decoding.chunks import corrected, data_extent, sound_begins
from edge_daemon.audio.decoding.contents import OPENING_ERRORS, LibraryContents
from edge_daemon.audio.decoding.disk_bytes import BLOCK, bytes_at, next_readable
from edge_daemon.audio.decoding.sample_form import SampleForm
from edge_daemon.audio.decoding.stated_form import contradiction
from edge_daemon.audio.decoding.stretch import DecodableStretch, PlainStretch, Sequential

WIDTHS = {
    "PCM_S8": 1,
    "PCM_U8": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
    "ULAW": 1,
    "ALAW": 1,
}
"""Bytes of a sample, by libsndfile's name for its form."""
_DENSEST = 5  # samples in a byte: GSM 06.10
_BIG = frozenset({"AIFF", "AU", "SVX", "PVF", "HTK", "AVR", "PAF"})


def with_true_sizes(file: BinaryIO) -> Any:
    """The file as libsndfile sees it with true sizes in its header, open; None where that cannot be shown."""
    begin = sound_begins(file)
    shown = None if begin is None else corrected(file, begin, data_extent(file, begin, 0).held)
    try:
        return None if shown is None else Sequential(shown)
    except OPENING_ERRORS:
        return None


class PlainContents(LibraryContents):
    """Samples one after the other: what the header gets wrong can be read all the same."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        width = WIDTHS[sound.subtype]
        self._form = SampleForm(self.rate, self.channels, sound.subtype, _endian(file, sound), width)
        size = self._form.frame
        self._offset = _first_sample(file, sound)
        # in doubt whether libsndfile reads from where we would, it reads
        self._ours = self._form.ours and _where_it_reads(file, sound) == self._offset
        self.by_library = not self._ours
        extent = data_extent(file, self._offset, int(sound.frames) * size)
        self.said = None if extent.said is None else extent.said // size
        self.held = extent.held // size
        # a length that is wrong is told on its own
        self.contradiction = contradiction(file, sound, width, self.held if self.held == self.said else 0)
        self._tried = -1  # where the last stretch of ours began

    def stretch(self, position: int) -> DecodableStretch | None:
        """As `Contents` has it."""
        if position >= self.held:
            return None
        if not self._ours and not self._begun and self._sound.frames >= self.held:
            return self._from(position)
        size = self._form.frame
        if position == self._tried:  # it gave nothing from here on: each time is further on
            position += -(-BLOCK // size)
        end = self._offset + self.held * size
        readable = next_readable(self._file.fileno(), self._offset + position * size, end)
        self._tried = position = -(-(readable - self._offset) // size)
        if position >= self.held:
            return None
        offset = self._offset + position * size
        return PlainStretch(self._file, offset, position, self.held - position, self._form)


class PackedContents(LibraryContents):
    """Sound packed in blocks: libsndfile reads it, from a header with true sizes if ours are not."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        self.contradiction = contradiction(file, sound, None, self.held)
        begin = sound_begins(file)
        if begin is None:
            return
        extent = data_extent(file, begin, 0)
        sized = extent.held if extent.said is None else min(extent.said, extent.held)
        if extent.said != extent.held and self._correct():
            sized = extent.held
        if not sized:
            return
        # blocks are as good as equally long; what libsndfile cannot be shown is missing at the end
        self.exact = False
        frames = int(self._sound.frames)
        if frames * self.channels > _DENSEST * sized:  # it has counted them elsewhere in the header
            sized = extent.held
        self.held = round(frames * extent.held / sized)
        self.said = None if extent.said is None else round(frames * extent.said / sized)

    def _correct(self) -> bool:
        """Show libsndfile true sizes; return whether that made it read the file."""
        sound = with_true_sizes(self._file)
        if sound is None:
            return False
        self._sound.close()
        self._sound = sound
        return True

    def stretch(self, position: int) -> DecodableStretch | None:
        """As `Contents` has it."""
        return self._from(position)


def _first_sample(file: BinaryIO, sound: Any) -> int:
    """Byte of the first sample: found in the chunks, or libsndfile goes there, with the file's own descriptor."""
    begin = sound_begins(file)
    return _where_it_reads(file, sound) if begin is None else begin


def _where_it_reads(file: BinaryIO, sound: Any) -> int:
    """Byte at which libsndfile reads first."""
    sound.seek(0)
    return os.lseek(file.fileno(), 0, os.SEEK_CUR)


def _endian(file: BinaryIO, sound: Any) -> str:
    """Which byte of a sample comes first."""
    if sound.endian != "FILE":
        return str(sound.endian)
    head = bytes_at(file.fileno(), 4096, 0)
    if sound.format == "AIFF":
        return "LITTLE" if b"sowt" in head else "BIG"
    if sound.format == "CAF":
        at = head.find(b"desc")
        return "LITTLE" if at >= 0 and int.from_bytes(head[at + 24 : at + 28], "big") & 2 else "BIG"
    if head[:4] in {b"RIFX", b".snd"}:
        return "BIG"
    return "BIG" if sound.format in _BIG and head[:4] != b"dns." else "LITTLE"
