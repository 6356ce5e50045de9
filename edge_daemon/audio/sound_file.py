"""Recordings: a sound file read in blocks, one channel of it, in constant memory.

libsndfile (through soundfile) decodes WAV in all its widths, RF64, WAVE64, AIFF, FLAC, Ogg, MP3 and more. A header may
promise more or less than there is: what the bytes hold is heard, and the difference is a defect. What can't be decoded
becomes a gap with the cause "read_error", and reading goes on behind it, so that all is heard or accounted for.
"""

from __future__ import annotations

import os
import stat
from datetime import datetime
from typing import BinaryIO

import numpy as np

from edge_daemon.audio.decoding.contents import Contents
from edge_daemon.audio.decoding.opening import open_contents
from edge_daemon.audio.decoding.stretch import Damaged, DecodableStretch
from edge_daemon.audio.defect import Defect, DefectKind
from edge_daemon.audio.regular_file import open_regular
from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.start_time import StartTime, start_from_name
from edge_daemon.errors import AudioError

LOWEST_RATE, HIGHEST_RATE = 100, 1_000_000  # Hz: seismometers … fast bat and porpoise recorders
TOLERANCE_S = 2.0
"""A shorter difference between header and file is no defect: about a window."""
LONGEST_S = 400 * 86_400.0
"""A length that no recording has: a header that promises more says nothing."""
_FILLING_S = 0.1  # what follows the sound that the header promises is filling, or a tag, if it is no longer
_MOST_VALUES = 1 << 18  # in one read, over all channels: 1 MiB of float32


