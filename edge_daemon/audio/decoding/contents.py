"""What a sound file holds: how much by its header, how much by its bytes, and the stretches in which it can be read."""

from __future__ import annotations

from typing import Any, BinaryIO, Protocol

from edge_daemon.audio.decoding.stretch import DECODING_ERRORS, DecodableStretch, LibraryStretch

OPENING_ERRORS = (*DECODING_ERRORS, TypeError, ValueError)
"""What opening a file that is none, or a damaged one, raises."""


class Contents(Protocol):
    """What a file holds; frames are samples of all channels.

    Attributes:
        rate: Hz.
        channels: 1 or more.
        said: frames by the header; None where it leaves that open or is not to be believed.
        held: frames that the bytes can hold.
        exact: whether `held` is exact; MP3's decoders drop a part of the first frame.
        end_missing: whether the file ends before its format says that the stream does.
        several: whether several recordings were put into the file, of which only the first is read.
        by_library: whether libsndfile decodes it, which takes long beside plain samples read from the bytes.
        contradiction: what in the header contradicts what, so that the sound may have another form than it is read in.
    """

    rate: int
    channels: int
    said: int | None
    held: int
    exact: bool
    end_missing: bool
    several: bool
    by_library: bool
    contradiction: str | None

    def stretch(self, position: int) -> DecodableStretch | None:
        """The next sound that can be read at frame `position` or behind it; None where there is none.

        Called again after a stretch has ended or turned out to be damaged; positions never become smaller.
        """

    def close(self) -> None:
        """Close what was opened; not the file itself."""


class LibraryContents:
    """What all have in common: libsndfile's view of the file, read first where it can be."""

    def __init__(self, file: BinaryIO, sound: Any) -> None:
        self.rate, self.channels = int(sound.samplerate), int(sound.channels)
        self.said: int | None = int(sound.frames)
        self.held = int(sound.frames)
        self.exact = True
        self.end_missing = self.several = False
        self.by_library = True
        self.contradiction: str | None = None
        self._file, self._sound = file, sound
        self._begun = False

    def _from(self, position: int, *, whole_blocks: bool = False) -> DecodableStretch | None:
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
