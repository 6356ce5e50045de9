"""Marks: what an analyst marked in recordings, from Raven selection tables or from a CSV file.

A folder has recordings and their selection tables (`NAME.selections.txt`, `NAME.Table.1.selections.txt`, or any table
whose column `Begin File` names its recording); a CSV file has the columns `file,begin_s,end_s` and, where not every row
is a call, `label`. A recording with marks was listened to from begin to end, unless a file `listened.csv`
(`file,begin_s,end_s`) beside the tables says which parts; an empty Raven table means that it holds nothing.
Recordings without a table are left alone, since a call may hide anywhere in them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from train.data.dataset import DataError
from train.data.label_table import read_label_table
from train.data.label_words import label_of
from train.data.raven import Selection, is_raven_table, read_raven_table
from train.data.recording_index import RecordingIndex, by_time
from train.data.sound_file import sound_info

LISTENED = "listened.csv"
Span = tuple[float, float]
"""Begin and end, seconds after the begin of the recording."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One marked sound: begin and end in seconds, and whether it is a call."""

    begin_s: float
    end_s: float
    call: bool


@dataclass(frozen=True, slots=True)
class MarkedRecording:
    """A recording that somebody listened to.

    Args:
        path: the sound file.
        duration_s: its length, seconds.
        marks: what was marked, in the table's order.
        heard: what was listened to, within the recording.
    """

    path: Path
    duration_s: float
    marks: tuple[Mark, ...]
    heard: tuple[Span, ...]

    @property
    def calls(self) -> tuple[Span, ...]:
        """The calls among the marks."""
        return tuple((mark.begin_s, mark.end_s) for mark in self.marks if mark.call)


RUN_TABLE = "selections.txt"
"""The table of a whole replay, which repeats those of its recordings."""


def tables_in(folder: Path) -> list[Path]:
    """Raven selection tables below a folder, in order of their names; a replay's joined one only if it stands alone."""
    tables = sorted((path for path in folder.rglob("*") if path.is_file() and is_raven_table(path)), key=by_time)
    alone = {path.parent for path in tables} - {path.parent for path in tables if path.name != RUN_TABLE}
    return [path for path in tables if path.name != RUN_TABLE or path.parent in alone]


def read_marks(source: Path, index: RecordingIndex, call_words: Collection[str] | None = None) -> list[MarkedRecording]:
    """Reads the marks below a folder, or those of a CSV file.

    Args:
        source: the folder, or the file.
        index: the recordings that tables may be about.
        call_words: annotations that mean a call. None: with one annotation (or none) in all tables every mark is a
            call; with several the known words are.

    Returns:
        the recordings that have marks, in order of time.

    Raises:
        DataError: no tables, a recording that is missing, a mark outside its recording, or annotations of which none
            is known to be a call.
    """
    marked = _table_rows(source, index) if source.is_file() else _selections(source, index)
    is_call = _judge(source, [selection for found in marked.values() for selection in found], call_words)
    listened = _listened(source.parent if source.is_file() else source, index)
    recordings = []
    for path in sorted(marked, key=by_time):
        duration_s = sound_info(path).duration_s
        for selection in marked[path]:
            if selection.begin_s >= duration_s:
                raise DataError(
                    f"{path} lasts {duration_s:.1f} s, but a selection begins at {selection.begin_s:.1f} s.",
                    "Add Begin File and File Offset (s) to the table, or put the right recording next to it.",
                )
        heard = [(0.0, duration_s)] if listened is None else listened.get(path, [])
        recordings.append(
            MarkedRecording(
                path,
                duration_s,
                tuple(Mark(found.begin_s, found.end_s, is_call(found)) for found in marked[path]),
                tuple((max(begin, 0.0), min(end, duration_s)) for begin, end in heard),
            )
        )
    return recordings


def _table_rows(table: Path, index: RecordingIndex) -> dict[Path, list[Selection]]:
    """Rows of a CSV file as selections of each recording."""
    marked: dict[Path, list[Selection]] = {}
    for row in read_label_table(table, unlabelled="call"):
        if not row.begin_s < row.end_s:  # not a number counts as no time
            raise DataError(
                f"{table}, line {row.line}: a mark needs begin_s and end_s, the latter after the former.",
                "Correct the line.",
            )
        path = index.find(row.file, f"{table}, line {row.line}")
        marked.setdefault(path, []).append(Selection(row.begin_s, row.end_s, math.nan, math.nan, (row.word,), row.file))
    return marked


def _selections(folder: Path, index: RecordingIndex) -> dict[Path, list[Selection]]:
    """Selections of each recording that was listened to; an empty table means that it held none."""
    tables = tables_in(folder)
    if not tables:
        raise DataError(f"{folder} contains no Raven selection table.", "Save NAME.selections.txt next to NAME.wav.")
    marked: dict[Path, list[Selection]] = {}
    for table in tables:
        found = read_raven_table(table)
        if not found or any(not selection.file for selection in found):
            marked.setdefault(_recording_of(table, index), [])
        for selection in found:
            path = index.find(selection.file, str(table)) if selection.file else _recording_of(table, index)
            marked.setdefault(path, []).append(selection)
    return marked


def _recording_of(table: Path, index: RecordingIndex) -> Path:
    """The recording that a table belongs to by its name: the longest beginning of it that is a recording's name."""
    parts = table.name.split(".")
    names = {".".join(parts[:count]) for count in range(1, len(parts))}
    fitting = [path for path in index.paths if path.stem in names or path.name in names]
    if not fitting:
        return index.find("", str(table))
    return max(fitting, key=lambda path: (path.parent == table.parent, len(path.stem)))


def _judge(source: Path, found: Sequence[Selection], call_words: Collection[str] | None) -> Callable[[Selection], bool]:
    """What decides whether a selection is a call."""
    words = {_word(selection) for selection in found}
    if call_words is None and len(words) <= 1:
        return lambda _selection: True
    if found and not any(label_of(word, call_words) for word in words):
        raise DataError(
            f"{source}: none of the annotations {', '.join(sorted(map(repr, words)))} is known to be an up-call.",
            "Name the ones that are: to train, with `python -m train prepare --call-label`, then train on the archive"
            " it writes; to judge, with `python -m train evaluate --call-label`.",
        )
    return lambda selection: bool(label_of(_word(selection), call_words))


def _word(selection: Selection) -> str:
    return next(iter(selection.annotations), "")


def _listened(folder: Path, index: RecordingIndex) -> dict[Path, list[Span]] | None:
    """Listened-to spans of each recording, or None where nothing is said."""
    path = folder / LISTENED
    if not path.is_file():
        return None
    spans: dict[Path, list[Span]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                span = float(row["begin_s"]), float(row["end_s"])
                name = row["file"]
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{path}, line {number}: expected file,begin_s,end_s.", "Correct the line.") from error
            spans.setdefault(index.find(name, f"{path}, line {number}"), []).append(span)
    return spans
