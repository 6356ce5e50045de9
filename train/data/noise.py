"""Recordings without calls: `noise:FOLDER` cuts every sound file below a folder into windows labelled 0.

For sound that is known to hold no right whale: another ocean, another season, harbour tests. It is what augmentation
mixes into clips, and what false alarms are counted on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from train.data.dataset import DataError, Dataset
from train.data.labelled_clips import LabelledSound, read_sounds
from train.data.recording_index import RecordingIndex
from train.data.sound_file import sound_info

PREFIX = "noise:"


def read_noise(folder: Path, samples: int, rate: int, channel: int = 0) -> Dataset:
    """Cuts recordings into windows, back to back; what is left at a file's end is covered by one more, overlapping.

    Args:
        folder: searched with its sub-folders; or one sound file.
        samples: samples in a window at `rate`.
        rate: samples per second.
        channel: which channel, from 0.

    Returns:
        audio, labels all 0, a group for each file; no features yet.

    Raises:
        DataError: no sound files, or one that cannot be read.
    """
    paths = [folder] if folder.is_file() else RecordingIndex(folder).paths
    if not paths:
        raise DataError(f"{folder} contains no sound files.", "Give a folder with WAV, AIFF, FLAC or Ogg files.")
    length_s, sounds = samples / rate, []
    for path in paths:
        duration_s = sound_info(path).duration_s
        whole = max(int(duration_s / length_s + 1e-9), 1)
        begins = [number * length_s for number in range(whole)]
        if duration_s - whole * length_s > length_s / 4:
            begins.append(duration_s - length_s)
        sounds += [LabelledSound(path, begin_s, 0) for begin_s in begins]
    return replace(read_sounds(folder, sounds, samples, rate, channel), name=folder.stem)
