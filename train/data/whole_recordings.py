"""The recordings that a model is judged on: some with every call marked, others without a call, by kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from train.data.dataset import DataError
from train.data.marks import read_marks, read_spans
from train.data.recording_index import RecordingIndex
from train.data.sound_file import sound_info
from train.data.span import Span

CALLS = "calls"
"""Kind of the recordings whose calls are marked."""


@dataclass(frozen=True, slots=True)
class JudgedRecording:
    """One recording.

    Args:
        path: the sound file.
        kind: `CALLS`, or what sounds there in place of calls.
        duration_s: its length, seconds.
        heard: begin and end of what somebody listened to, seconds: only there a false event is one.
        calls: begin and end of each call, seconds.
        doubtful: begin and end of sounds of which nobody can say whether they are calls, also because they are marked
            on another channel: an event there is not false.
    """

    path: Path
    kind: str
    duration_s: float
    heard: tuple[Span, ...]
    calls: tuple[Span, ...] = ()
    doubtful: tuple[Span, ...] = ()

    @property
    def name(self) -> str:
        """File and its folder: enough to know it by, and nothing of this machine."""
        return f"{self.path.absolute().parent.name}/{self.path.name}"


def fits(name: str, patterns: Collection[str]) -> bool:
    """Whether a recording's name (`folder/file`) is one of the patterns, in which `*` stands for any letters."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def marked_recordings(
    sources: Sequence[Path],
    elsewhere: Sequence[Path] = (),
    call_words: Collection[str] | None = None,
    *,
    channel: int = 0,
    report: Callable[[str], object] = print,
) -> list[JudgedRecording]:
    """Recordings whose calls are marked.

    Args:
        sources: folders with Raven selection tables, or CSV files (`train.data.marks`).
        elsewhere: more folders in which the recordings may lie.
        call_words: annotations that mean a call; None takes the usual ones.
        channel: which channel is judged, from 0.
        report: told what is odd about marks.

    Raises:
        DataError: tables that cannot be read or are about no recording.
    """
    found = []
    for source in sources:
        if not source.exists():
            raise DataError(f"{source} does not exist.", "Name a folder with selection tables, or a CSV file.")
        index = RecordingIndex(source.parent if source.is_file() else source, *elsewhere)
        notes: list[str] = []
        for marked in read_marks(source, index, call_words, channel=channel, report=notes.append):
            calls, doubtful = tuple(sorted(marked.calls)), tuple(sorted(marked.elsewhere))
            found.append(JudgedRecording(marked.path, CALLS, marked.duration_s, marked.heard, calls, doubtful))
        for note in notes:
            report(f"{source}: {note}")
    return found


def with_doubtful(
    recordings: Sequence[JudgedRecording], table: Path, report: Callable[[str], object] = print
) -> list[JudgedRecording]:
    """The same recordings with the doubtful sounds of a CSV file (file,begin_s,end_s).

    Raises:
        DataError: it cannot be read, or is about no recording.
    """
    if not table.is_file():
        raise DataError(f"{table} does not exist.", "Name a CSV file with file, begin_s and end_s.")
    index = RecordingIndex(*dict.fromkeys(recording.path.parent for recording in recordings))
    spans = {path.resolve(): tuple(found) for path, found in read_spans(table, index, report).items()}
    known = [replace(one, doubtful=one.doubtful + spans.pop(one.path.resolve(), ())) for one in recordings]
    if spans:
        others = " and ".join(sorted(path.name for path in spans))
        report(f"{table}: {sum(map(len, spans.values()))} spans are in recordings that are not judged: {others}.")
    return known


def quiet_recordings(folders: Mapping[str, Sequence[Path]]) -> list[JudgedRecording]:
    """Recordings without any call.

    Args:
        folders: folders or sound files of each kind.

    Raises:
        DataError: a folder without sound files, or a file that cannot be read.
    """
    found = []
    for kind, places in folders.items():
        for place in places:
            paths = [place] if place.is_file() else RecordingIndex(place).paths
            if not paths:
                raise DataError(f"{place} contains no sound files.", "Name a folder with WAV, AIFF, FLAC or Ogg files.")
            for path in paths:
                duration_s = sound_info(path).duration_s
                found.append(JudgedRecording(path, kind, duration_s, ((0.0, duration_s),)))
    return found
