"""The plan of a replay: which recordings follow each other, and what is shared out.

A year of recordings is planned before its first sound is heard. So of each recording a few numbers are kept here, in
columns, and no object.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from edge_daemon.audio.defect import Defect
from edge_daemon.audio.file_name import folder_and_name
from edge_daemon.audio.metadata.chunks import chunks_in
from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.regular_file import open_regular
from edge_daemon.audio.sound_length import sound_length
from edge_daemon.clock.utc import nanoseconds
from edge_daemon.replay.continuity import RecordedSpan, RecorderName, Seam, in_runs
from edge_daemon.replay.odd_forms import Form, odd_forms
from edge_daemon.replay.pieces import Followers, Pieces
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.stream import RecordedStream


@dataclass(frozen=True, slots=True)
class SeamCount:
    """Gaps, or overlaps, between recordings of one recorder.

    Attributes:
        number: how many.
        seconds: all of them together.
        longest_s: the longest.
        name: the recording behind the longest.
    """

    number: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What is heard together.

    Attributes:
        pieces: in the order of their first recordings in the run.
        followers: in which recording each goes on.
        joined: number of recordings that are heard as parts of streams.
        streams: number of these streams.
        gaps: between recordings of one recorder.
        overlaps: likewise.
        odd: what is to be said of recordings whose header is unlike those of their neighbours, by index in the run.
    """

    pieces: Pieces = field(default_factory=Pieces)
    followers: Followers = field(default_factory=Followers)
    joined: int = 0
    streams: int = 0
    gaps: SeamCount = field(default_factory=SeamCount)
    overlaps: SeamCount = field(default_factory=SeamCount)
    odd: dict[int, Defect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Header:
    form: Form
    frames: int
    start_ns: int | None
    pause_ns: int


def plan_replay(recordings: Sequence[Recording], *, join: bool = True, zone: tzinfo | None = None) -> ReplayPlan:
    """Find the streams in recordings, cut them into pieces, and find odd headers.

    Only headers are read, and only of recordings whose folder has others with such a name.

    Args:
        recordings: of the run.
        join: false leaves each on its own.
        zone: of times that do not tell theirs; None assumes UTC.
    """
    recorders = _Recorders(recordings)
    headers = _Headers(len(recordings))
    for place, recorder in enumerate(recorders.of):
        if recorders.made[recorder] > 1:
            headers.note(place, _header(recordings[place], zone))
    runs, seams = in_runs(headers.spans(recorders, recordings)) if join else ([], [])
    streams = [headers.stream(run) for run in runs if len(run) > 1]
    return ReplayPlan(
        Pieces(recordings, streams),
        Followers(recordings, streams),
        sum(len(stream.places) for stream in streams),
        len(streams),
        _count([seam for seam in seams if seam.seconds > 0], recordings),
        _count([seam for seam in seams if seam.seconds <= 0], recordings),
        odd_forms(headers.unlike(recorders), recordings),
    )


class _Recorders:
    """Who made each recording, by folder and name; of each recording a number is kept.

    Attributes:
        of: of each recording its recorder, by number.
        folder: of each recorder.
        made: number of recordings of each recorder.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.of = array("q")
        self.folder: list[str] = []
        self.made: list[int] = []
        known: dict[tuple[str, str], int] = {}
        for one in recordings:
            folder, file = folder_and_name(one.file)
            recorder = known.setdefault((folder, RecorderName.of(file).text), len(known))
            if recorder == len(self.made):
                self.folder.append(folder)
                self.made.append(0)
            self.of.append(recorder)
            self.made[recorder] += 1


_UNKNOWN = -1


class _Headers:
    """What the headers of many recordings say, a few numbers of each.

    Args:
        number: of recordings.
    """

    def __init__(self, number: int) -> None:
        self._frames, self._starts, self._pauses, self._forms = (array("q", [_UNKNOWN]) * number for _ in range(4))
        self._form: list[Form] = []  # each once; of recordings its place

    def note(self, place: int, header: _Header | None) -> None:
        """Take what a recording's header says."""
        if header is None:
            return
        if header.form not in self._form:
            self._form.append(header.form)
        self._forms[place] = self._form.index(header.form)
        self._frames[place], self._pauses[place] = header.frames, header.pause_ns
        if header.start_ns is not None:
            self._starts[place] = header.start_ns

    def spans(self, recorders: _Recorders, recordings: Sequence[Recording]) -> Iterator[tuple[int, RecordedSpan]]:
        """In order of time, of each recording whose start is known when it was made."""
        dated = (place for place, start_ns in enumerate(self._starts) if start_ns != _UNKNOWN)
        for place in sorted(dated, key=self._starts.__getitem__):
            form = self._form[self._forms[place]]
            recorder = (recorders.folder[recorders.of[place]], form.rate, form.channels)
            name = RecorderName.of(folder_and_name(recordings[place].file)[1])
            length_ns = self._frames[place] * 10**9 // form.rate
            yield place, RecordedSpan(recorder, name, self._starts[place], length_ns, self._pauses[place])

    def stream(self, run: Sequence[int]) -> RecordedStream:
        """A stream of recordings, by their places in order of time."""
        form = self._form[self._forms[run[0]]]
        return RecordedStream(run, array("q", (self._frames[place] for place in run)), form.rate, form.channels)

    def unlike(self, recorders: _Recorders) -> list[tuple[int, int, Form]]:
        """Place, recorder and form of the recordings of those recorders whose headers are not all alike."""
        known = (
            [(place, form) for place, form in enumerate(self._forms) if form != _UNKNOWN] if len(self._form) > 1 else []
        )
        kinds: dict[int, set[int]] = {}
        for place, form in known:
            kinds.setdefault(recorders.of[place], set()).add(form)
        several = {recorder for recorder, forms in kinds.items() if len(forms) > 1}
        return [
            (place, recorder, self._form[form]) for place, form in known if (recorder := recorders.of[place]) in several
        ]


def _header(recording: Recording, zone: tzinfo | None) -> _Header | None:
    """What its header says; None where it does not say enough, and whoever hears it will say why."""
    try:
        with open_regular(recording.file) as file:
            with open(file.fileno(), "rb", closefd=False) as own:  # a buffer that nobody else reads from
                chunks = chunks_in(own)
            length = sound_length(file, recording.file)
        if length is None:
            return None
        form = Form(length.rate, length.channels)
        started = recording_start(recording.file, None, zone, chunks=chunks)
        if started.start is None:
            return _Header(form, length.frames, None, 0)
        start_ns, pause_ns = nanoseconds(started.start.utc), 0
        if started.stretches:
            last = started.stretches[-1]
            pause_ns = nanoseconds(last.utc) - start_ns - last.first * 10**9 // length.rate
        return _Header(form, length.frames, start_ns, pause_ns)
    except Exception:  # noqa: BLE001 - one strange recording must not stop an archive's run
        return None


def _count(seams: Sequence[Seam], recordings: Sequence[Recording]) -> SeamCount:
    if not seams:
        return SeamCount()
    longest = max(seams, key=lambda seam: abs(seam.seconds))
    total = sum(abs(seam.seconds) for seam in seams)
    return SeamCount(len(seams), total, abs(longest.seconds), recordings[longest.place].name)
