"""A stretch: sound of a file that can be read in one go, from a known place on."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.decoding.disk_bytes import BLOCK, is_unreadable
from edge_daemon.audio.decoding.sample_form import SampleForm

_UNTOUCHED = np.uint32(0x7FC0DEAD)  # a NaN that no decoder writes
DECODING_ERRORS = (soundfile.SoundFileError, RuntimeError, OSError)
"""What reading a damaged file raises."""


class Damaged(Exception):  # noqa: N818 - no error of the program: it is told, and reading goes on behind it
    """The stretch is damaged before its end; what it gave before stands."""


class DecodableStretch(Protocol):
    """Sound to be read from its beginning to its end.

    Attributes:
        first: frame of the file with which it begins.
    """

    first: int

    def read(self, out: NDArray[np.float32]) -> int:
        """Decode into `out`, float32 [n, channels]; return how many frames came, 0 at the end.

        Raises:
            Damaged: nothing more can be decoded, though the end is not reached.
        """


class Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file read from begin to end: soundfile seeks after each read where that is possible, libsndfile then
    forgets what it has decoded, and a stream that begins in the middle cannot be sought in at all."""

    def seekable(self) -> bool:
        """No."""
        return False


class LibraryStretch:
    """What libsndfile decodes of a file from its beginning.

    Args:
        sound: open, at its beginning.
        first: frame with which it begins.
        frames: how many it has.
        whole_blocks: whether a read that meets damage gives nothing: FLAC's decoder gives zeros for a damaged frame.
    """

    def __init__(self, sound: Any, first: int, frames: int, *, whole_blocks: bool = False) -> None:
        self.first = first
        self._sound = sound
        self._left = frames
        self._whole_blocks = whole_blocks
        self._damaged = False

    def read(self, out: NDArray[np.float32]) -> int:
        """As `DecodableStretch` has it."""
        wanted = min(len(out), self._left)
        if self._damaged:
            raise Damaged
        if wanted <= 0:
            return 0
        marks = out.view(np.uint32)[:wanted, 0]
        if not self._whole_blocks:
            marks[:] = _UNTOUCHED
        try:
            count = len(self._sound.read(wanted, dtype="float32", always_2d=True, out=out[:wanted]))
        except DECODING_ERRORS:
            # libsndfile doesn't say how much was decoded before the damage: the marks do
            self._damaged = True
            left = np.flatnonzero(marks == _UNTOUCHED)
            count = 0 if self._whole_blocks else int(left[0]) if len(left) else wanted
            if not count:
                raise Damaged from None
        self._left = self._left - count if count else 0
        return count


class ArrayStretch:
    """Sound that is decoded already.

    Args:
        first: frame with which it begins.
        samples: float32 [n, channels].
    """

    def __init__(self, first: int, samples: NDArray[np.float32]) -> None:
        self.first = first
        self._left = samples

    def read(self, out: NDArray[np.float32]) -> int:
        """As `DecodableStretch` has it."""
        count = min(len(out), len(self._left))
        out[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


class PlainStretch:
    """Plain samples read from a file's bytes, whatever its header says of them.

    Args:
        file: open for reading; its own position is left alone.
        offset: byte of the first sample.
        first: frame of the file that this is.
        frames: how many there are.
        form: how they are written.
    """

    def __init__(self, file: BinaryIO, offset: int, first: int, frames: int, form: SampleForm) -> None:
        self.first = first
        self._descriptor, self._form = file.fileno(), form
        self._at, self._left = offset, frames

    def read(self, out: NDArray[np.float32]) -> int:
        """As `DecodableStretch` has it."""
        wanted = min(len(out), self._left)
        if wanted <= 0:
            return 0
        size = self._form.frame
        try:
            data = self._bytes(wanted * size)
        except OSError as error:
            if not is_unreadable(error):
                raise
            raise Damaged from None
        count = len(data) // size
        if count:
            self._form.decode(data[: count * size], out[:count])
        self._at += count * size
        self._left = self._left - count if len(data) >= size else 0
        return count

    def _bytes(self, count: int) -> bytes:
        """As much as can be read up to a place that cannot.

        Raises:
            OSError: the disk, already at the first frame.
        """
        try:
            return os.pread(self._descriptor, count, self._at)
        except OSError as error:
            if not is_unreadable(error):
                raise
            return os.pread(self._descriptor, min(count, max(self._form.frame, BLOCK - self._at % BLOCK)), self._at)
