"""How long a recording is, without reading its sound.

Most formats tell by their header, or by the place of their last frame. How long an MP3 file is follows from the note in
its first frame, if there is one, and that of an Ogg file from its last page; damage is found by whoever reads it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from edge_daemon.audio.decoding.contents import OPENING_ERRORS
from edge_daemon.audio.decoding.disk_bytes import bytes_at
from edge_daemon.audio.decoding.id3 import after_id3
from edge_daemon.audio.decoding.stretch import Sequential
from edge_daemon.audio.sound_file import LONGEST_S, FileSource


@dataclass(frozen=True, slots=True)
class SoundLength:
    """What a file promises.

    Attributes:
        rate: Hz.
        channels: how many.
        frames: samples of each, 1 or more.
    """

    rate: int
    channels: int
    frames: int


def sound_length(file: BinaryIO, path: str | os.PathLike[str]) -> SoundLength | None:
    """The length of a file; None where nobody knows it before all has been read, or where it has no sound.

    Args:
        file: open for reading; not read by now through Python's buffer.
        path: where it is.

    Raises:
        AudioError: as `FileSource`.
        OSError: it cannot be read.
    """
    descriptor = file.fileno()
    os.lseek(descriptor, 0, os.SEEK_SET)  # for libsndfile
    head = bytes_at(descriptor, 4, after_id3(file))  # and the descriptor stays there
    if head == b"OggS" or (len(head) == 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        if head != b"OggS" and not _mpeg_tells(file):
            return None
        try:
            with Sequential(descriptor, closefd=False) as sound:
                return _plausible(int(sound.samplerate), int(sound.channels), int(sound.frames))
        except OPENING_ERRORS:
            return None
    if head == b"fLaC":
        from edge_daemon.audio.decoding.flac import FlacFrames

        try:
            flac = FlacFrames(file)
        except ValueError:
            return None
        if flac.said in {None, flac.held}:  # else the whole is looked through
            return _plausible(flac.rate, flac.channels, flac.held)
        os.lseek(descriptor, 0, os.SEEK_SET)
    with FileSource(path, block_seconds=0.0, file=file) as source:
        return _plausible(source.rate, source.channels, source.frames)


def _mpeg_tells(file: BinaryIO) -> bool:
    from edge_daemon.audio.decoding.mpeg import tells_its_length

    return tells_its_length(file)


def _plausible(rate: int, channels: int, frames: int) -> SoundLength | None:
    return SoundLength(rate, channels, frames) if rate > 0 and 0 < frames / rate < LONGEST_S else None
