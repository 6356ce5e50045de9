"""A folder of labelled clips: one sub-folder per label, or sound files with a table of labels.

Sub-folders: `call/*.wav`, `noise/*.wav` or other words that `label_words` knows; with `call_words` any name will do.
Table: a CSV file in the folder (see `label_table`): whole files with `file,label`, or windows of longer files with
`file,start_s,label` (`file` may be left out where there is one recording).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.data.dataset import DataError, Dataset
from train.data.label_table import LabelRow, read_label_table
from train.data.label_words import label_of, unknown
from train.data.recording_index import RecordingIndex, by_time
from train.data.sound_file import is_sound, read_clip, read_window, sound_info
from train.data.span import clipped


@dataclass(frozen=True, slots=True)
class LabelledSound:
    """A window to be read: file, begin in seconds (None: the file's middle), and its label."""

    path: Path
    begin_s: float | None
    label: int


def read_labelled_folder(
    folder: Path, samples: int, rate: int, call_words: Collection[str] | None = None, channel: int = 0
) -> Dataset:
    """Reads a folder with one sub-folder per label.

    Args:
        folder: its sub-folders' names are labels.
        samples: samples in a window at `rate`.
        rate: samples per second.
        call_words: names that mean a call; None takes the known ones.
        channel: which channel of the files, from 0.

    Raises:
        DataError: no clips, or a folder whose name means neither.
    """
    found = [
        (below.name, path)
        for below in sorted(folder.iterdir())
        if below.is_dir() and not below.name.startswith(".")
        for path in below.rglob("*")
        if path.is_file() and is_sound(path)
    ]
    strange = unknown((name for name, _ in found), call_words)
    if strange:
        raise DataError(
            f"{folder}: it is not clear whether {', '.join(map(repr, strange))} means a call.",
            "Rename them to call and noise, or name those with calls by `python -m train prepare --call-label`.",
        )
    if not found:
        raise DataError(
            f"{folder} contains no sub-folders with clips.", "Put them into one sub-folder per label: call, noise."
        )
    sounds = [LabelledSound(path, None, label_of(name, call_words) or 0) for name, path in found]
    return read_sounds(folder, sorted(sounds, key=lambda sound: by_time(Path(sound.path.name))), samples, rate, channel)


def read_labelled_table(
    table: Path, samples: int, rate: int, call_words: Collection[str] | None = None, channel: int = 0
) -> Dataset:
    """Reads the sound files that a table of labels names, found below the table's folder.

    Arguments and errors as in `read_labelled_folder`.
    """
    rows, index = read_label_table(table), RecordingIndex(table.parent)
    strange = unknown((row.word for row in rows), call_words)
    if strange:
        raise DataError(
            f"{table}: it is not clear whether {', '.join(map(repr, strange))} means a call.",
            "Write 1 and 0, or name those that are calls by `python -m train prepare --call-label`.",
        )
    sounds = []
    for row in rows:
        where = f"{table}, line {row.line}"
        path = index.find(row.file, where, table.parent)
        begin_s = window_begin_s(row, samples / rate, path, where)
        sounds.append(LabelledSound(path, begin_s, label_of(row.word, call_words) or 0))
    sounds.sort(key=lambda sound: (by_time(sound.path), sound.begin_s or 0.0))
    return read_sounds(table.parent, sounds, samples, rate, channel)


def window_begin_s(row: LabelRow, length_s: float, path: Path, where: str) -> float | None:
    """Begin of the window for a row: around the middle of a span, at a begin without end, else None (whole file).

    Args:
        row: of a table of labels.
        length_s: of the window.
        path: the sound file.
        where: the table and line, for errors.

    Raises:
        DataError: the span runs backwards, or no part of it is in the file.
    """
    if math.isnan(row.begin_s):
        return None
    open_ended = math.isnan(row.end_s)
    end_s = row.begin_s + length_s if open_ended else row.end_s
    if not row.begin_s < end_s:
        raise DataError(f"{where}: a span from {row.begin_s} to {end_s} s.", "Correct the line.")
    first_s, last_s = clipped((row.begin_s, end_s), sound_info(path).duration_s, path, where)
    return row.begin_s if open_ended else (first_s + last_s - length_s) / 2.0


def read_sounds(folder: Path, sounds: Sequence[LabelledSound], samples: int, rate: int, channel: int) -> Dataset:
    """Reads windows in the order given, which is taken for their order in time; windows of one file are a group.

    Returns:
        audio and labels; no features yet.
    """
    audio = np.empty((len(sounds), samples), np.float32)
    for row, sound in enumerate(sounds):
        if sound.begin_s is None:
            audio[row] = read_clip(sound.path, samples, rate, channel)
        else:
            audio[row] = read_window(sound.path, sound.begin_s, samples, rate, channel)
    files = {path: number for number, path in enumerate(dict.fromkeys(sound.path for sound in sounds))}
    several = len(files) < len(sounds)
    return Dataset(
        name=folder.name,
        labels=np.array([sound.label for sound in sounds], np.uint8),
        order=np.arange(len(sounds), dtype=np.int64),
        group=np.array([files[sound.path] for sound in sounds], np.int64) if several else None,
        features=None,
        audio=audio,
        frontend=None,
        sample_rate=rate,
        credit="",
        names=tuple(
            sound.path.name if sound.begin_s is None else f"{sound.path.name}@{sound.begin_s:.3f}" for sound in sounds
        ),
    )
