"""Reading windows of sound out of files, at the models' rate.

Anything that libsndfile reads (WAV, AIFF, FLAC, Ogg, …), any sample rate, one channel of many. Only the asked span is
read, so a day-long recording costs no more than a short one. The sample rate is changed by soxr at the quality that
the daemon uses (`edge_daemon.audio.resample`, which cuts a stream into chunks for it).
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from train.data.dataset import DataError

SUFFIXES = (".wav", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".w64", ".rf64", ".caf", ".au", ".mp3", ".opus")
"""Endings of file names that are taken for sound."""
MARGIN_S = 0.25
"""Sound read before and after a span, so that the resampler's filter does not see an edge."""


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """Length in seconds, samples per second and number of channels of a file."""

    duration_s: float
    rate: int
    channels: int


def sound_info(path: Path) -> SoundInfo:
    """What a file holds.

    Raises:
        DataError: it cannot be read as sound.
    """
    try:
        info = sf.info(path)
    except (sf.LibsndfileError, OSError) as error:
        raise DataError(
            f"{path} cannot be read as sound: {error}", "Remove it, or convert it to WAV or FLAC."
        ) from error
    return SoundInfo(info.frames / info.samplerate, info.samplerate, info.channels)


def is_sound(path: Path) -> bool:
    """Whether a path looks like a sound file by its ending (hidden files do not)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_window(
    source: Path | bytes, begin_s: float, samples: int, rate: int, channel: int = 0, name: str = ""
) -> NDArray[np.float32]:
    """Reads one window, kept within the file.

    Args:
        source: the file, or its bytes.
        begin_s: where the window should begin, seconds; moved so that the window lies within the file. Whoever takes
            it from a table sees to it that the sound meant is in the file (`train.data.span.clipped`).
        samples: length of the window at `rate`.
        rate: samples per second wanted.
        channel: which channel, from 0.
        name: what to call `source` in errors, where it is bytes.

    Returns:
        float32 [samples], full scale ±1. A file shorter than the window lies in its middle, zeros around.

    Raises:
        DataError: the file cannot be read, is empty, or has fewer channels.
    """
    name = name or str(source)
    try:
        with sf.SoundFile(BytesIO(source) if isinstance(source, bytes) else source) as file:
            if file.frames == 0:
                raise DataError(f"{name} contains no samples.", "Remove it from the data set.")
            if channel >= file.channels:
                raise DataError(f"{name} has {file.channels} channels, not {channel + 1}.", "Choose another channel.")
            length_s = samples / rate
            begin_s = min(max(begin_s, 0.0), max(file.frames / file.samplerate - length_s, 0.0))
            margin_s = 0.0 if file.samplerate == rate else MARGIN_S
            first = round(max(begin_s - margin_s, 0.0) * file.samplerate)
            last = min(round((begin_s + length_s + margin_s) * file.samplerate), file.frames)
            file.seek(first)
            sound = file.read(last - first, dtype="float32", always_2d=True)[:, channel]
            own_rate = file.samplerate
    except (sf.LibsndfileError, OSError) as error:
        raise DataError(
            f"{name} cannot be read as sound: {error}", "Remove it, or convert it to WAV or FLAC."
        ) from error
    if own_rate != rate:
        sound = soxr.resample(sound, own_rate, rate, quality="HQ")
    skip = round((begin_s - first / own_rate) * rate)
    return centred(sound[skip : skip + samples], samples)


def read_clip(source: Path | bytes, samples: int, rate: int, channel: int = 0, name: str = "") -> NDArray[np.float32]:
    """Reads the middle of a clip: a longer one is cut on both sides, a shorter one gets zeros on both sides.

    Arguments, results and errors as in `read_window`.
    """
    if isinstance(source, bytes):
        try:
            info = sf.info(BytesIO(source))
        except sf.LibsndfileError as error:
            raise DataError(f"{name} cannot be read as sound: {error}", "Download it again.") from error
        duration_s = info.frames / info.samplerate
    else:
        duration_s = sound_info(source).duration_s
    return read_window(source, (duration_s - samples / rate) / 2.0, samples, rate, channel, name)


def centred(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Sound in the middle of `samples` samples, zeros around where it is shorter, cut at the end where longer."""
    missing = samples - len(sound)
    if missing <= 0:
        return sound[:samples]
    padded: NDArray[np.float32] = np.pad(sound, (missing // 2, missing - missing // 2))
    return padded
