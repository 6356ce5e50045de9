"""Marks: what an analyst marked in recordings, from Raven selection tables or from a CSV file.

A folder has recordings and their selection tables (`NAME.selections.txt`, `NAME.Table.1.selections.txt`, or any table
whose column `Begin File` names its recording); a CSV file has the columns `file,begin_s,end_s` and, where not every row
is a call, `label`. A recording with marks was listened to from begin to end, unless a file `listened.csv`
(`train.data.listened`) beside the tables says which parts; an empty Raven table means that it holds nothing.
Recordings without a table are left alone, since a call may hide anywhere in them.

No mark is dropped, moved, or given another meaning without a word: what cannot be is refused, the rest is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from train.data.call_annotations import call_annotations
from train.data.channels import OnChannel, channel_notes
from train.data.listened import ListenedParts
from train.data.recording_index import RecordingIndex, by_time
from train.data.selections import selections_of
from train.data.sound_file import sound_info
from train.data.span import Span, clipped

LEAST_CUT_S = 0.01
"""Marks that reach less over the edge of their recording are rounded, not wrong."""


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
        marks: what was marked, in the table's order, within the recording.
        heard: what was listened to, within the recording.
        elsewhere: calls that are marked on other channels alone: nobody can say whether they are heard on this one.
    """

    path: Path
    duration_s: float
    marks: tuple[Mark, ...]
    heard: tuple[Span, ...]
    elsewhere: tuple[Span, ...] = ()

    @property
    def calls(self) -> tuple[Span, ...]:
        """The calls among the marks."""
        return tuple((mark.begin_s, mark.end_s) for mark in self.marks if mark.call)


def read_marks(
    source: Path,
    index: RecordingIndex,
    call_words: Collection[str] | None = None,
    *,
    channel: int = 0,
    report: Callable[[str], object] = print,
) -> list[MarkedRecording]:
    """Reads the marks below a folder, or those of a CSV file.

    Args:
        source: the folder, or the file.
        index: the recordings that tables may be about.
        call_words: annotations that mean a call; None takes the known ones (`train.data.call_annotations`).
        channel: which channel is judged, from 0 (`train.data.channels`).
        report: told, in sentences, of marks that were cut, left out, or taken for something.

    Returns:
        the recordings that have marks, in order of time.

    Raises:
        DataError: no tables, a recording that is missing, a mark outside its recording, or annotations of which it is
            not clear whether they mean a call.
    """
    marked = selections_of(source, index, report)
    found = [selection.annotations for parts in marked.values() for selection in parts.selections]
    calls = call_annotations(source, found, call_words, report)
    listened = ListenedParts.read(source, index)
    recordings: list[MarkedRecording] = []
    chosen: list[OnChannel] = []
    cut = 0
    for path in sorted(marked, key=by_time):
        info, parts = sound_info(path), marked[path]
        spans = {id(part): clipped(part.span, info.duration_s, path, part.where) for part in parts.selections}
        on = OnChannel.of(parts.selections, channel, info.channels)
        marks = tuple(Mark(*spans[id(part)], part.annotations in calls) for part in on.marks)
        elsewhere = tuple(spans[id(part)] for part in on.others if part.annotations in calls)
        heard = listened.within(path, info.duration_s, parts.tables)
        recordings.append(MarkedRecording(path, info.duration_s, marks, heard, elsewhere))
        chosen.append(on)
        cut += sum(_cut(part.span, spans[id(part)]) for part in on.marks)
    for sentence in channel_notes(chosen, channel):
        report(sentence)
    if cut:
        report(f"{cut} marks reach over the begin or the end of their recording; they were cut there.")
    return recordings


def read_spans(table: Path, index: RecordingIndex, report: Callable[[str], object]) -> dict[Path, list[Span]]:
    """The spans of each recording that a CSV file (file,begin_s,end_s) names, whatever their label says.

    Arguments as in `read_marks`.

    Raises:
        DataError: it cannot be read, or a recording or a part of one that is not there.
    """
    found: dict[Path, list[Span]] = {}
    for path, parts in selections_of(table, index, report).items():
        duration_s = sound_info(path).duration_s
        found[path] = [clipped(part.span, duration_s, path, part.where) for part in parts.selections]
    return found


def _cut(whole: Span, rest: Span) -> bool:
    return (whole[1] - whole[0]) - (rest[1] - rest[0]) > LEAST_CUT_S
