"""Recordings: a sound file read in blocks, one channel of it, in constant memory.

libsndfile (through soundfile) decodes WAV in all its widths, RF64, WAVE64, AIFF, FLAC, Ogg and more. What it
can't decode is reported in a sentence; what a damaged file lacks becomes a gap with the cause "read_error",
so that it is accounted for.
"""

from __future__ import annotations

import os
import re
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.start_time import StartTime, start_from_name
from edge_daemon.errors import AudioError

LOWEST_RATE, HIGHEST_RATE = 100, 1_000_000  # Hz: seismometers … fast bat and porpoise recorders
_MOST_VALUES = 1 << 18  # in one read, over all channels: 1 MiB of float32
_EMPTY_FILE_ROOM = 65_536  # bytes of header and notes that a recording without a sample may have
_UNTOUCHED = np.uint32(0x7FC0DEAD)  # a NaN that no decoder writes
_BYTES = {
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


class FileSource:
    """One channel of a sound file as an `AudioSource`.

    Samples are float32, integers scaled to ±1, floating-point files as they are (NaN and infinities included: the
    resampler cuts them out).

    Args:
        path: the file.
        channel: counted from 0.
        block_seconds: wished length of a block; shortened so that a read takes at most 1 MiB.
        start: when the first sample was taken, if known better than from the file's name.

    Attributes:
        rate: Hz.
        name: the path.
        channels: how many the file has.
        frames: samples per channel that the file should give (what is missing of them comes as a gap).
        start: when the first sample was taken and how that is known, or None.
        problem: a sentence on what is wrong with the file, as far as known by now, or None.

    Raises:
        AudioError: no such file, no permission, a folder, not a sound file, no such channel, an unusable sample rate.
    """

    def __init__(
        self, path: str | Path, channel: int = 0, block_seconds: float = 4.0, start: StartTime | None = None
    ) -> None:
        self.name = str(path)
        self.problem: str | None = None
        self._handle = _open(Path(path))
        try:
            self._sound = _decoder(self._handle, self.name)
            self.rate = int(self._sound.samplerate)
            self.channels = int(self._sound.channels)
            self._check(channel)
            self._readable = int(self._sound.frames)
            missing = _missing_frames(self._sound)
            self.frames = self._readable + missing
        except BaseException:
            self.close()
            raise
        self.start = start if start is not None else start_from_name(path)
        self._channel = channel
        self._position = 0
        self._ended = False
        wished = max(1, round(block_seconds * self.rate))
        self._buffer = np.empty((max(1, min(wished, _MOST_VALUES // self.channels)), self.channels), np.float32)
        if missing:
            self._note_missing(missing)

    @property
    def duration(self) -> float:
        """Seconds that the file should give."""
        return self.frames / self.rate

    @property
    def start_utc(self) -> datetime | None:
        """When the first sample was taken, aware, in UTC; None if not known."""
        return self.start.utc if self.start else None

    def read(self) -> Block | Gap | None:
        """Next block; at a damaged place a gap over all that is missing; then None.

        Raises:
            AudioError: the file holds sound by its header, but not one sample can be decoded.
        """
        if self._ended:
            return None
        count = self._fill()
        if count:
            block = Block(self._buffer[:count, self._channel].copy(), self._position)
            self._position += count
            return block
        self._ended = True
        missing = self.frames - self._position
        if missing <= 0:
            return None
        if not self._position:
            raise AudioError(
                f"'{self.name}' has the header of a sound file, but none of its sound can be decoded.",
                "It is probably damaged or only partly copied; copy it again.",
            )
        self._note_missing(missing)
        return Gap(self._position, missing, "read_error")

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._ended = True
        sound = getattr(self, "_sound", None)
        if sound is not None:
            sound.close()
        self._handle.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _fill(self) -> int:
        """Decode into the buffer; return how many frames came, 0 at the end or at damage."""
        wanted = min(len(self._buffer), self._readable - self._position)
        if wanted <= 0:
            return 0
        marks = self._buffer.view(np.uint32)[:wanted, 0]
        marks[:] = _UNTOUCHED
        try:
            return len(self._sound.read(wanted, dtype="float32", always_2d=True, out=self._buffer[:wanted]))
        except (soundfile.SoundFileError, RuntimeError):
            # soundfile doesn't say how much was decoded before the damage (nor does its position): the marks do.
            # The next call, failing at once, ends the stream.
            left = np.flatnonzero(marks == _UNTOUCHED)
            return int(left[0]) if len(left) else wanted

    def _check(self, channel: int) -> None:
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise AudioError(
                f"'{self.name}' has a sample rate of {self.rate} Hz; supported are {LOWEST_RATE} to {HIGHEST_RATE} Hz.",
                "The header may be damaged.",
            )
        if not 0 <= channel < self.channels:
            count = "one channel" if self.channels == 1 else f"{self.channels} channels"
            raise AudioError(
                f"'{self.name}' has {count}; channel {channel + 1} does not exist (channels count from 1).",
                "Choose another channel.",
            )
        size = os.fstat(self._handle.fileno()).st_size
        if self._sound.frames == 0 and size > _EMPTY_FILE_ROOM:
            raise AudioError(
                f"'{self.name}' claims to be empty but holds {size} bytes: the recorder did not finish writing it.",
                "Repair the header, for instance with: sox --ignore-length IN.wav OUT.wav",
            )

    def _note_missing(self, missing: int) -> None:
        lost = f"{missing / self.rate:.3g} s of {self.duration:.3g} s"
        self.problem = f"'{self.name}' is damaged or cut short: {lost} can't be read."


def _open(path: Path) -> Any:
    """Open a regular file for reading, or say why it can't be."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"'{path}' is a folder.", "Name the sound files in it, or let replay search the folder.")
        if not stat.S_ISREG(mode):
            raise AudioError(f"'{path}' is not a regular file.", "For live sound, use `edge-daemon run`.")
        if path.stat().st_size == 0:
            raise AudioError(f"'{path}' is empty (0 bytes).", "The recorder may have lost power; leave the file out.")
        return path.open("rb")
    except FileNotFoundError:
        raise AudioError(f"There is no file '{path}'.", "Check the path.") from None
    except PermissionError:
        raise AudioError(f"No permission to read '{path}'.", "Check the permissions of file and folder.") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"'{path}' can't be opened: {reason}.", "Check the disk and the path.") from None


def _decoder(handle: Any, name: str) -> Any:
    try:
        # By descriptor, so that the content decides and not the name's extension.
        return soundfile.SoundFile(handle.fileno(), closefd=False)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError, OSError) as error:
        reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
        if "does not exist" in reason:  # what libsndfile says when nothing in it knows the contents
            reason = "unknown contents"
        raise AudioError(
            f"'{name}' is not a sound file that edge-daemon can read ({reason}).",
            "Use WAV, RF64, WAVE64, AIFF, FLAC or Ogg; the file may be damaged.",
        ) from None


# How libsndfile's log states that the header promises more than the file holds, per container.
_PROMISES = (
    re.compile(r"^ *(?:data|SSND|Data Size) *: (?P<said>\d+) \(should be (?P<there>\d+)\)", re.MULTILINE),
    re.compile(r"Calculated frame count (?P<there>\d+) does not match value from 'ds64' chunk of (?P<said>\d+)"),
    re.compile(r"^riff : (?P<said>\d+) \(should be (?P<there>\d+)\)", re.MULTILINE),
)


def _missing_frames(sound: Any) -> int:
    """Frames that the header promises beyond those that are there; 0 where the length was left open by the writer."""
    width = _BYTES.get(sound.subtype)
    if width is None:  # compressed: what is missing shows while reading
        return 0
    for unit, pattern in zip((width * sound.channels, 1, width * sound.channels), _PROMISES, strict=True):
        match = pattern.search(sound.extra_info)
        if match:
            said, there = int(match["said"]), int(match["there"])
            # Writers into pipes can't know the length and put a number near 2³¹, 2³² or 2⁶³.
            if said >= 1 << 62 or any(abs(said - bound) < 1 << 16 for bound in (1 << 31, 1 << 32)):
                return 0
            return -(-max(0, said - there) // int(unit))  # the last sample that is there may be a part only
    return 0
