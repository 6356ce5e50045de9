"""Reviewers' verdicts: what people said about detections, as the replay report exports it.

A CSV file with the columns `file,begin_s,end_s,verdict`; a verdict is `call`, `not a call` or `unsure`. Calls and
non-calls become windows around the middle of the detection; what is unsure teaches nothing and is left out, and so is a
row without a verdict, which has a remark alone. Several reviewers may have judged the same detection: where they
disagree it is left out, too.
"""

from __future__ import annotations

from pathlib import Path

from train.data.dataset import DataError, Dataset
from train.data.label_table import read_label_table
from train.data.label_words import normal
from train.data.labelled_clips import LabelledSound, read_sounds, window_begin_s
from train.data.recording_index import RecordingIndex, by_time
from train.data.text_file import read_text

VERDICTS: dict[str, int | None] = {"call": 1, "not_a_call": 0, "unsure": None}


def is_verdicts(path: Path) -> bool:
    """Whether a CSV file's header has a column `verdict`."""
    try:
        header = read_text(path, "").partition("\n")[0]
    except DataError:
        return False
    return "verdict" in {
        cell.strip().strip('"').lower() for cell in header.replace(";", ",").replace("\t", ",").split(",")
    }


def read_verdicts(table: Path, recordings: Path | None, samples: int, rate: int, channel: int = 0) -> Dataset:
    """Reads the windows that reviewers judged.

    Args:
        table: the CSV file.
        recordings: folder of the recordings; None is the table's own folder.
        samples: samples in a window at `rate`.
        rate: samples per second.
        channel: which channel of the recordings, from 0.

    Raises:
        DataError: an unknown verdict, a missing time or recording, a time outside the recording, or nothing but doubts.
    """
    index = RecordingIndex(recordings or table.parent)
    judged: dict[tuple[Path, float], set[int | None]] = {}
    for row in read_label_table(table):
        word = normal(row.word)
        if not word:
            continue
        if word not in VERDICTS:
            raise DataError(
                f"{table}, line {row.line}: {row.word!r} is not a verdict.", "A verdict is call, not a call or unsure."
            )
        where = f"{table}, line {row.line}"
        path = index.find(row.file, where, recordings or table.parent)  # replay writes paths within its recordings
        begin_s = window_begin_s(row, samples / rate, path, where)
        if begin_s is None:
            raise DataError(f"{where}: no begin_s.", "Export the verdicts again.")
        judged.setdefault((path, round(begin_s, 3)), set()).add(VERDICTS[word])
    sounds, unsure, disputed = [], 0, 0
    for (path, begin_s), verdicts in judged.items():
        labels = verdicts - {None}
        if len(labels) == 1:
            sounds.append(LabelledSound(path, begin_s, int(labels == {1})))
        elif labels:
            disputed += 1
        else:
            unsure += 1
    if not sounds:
        raise DataError(f"{table} contains no judged detections.", "Judge detections first: call or not a call.")
    sounds.sort(key=lambda sound: (by_time(sound.path), sound.begin_s))
    data = read_sounds(table.parent, sounds, samples, rate, channel)
    notes = []
    if unsure:
        notes.append(f"{unsure} detections judged unsure were left out.")
    if disputed:
        notes.append(f"{disputed} detections on which reviewers disagree were left out.")
    return Dataset(**{**vars(data), "name": table.stem, "notes": tuple(notes)})
