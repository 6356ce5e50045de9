"""What a sound file holds: how much by its header, how much by its bytes, and the stretches in which it can be read."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Protocol

from edge_daemon.audio.decoding.chunks import corrected, data_extent, sound_begins
from edge_daemon.audio.decoding.flac import FlacFrames
from edge_daemon.audio.decoding.mpeg import MpegFrames
from edge_daemon.audio.decoding.ogg import OggPages, PageRun
from edge_daemon.audio.decoding.stretch import (
    DECODING_ERRORS,
    LibraryStretch,
    PlainStretch,
    SampleForm,
    Sequential,
    Stretch,
)
from edge_daemon.errors import AudioError

_WIDTHS = {
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
_PACKED = {("PAF", "PCM_24"), ("SDS", "PCM_S8"), ("SDS", "PCM_16"), ("SDS", "PCM_24")}  # not one sample after the other
_DENSEST = 5  # samples in a byte: GSM 06.10
_BIG = frozenset({"AIFF", "AU", "SVX", "PVF", "HTK", "AVR", "PAF"})


class Contents(Protocol):
    """What a file holds; frames are samples of all channels.

    Attributes:
        rate: Hz.
        channels: 1 or more.
        said: frames by the header; None where it leaves that open or is not to be believed.
        held: frames that the bytes can hold.
        exact: whether `held` is exact; MP3's decoders drop a part of the first frame.
        end_missing: whether the file ends before its format says that the stream does.
    """

    rate: int
    channels: int
    said: int | None
    held: int
    exact: bool
    end_missing: bool

    def stretch(self, position: int) -> Stretch | None:
        """The next sound that can be read at frame `position` or behind it; None where there is none.

        Called again after a stretch has ended or turned out to be damaged; positions never become smaller.
        """

    def close(self) -> None:
        """Close what was opened; not the file itself."""


def open_contents(file: BinaryIO, name: str) -> Contents:
    """Look at a file.

    Args:
        file: open for reading, at its beginning.
        name: for errors.

    Raises:
        AudioError: it is no sound file that libsndfile knows.
    """
    try:
        # By descriptor, so that the content decides and not the name's extension.
        sound = Sequential(file.fileno(), closefd=False)
    except (*DECODING_ERRORS, TypeError, ValueError) as error:
        raise _refused(name, error) from None
    try:
        return _contents(file, sound)
    except BaseException:
        sound.close()
        raise


def _contents(file: BinaryIO, sound: Any) -> Contents:
    if sound.format == "FLAC":
        try:
            return _Flac(file, sound)
        except ValueError:
            return _Other(file, sound)
    if sound.format in {"MP3", "MPEG"} or (sound.format != "WAV" and sound.subtype.startswith("MPEG")):
        return _Mpeg(file, sound)
    if sound.format == "OGG":
        return _Ogg(file, sound)
    if sound.subtype in _WIDTHS and (sound.format, sound.subtype) not in _PACKED:
        return _Plain(file, sound)
    return _Other(file, sound)


class _Decoded:
    """What all have in common: libsndfile's view of the file, read first where it can be."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        self.rate, self.channels = int(sound.samplerate), int(sound.channels)
        self.said: int | None = int(sound.frames)
        self.held = int(sound.frames)
        self.exact = True
        self.end_missing = False
        self._file, self._sound = file, sound
        self._begun = False

    def _from(self, position: int, *, whole_blocks: bool = False) -> Stretch | None:
        """What libsndfile makes of the file itself, once."""
        if self._begun or position >= self.held:
            return None
        self._begun = True
        try:
            if position:
                self._sound.seek(position)
        except DECODING_ERRORS:
            return None
        return LibraryStretch(self._sound, position, self.held - position, whole_blocks=whole_blocks)

    def close(self) -> None:
        """Close libsndfile's object."""
        self._sound.close()


class _Plain(_Decoded):
    """Samples one after the other: what the header gets wrong can be read all the same."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        width = _WIDTHS[sound.subtype]
        self._form = SampleForm(self.rate, self.channels, sound.subtype, _endian(file, sound), width)
        size = self._form.frame
        self._offset = _first_sample(file, sound)
        extent = data_extent(file, self._offset, int(sound.frames) * size)
        self.said = None if extent.said is None else extent.said // size
        self.held = extent.held // size

    def stretch(self, position: int) -> Stretch | None:
        """As `Contents` has it."""
        if position >= self.held:
            return None
        if not self._begun and self._sound.frames >= self.held:
            return self._from(position)
        offset = self._offset + position * self._form.frame
        return PlainStretch(self._file, offset, position, self.held - position, self._form)


class _Flac(_Decoded):
    """Frames with numbers: read by libsndfile up to damage, or to the length in the header, then on our own."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        self._frames = FlacFrames(file)
        self.said, self.held = self._frames.said, self._frames.held

    def stretch(self, position: int) -> Stretch | None:
        """As `Contents` has it."""
        if position or self._begun:
            return self._frames.stretch(position)
        return self._from(0, whole_blocks=True)


