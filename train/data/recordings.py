"""Long recordings with Raven selection tables: calls are cut from selections, the rest from elsewhere.

A folder with sound files and selection tables (`NAME.selections.txt`, `NAME.Table.1.selections.txt`, or any table
whose column `Begin File` names its recording). A recording with a table was listened to from begin to end, unless a
file `listened.csv` (`file,begin_s,end_s`) says which parts; recordings without a table are left alone, since a call may
hide anywhere in them. Windows without a call come from the listened-to time, clear of every selection; selections
that the analyst called something else are windows without a call, too: the most useful ones, where they are clear of
calls.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from train.data.dataset import DataError, Dataset
from train.data.label_words import label_of
from train.data.labelled_clips import LabelledSound, read_sounds
from train.data.raven import Selection, is_raven_table, read_raven_table
from train.data.recording_index import RecordingIndex, by_time
from train.data.sound_file import sound_info

CLEARANCE_S = 0.5
"""A window without a call stays this far from every selection: analysts' edges are no better."""
JITTER_S = 0.25
"""A call is cut up to so far off the window's middle, as a detector's windows meet it."""
LISTENED = "listened.csv"
Span = tuple[float, float]


def tables_in(folder: Path) -> list[Path]:
    """Raven selection tables below a folder, in order of their names."""
    return sorted((path for path in folder.rglob("*") if path.is_file() and is_raven_table(path)), key=by_time)


def read_recordings(
    folder: Path,
    samples: int,
    rate: int,
    rng: np.random.Generator,
    negatives_per_call: float = 2.0,
    call_words: Collection[str] | None = None,
    channel: int = 0,
) -> Dataset:
    """Cuts windows out of recordings.

    Args:
        folder: recordings and tables, in any sub-folders.
        samples: samples in a window at `rate`.
        rate: samples per second.
        rng: draws the places of windows without a call, and the jitter of those with one.
        negatives_per_call: windows without a call for each with one, as far as there is room; where no recording has
            a call, all the room is used.
        call_words: annotations that mean a call. None: with one annotation (or none) in all tables every selection is
            a call; with several the known words are.
        channel: which channel, from 0.

    Raises:
        DataError: no tables, a recording that is missing, or annotations of which none is known to be a call.
    """
    index, length_s = RecordingIndex(folder), samples / rate
    marked = _selections(folder, index)
    is_call = _judge(folder, [selection for found in marked.values() for selection in found], call_words)
    listened = _listened(folder, index)
    calls: list[LabelledSound] = []
    others: list[LabelledSound] = []
    shared = 0
    free: list[LabelledSound] = []
    for path in sorted(marked, key=by_time):
        duration_s = sound_info(path).duration_s
        called = [(found.begin_s, found.end_s) for found in marked[path] if is_call(found)]
        for selection in marked[path]:
            if selection.begin_s >= duration_s:
                raise DataError(
                    f"{path} lasts {duration_s:.1f} s, but a selection begins at {selection.begin_s:.1f} s.",
                    "Add Begin File and File Offset (s) to the table, or put the right recording next to it.",
                )
            middle_s = (selection.begin_s + selection.end_s) / 2.0 + rng.uniform(-JITTER_S, JITTER_S)
            begin_s = _within(middle_s - length_s / 2, duration_s - length_s)
            if is_call(selection):
                calls.append(LabelledSound(path, begin_s, 1))
            elif _clear(begin_s, begin_s + length_s, called):
                others.append(LabelledSound(path, begin_s, 0))
            else:
                shared += 1
        taken = [(found.begin_s - CLEARANCE_S, found.end_s + CLEARANCE_S) for found in marked[path]]
        heard = [(0.0, duration_s)] if listened is None else listened.get(path, [])
        heard = [(max(begin, 0.0), min(end, duration_s)) for begin, end in heard]
        free += [LabelledSound(path, begin_s, 0) for begin_s in free_windows(heard, taken, length_s, rng)]
    wanted = max(round(negatives_per_call * len(calls)) - len(others), 0) if calls else len(free)
    chosen = [free[place] for place in rng.permutation(len(free))[:wanted]]
    sounds = sorted(calls + others + chosen, key=lambda sound: (by_time(sound.path), sound.begin_s or 0.0))
    if not sounds:
        raise DataError(f"{folder}: no window fits into the listened-to time.", f"Check {LISTENED} and the tables.")
    notes = []
    unheard = len(index.paths) - len(marked)
    if unheard:
        notes.append(f"{unheard} recordings without a selection table were not used.")
    if shared:
        notes.append(f"{shared} selections of other sounds were left out: a call is in or near their window.")
    if len(chosen) < wanted:
        notes.append(f"{wanted} windows without a call were requested, but only {len(chosen)} fit.")
    return replace(read_sounds(folder, sounds, samples, rate, channel), notes=tuple(notes))


def _within(begin_s: float, latest_s: float) -> float:
    return min(max(begin_s, 0.0), max(latest_s, 0.0))


def _clear(begin_s: float, end_s: float, calls: Sequence[Span]) -> bool:
    """Whether a window stays clear of all calls."""
    return all(end_s <= begin - CLEARANCE_S or begin_s >= end + CLEARANCE_S for begin, end in calls)


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


def _judge(folder: Path, found: Sequence[Selection], call_words: Collection[str] | None) -> Callable[[Selection], bool]:
    """What decides whether a selection is a call."""
    words = {selection.annotation for selection in found}
    if call_words is None and len(words) <= 1:
        return lambda _selection: True
    if found and not any(label_of(word, call_words) for word in words):
        raise DataError(
            f"{folder}: none of the annotations {', '.join(sorted(map(repr, words)))} is known to be an up-call.",
            "Name the ones that are with `python -m train prepare --call-label`, then train on the archive it writes.",
        )
    return lambda selection: bool(label_of(selection.annotation, call_words))


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


def free_windows(
    heard: Sequence[Span], taken: Sequence[Span], length_s: float, rng: np.random.Generator
) -> list[float]:
    """Begins of windows that lie in listened-to time, touch nothing taken and do not overlap.

    Args:
        heard: (begin, end) in seconds of what was listened to.
        taken: (begin, end) of what must stay out.
        length_s: length of a window.
        rng: shifts the windows of each free stretch by a random part of what is left over.

    Returns:
        begins in seconds, in order.
    """
    begins: list[float] = []
    for begin, end in sorted(heard):
        at = begin
        for stop, resume in [*sorted(span for span in taken if span[1] > begin and span[0] < end), (end, end)]:
            count = int((min(stop, end) - at) / length_s)
            if count > 0:
                shift = rng.uniform(0.0, min(stop, end) - at - count * length_s)
                begins += [at + shift + number * length_s for number in range(count)]
            at = max(at, resume)
    return begins
