"""Contents of formats that have frames or pages: FLAC, MP3, Ogg."""

from __future__ import annotations

from typing import Any, BinaryIO

from edge_daemon.audio.decoding.contents import OPENING_ERRORS, LibraryContents
from edge_daemon.audio.decoding.flac import FlacFrames
from edge_daemon.audio.decoding.mpeg import MpegFrames
from edge_daemon.audio.decoding.ogg import OggPages, PageRun
from edge_daemon.audio.decoding.stretch import DECODING_ERRORS, DecodableStretch, LibraryStretch, Sequential

_MOST_PADDING = 2 * 4095
"""Samples that LAME's note can say to be none, before and behind the sound."""
_UNKNOWN = 1 << 62
"""Frames that libsndfile gives where it has not found the end of a stream."""


def flac_without_notes(file: BinaryIO) -> Any:
    """A FLAC file as libsndfile sees it without what stands between its first block and its sound, open; or None."""
    try:
        frames = FlacFrames(file)
        return Sequential(frames.without_notes()) if frames.held else None
    except OPENING_ERRORS:
        return None


class FlacContents(LibraryContents):
    """Frames with numbers: read by libsndfile up to damage, or to the length in the header, then on our own."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        self._frames = FlacFrames(file)
        self.said, self.held = self._frames.said, self._frames.held
        self.several = not self._frames.in_order
        if self._frames.frame_rate != self.rate:
            self.contradiction = f"{self.rate:,} Hz, but {self._frames.frame_rate:,} Hz in its frames"
        if self.several and self.said is not None:
            self.held = self.said

    def stretch(self, position: int) -> DecodableStretch | None:
        """As `Contents` has it."""
        if position or self._begun:
            return self._frames.stretch(position)
        return self._from(0, whole_blocks=True)


class MpegContents(LibraryContents):
    """Frames without numbers: libsndfile is shown them run by run, behind a note of how many there are."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        frames = MpegFrames(file)
        self._frames = frames
        self._places = [place * frames.samples for place in frames.places()]
        # libsndfile may not know the note as one, and guess
        unheard = frames.frames * frames.samples - int(sound.frames)
        self._told = len(frames.runs) == 1 and frames.noted == frames.frames and 0 <= unheard <= _MOST_PADDING
        if self._told or not frames.runs:
            return
        self.exact = False
        self.said = None if frames.noted is None else frames.noted * frames.samples
        self.held = self._places[-1] + frames.runs[-1].frames * frames.samples
        self._next = 0

    def stretch(self, position: int) -> DecodableStretch | None:
        """As `Contents` has it."""
        if self._told or not self._frames.runs:
            return self._from(position)
        while self._next < len(self._places):
            run, place = self._frames.runs[self._next], self._places[self._next]
            self._next += 1
            shown = self._frames.counted(run)
            stretch = None if shown is None else _run_stretch(shown, place, position, self.channels)
            if stretch is not None:
                return stretch
        return None


class OggContents(LibraryContents):
    """Pages with counts: where some are missing, each run of good ones is decoded on its own and put in its place."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        super().__init__(file, sound)
        self._pages = OggPages(file)
        self.end_missing = bool(self._pages.runs) and not self._pages.ended
        self._runs: list[tuple[int, PageRun]] = []
        if len(self._pages.runs) > 1 or sound.frames >= _UNKNOWN:
            self._place_runs()
        self.said = None
        if self._runs:
            self.held = self._runs[-1][0] + self._frames_of(self._runs[-1][1])

    def stretch(self, position: int) -> DecodableStretch | None:
        """As `Contents` has it."""
        if not self._runs:
            return self._from(position)
        while self._runs:
            place, run = self._runs.pop(0)
            stretch = _run_stretch(self._pages.shown(run), place, position, self.channels)
            if stretch is not None:
                return stretch
        return None

    def _place_runs(self) -> None:
        """Where each run begins: its end is told by its last page, its length by the decoder."""
        opus = self._sound.subtype == "OPUS"
        units = 48_000 / self.rate if opus else 1.0
        link, base, end = -1, 0, 0
        skip = 0  # what Opus counts, but its decoder needs to get going
        for run in self._pages.runs:
            if self._other_rate(run):  # another recording, whose samples are no seconds of this one
                self.several = True
                continue
            frames, last, begins = self._frames_of(run), round(run.last / units), run.link != link
            if begins:
                link, base, skip = run.link, end, min(max(0, last - frames), self.rate // 10) if opus else 0
            end = max(end, base + last - skip)
            # in the middle of a stream libsndfile leaves as much out at the end instead
            self._runs.append((max(0, end - frames - (0 if begins else skip)), run))

    def _other_rate(self, run: PageRun) -> bool:
        try:
            with Sequential(self._pages.shown(run)) as sound:
                return int(sound.samplerate) != self.rate
        except OPENING_ERRORS:
            return False

    def _frames_of(self, run: PageRun) -> int:
        try:
            with Sequential(self._pages.shown(run)) as sound:
                return int(sound.frames)
        except OPENING_ERRORS:
            return 0


def _run_stretch(shown: Any, place: int, position: int, channels: int) -> DecodableStretch | None:
    """A run as a stretch; None where it cannot be decoded, or lies before what was read already."""
    try:
        sound = Sequential(shown)
    except OPENING_ERRORS:
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