class _Mpeg(_Decoded):
    """Frames without numbers: libsndfile is shown them run by run, behind a note of how many there are."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        frames = MpegFrames(file)
        self._frames = frames
        self._places = [place * frames.samples for place in frames.places()]
        self._told = len(frames.runs) == 1 and frames.noted == frames.frames
        if self._told or not frames.runs:
            return
        self.exact = False
        self.said = None if frames.noted is None else frames.noted * frames.samples
        self.held = self._places[-1] + frames.runs[-1].frames * frames.samples
        self._next = 0

    def stretch(self, position: int) -> Stretch | None:
        """As `Contents` has it."""
        if self._told or not self._frames.runs:
            return self._from(position)
        while self._next < len(self._places):
            run, place = self._frames.runs[self._next], self._places[self._next]
            self._next += 1
            shown = self._frames.counted(run)
            stretch = None if shown is None else _opened(shown, place, position, self.channels)
            if stretch is not None:
                return stretch
        return None


class _Ogg(_Decoded):
    """Pages with counts: where some are missing, each run of good ones is decoded on its own and put in its place."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        self._pages = OggPages(file)
        self.end_missing = bool(self._pages.runs) and not self._pages.ended
        self._runs: list[tuple[int, PageRun]] = []
        if len(self._pages.runs) > 1:
            self._place_runs()
        self.said = None
        if self._runs:
            self.held = self._runs[-1][0] + self._frames_of(self._runs[-1][1])

    def stretch(self, position: int) -> Stretch | None:
        """As `Contents` has it."""
        if not self._runs:
            return self._from(position)
        while self._runs:
            place, run = self._runs.pop(0)
            stretch = _opened(self._pages.shown(run), place, position, self.channels)
            if stretch is not None:
                return stretch
        return None

    def _place_runs(self) -> None:
        """Where each run begins: its end is told by its last page, its length by the decoder."""
        link, base, end = 0, 0, 0
        units = 48_000 / self.rate if self._sound.subtype == "OPUS" else 1.0
        skip: int | None = None
        for run in self._pages.runs:
            if run.link != link:
                link, base, skip = run.link, end, None
            frames = self._frames_of(run)
            last = round(run.last / units)
            if skip is None:  # Opus counts what its decoder needs to get going, too
                skip = max(0, last - frames) if self._sound.subtype == "OPUS" else 0
            end = max(end, base + last - skip)
            self._runs.append((max(0, end - frames), run))

    def _frames_of(self, run: PageRun) -> int:
        try:
            with Sequential(self._pages.shown(run)) as sound:
                return int(sound.frames)
        except (*DECODING_ERRORS, TypeError, ValueError):
            return 0


class _Other(_Decoded):
    """Sound packed in blocks: libsndfile reads it, from a header with true sizes if ours are not."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        begin = sound_begins(file)
        if begin is None:
            return
        extent = data_extent(file, begin, 0)
        sized = extent.held if extent.said is None else min(extent.said, extent.held)
        if extent.said != extent.held and self._correct(begin, extent.held):
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

    def _correct(self, begin: int, held: int) -> bool:
        """Show libsndfile true sizes; return whether that made it read the file."""
        shown = corrected(self._file, begin, held)
        try:
            sound = None if shown is None else Sequential(shown)
        except (*DECODING_ERRORS, TypeError, ValueError):
            return False
        if sound is None:
            return False
        self._sound.close()
        self._sound = sound
        return True

    def stretch(self, position: int) -> Stretch | None:
        """As `Contents` has it."""
        return self._from(position)


def _first_sample(file: BinaryIO, sound: Any) -> int:
    """Byte of the first sample: libsndfile goes there, with the descriptor that it shares with the file."""
    sound.seek(0)
    return os.lseek(file.fileno(), 0, os.SEEK_CUR)


def _opened(shown: Any, place: int, position: int, channels: int) -> Stretch | None:
    """A run as a stretch; None where it cannot be decoded, or lies before what was read already."""
    try:
        sound = Sequential(shown)
    except (*DECODING_ERRORS, TypeError, ValueError):
        return None
    skip = max(0, position - place)
    if sound.channels != channels or skip >= sound.frames:
        sound.close()
        return None
    try:
        sound.read(skip, dtype="float32")  # a run begins anywhere in its stream, and can't be sought in
    except DECODING_ERRORS:
        return None
    return LibraryStretch(sound, place + skip, int(sound.frames) - skip)


def _endian(file: BinaryIO, sound: Any) -> str:
    """Which byte of a sample comes first."""
    if sound.endian != "FILE":
        return str(sound.endian)
    head = os.pread(file.fileno(), 4096, 0)
    if sound.format == "AIFF":
        return "LITTLE" if b"sowt" in head else "BIG"
    if sound.format == "CAF":
        at = head.find(b"desc")
        return "LITTLE" if at >= 0 and int.from_bytes(head[at + 24 : at + 28], "big") & 2 else "BIG"
    if head[:4] in {b"RIFX", b".snd"}:
        return "BIG"
    return "BIG" if sound.format in _BIG and head[:4] != b"dns." else "LITTLE"


def _refused(name: str, error: Exception) -> AudioError:
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
    if "does not exist" in reason:  # what libsndfile says when nothing in it knows the contents
        reason = "unknown contents"
    return AudioError(
        f"'{name}' is not a sound file that edge-daemon can read ({reason}).",
        "Use WAV, RF64, WAVE64, AIFF, FLAC or Ogg; the file may be damaged.",
    )