class FileSource:
    """One channel of a sound file as an `AudioSource`.

    Samples are float32, integers scaled to ±1, floating-point files as they are (NaN and infinities included: the
    resampler cuts them out).

    Args:
        path: the file.
        channel: counted from 0.
        block_seconds: wished length of a block; shortened so that a read takes at most 1 MiB.
        start: when the first sample was taken, if known better than from the file's name.
        tolerance_s: shortest difference between header and file that matters, seconds.
        file: the file, if it is open for reading, at its beginning; it is closed with the source.

    Attributes:
        rate: Hz.
        name: the path.
        channels: how many the file has.
        said: samples per channel by the header; None where it leaves that open, or promises more than any file has.
        frames: samples per channel that the file should give (what is missing of them comes as gaps); exact after the
            last `read`.
        by_library: whether libsndfile decodes it, which takes long beside plain samples.
        read_frames: samples per channel that were read by now.
        start: when the first sample was taken and how that is known, or None.
        defects: what is wrong with the file, as far as known by now; all of it after the last `read`.

    Raises:
        AudioError: no such file, no permission, a folder, not a sound file, no such channel, an unusable sample rate.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        channel: int = 0,
        block_seconds: float = 4.0,
        start: StartTime | None = None,
        tolerance_s: float = TOLERANCE_S,
        file: BinaryIO | None = None,
    ) -> None:
        self.name = str(path)
        self.defects: list[Defect] = []
        self.read_frames = 0
        self._ended = False
        self._contents: Contents | None = None
        self._handle = _open(os.fspath(path)) if file is None else file
        try:
            contents = self._contents = open_contents(self._handle, self.name)
            self.rate, self.channels, self.said = contents.rate, contents.channels, contents.said
            self.by_library = contents.by_library
            self._check(channel)
            self._absurd = self.said is not None and max(0, self.said - contents.held) > LONGEST_S * self.rate
            self.said = None if self._absurd else self.said
        except BaseException:
            self.close()
            raise
        self.start = start if start is not None else start_from_name(path)
        self._tolerance = max(1, round(tolerance_s * self.rate))
        self.frames = self._due(contents)
        self._channel = channel
        self._position = 0
        self._stretch: DecodableStretch | None = None
        self._torn = 0  # samples missing within the sound
        self._tears: list[int] = []
        self._torn_to = -1  # end of the last of them
        wished = max(1, round(block_seconds * self.rate))
        self._block = max(1, min(wished, _MOST_VALUES // self.channels))
        # where there are several channels, one of them is copied out of what was read
        self._buffer = np.empty((self._block, self.channels), np.float32) if self.channels > 1 else None

    @property
    def duration(self) -> float:
        """Seconds that the file should give."""
        return self.frames / self.rate

    @property
    def start_utc(self) -> datetime | None:
        """When the first sample was taken, aware, in UTC; None if not known."""
        return self.start.utc if self.start else None

    def read(self) -> Block | Gap | None:
        """Next block; at a damaged place a gap over what is missing; then None.

        Raises:
            AudioError: the file holds sound by its header, but not one sample can be decoded.
        """
        while not self._ended and self._contents is not None:
            if self._stretch is None:
                self._stretch = self._contents.stretch(self._position) if self._position < self.frames else None
                if self._stretch is None:
                    return self._finish(self._contents)
                missing = min(self._stretch.first, self.frames) - self._position
                if missing > 0:
                    return self._gap(missing)
            buffer = np.empty((self._block, 1), np.float32) if self._buffer is None else self._buffer
            try:
                count = self._stretch.read(buffer[: self.frames - self._position])
            except Damaged:
                count = 0
            if count:
                samples = buffer[:count, self._channel]
                block = Block(samples if self._buffer is None else samples.copy(), self._position)
                self._position += count
                self.read_frames += count
                return block
            self._stretch = None
        return None

    def skip_to(self, frame: int) -> None:
        """Read on at a later frame; only before the first `read`."""
        self._position = frame

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._ended = True
        if self._contents is not None:
            self._contents.close()
        self._handle.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _due(self, contents: Contents) -> int:
        """Samples that are to be expected: those that the file holds, and what it lacks of those promised."""
        said, held = self.said, contents.held
        if said is None:
            return held
        if held > said:
            return held if not said or held - said >= _FILLING_S * self.rate else said
        return said if said - held >= self._tolerance else held

    def _gap(self, missing: int) -> Gap:
        gap = Gap(self._position, missing, "read_error")
        if self._position != self._torn_to:  # else no sound was read in between: it is one place
            self._tears.append(self._position)
        self._torn += missing
        self._position += missing
        self._torn_to = self._position
        return gap

    def _finish(self, contents: Contents) -> Gap | None:
        """The end: say what is wrong, and account for what is missing."""
        self._ended = True
        missing = self.frames - self._position
        if self.frames and not self.read_frames:
            raise AudioError(
                f"'{self.name}' has the header of a sound file, but none of its sound can be decoded.",
                "It is probably damaged or only partly copied; copy it again.",
            )
        if missing < self._tolerance and not contents.exact:
            missing = 0
        self._judge(contents, missing)
        self.frames = self._position + max(0, missing)
        if missing <= 0:
            return None
        gap = Gap(self._position, missing, "read_error")
        self._position += missing
        return gap

    def _judge(self, contents: Contents, missing: int) -> None:
        """Find the defects, now that all has been read; `missing` samples lack at the end."""
        said, held = self.said, contents.held
        if not self.frames:
            self._tell("empty", 0, "holds no sound: it has a header and nothing behind it.")
        if self._torn:
            places = "in one place" if len(self._tears) == 1 else f"in {len(self._tears):,} places"
            where = f"{places}, first at {_seconds(self._tears[0] / self.rate)}"
            self._tell("damage", self._torn, f"is damaged: {self._of_all(self._torn)} can't be read, {where}.")
        if missing > 0:
            self._tell("cut_short", missing, f"is damaged or cut short: {self._of_all(missing)} can't be read.")
        elif self.frames and said is not None and held - said >= min(self._tolerance, self.frames):
            heard = _seconds(self.read_frames / self.rate)
            more = f"its header says {_seconds(said / self.rate)}, but {heard} of sound are in it and were read"
            self._tell("header", 0, f"was not finished by its recorder: {more}.")
        if self._absurd:
            heard = _seconds(self.read_frames / self.rate)
            self._tell("header", 0, f"promises more sound than any file has; {heard} of sound are in it and were read.")
        if contents.contradiction is not None:
            channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
            how = f"it was read at {self.rate:,} Hz with {channels}, and may sound otherwise"
            self._tell("header", 0, f"has a header that contradicts itself ({contents.contradiction}): {how}.")
        if contents.several:
            heard = _seconds(self.read_frames / self.rate)
            self._tell("header", 0, f"holds several recordings, one behind the other: only {heard} were read.")
        if contents.end_missing and missing <= 0:
            heard = _seconds(self.read_frames / self.rate)
            self._tell("end_missing", 0, f"has no end: it breaks off after {heard}; what followed is not in it.")

    def _tell(self, kind: DefectKind, lost: int, what: str) -> None:
        self.defects.append(Defect(kind, lost / self.rate, f"'{self.name}' {what}"))

    def _of_all(self, frames: int) -> str:
        return f"{_seconds(frames / self.rate)} of {_seconds(self.duration)}"

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


def _seconds(seconds: float) -> str:
    """For people: `0.512 s`, `45.0 s`, `1 h 2 min 3 s`."""
    if seconds < 1000:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min {whole % 60} s" if hours else f"{minutes} min {whole % 60} s"


def _open(path: str) -> BinaryIO:
    """Open a regular file for reading, or say why it can't be."""
    try:
        state = os.stat(path)  # noqa: PTH116 - a text
        mode = state.st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # raises if it may not be read
            raise AudioError(f"'{path}' is a folder.", "Name the sound files in it, or let replay search the folder.")
        if not stat.S_ISREG(mode):
            raise AudioError(f"'{path}' is not a regular file.", "For live sound, use `edge-daemon run`.")
        if state.st_size == 0:
            raise AudioError(f"'{path}' is empty (0 bytes).", "The recorder may have lost power; leave the file out.")
        return open_regular(path)
    except FileNotFoundError:
        if os.path.islink(path):  # noqa: PTH114
            target = os.fsencode(os.readlink(path)).decode("utf-8", errors="replace")  # noqa: PTH115
            raise AudioError(
                f"'{path}' is a link to '{target}', which is not there.", "Mount its disk, or remove the link."
            ) from None
        raise AudioError(f"There is no file '{path}'.", "Check the path.") from None
    except PermissionError:
        what = f"the folder '{path}'; what is in it was not heard" if _is_folder(path) else f"'{path}'"
        raise AudioError(f"No permission to read {what}.", "Check the permissions of file and folder.") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"'{path}' can't be opened: {reason}.", "Check the disk and the path.") from None


def _is_folder(path: str) -> bool:
    try:
        return os.path.isdir(path)  # noqa: PTH112
    except OSError:
        return False
