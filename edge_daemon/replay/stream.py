"""What a replay shares out: recordings on their own, and pieces of continuous streams.

A stream that a recorder cut into files is one stream. A long one is shared out in pieces of an hour or more, each of
whole recordings; the pieces are the same however many processes there are, so nothing of the sharing shows. A piece is
heard on into the next one, as far as windows reach; what the next one gives begins there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from itertools import pairwise
from typing import Any

from edge_daemon.audio.defect import Defect
from edge_daemon.audio.metadata.chunks import chunks_in
from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.regular_file import open_regular
from edge_daemon.audio.sound_length import sound_length
from edge_daemon.clock.utc import nanoseconds
from edge_daemon.replay.continuity import RecordedSpan, RecorderName, Seam, continuous
from edge_daemon.replay.odd_forms import Form, odd_forms
from edge_daemon.replay.recordings import Recording

PIECE_S = 3600.0
"""Sound in a piece, at least, unless the stream has less."""
AHEAD_S = 900.0
"""Sound behind a piece that it may be heard on into."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one task hears.

    Attributes:
        recordings: in order of time, one or more.
        places: index of each in the run.
        stream: number of the stream.
        rate: samples per second; 0 for a recording on its own.
        channels: of each recording.
        offset: samples of the stream before the piece.
        lengths: samples of each recording; none for a recording on its own.
        ahead: recordings that follow, as far as the piece may be heard on.
        ahead_lengths: of these.
        continues: the stream's beginning lies before the piece, which is heard on into it.
    """

    recordings: tuple[Recording, ...]
    places: tuple[int, ...]
    stream: int = 0
    rate: int = 0
    channels: int = 0
    offset: int = 0
    lengths: tuple[int, ...] = ()
    ahead: tuple[Recording, ...] = ()
    ahead_lengths: tuple[int, ...] = ()
    continues: bool = False

    @classmethod
    def of(cls, recording: Recording, place: int = 0, stream: int = 0) -> Piece:
        """A recording on its own."""
        return cls((recording,), (place,), stream)

    @property
    def joined(self) -> bool:
        """Whether it is part of a stream of several recordings."""
        return bool(self.lengths)

    @property
    def size(self) -> int:
        """Bytes, for the progress bar."""
        return sum(recording.size for recording in self.recordings)

    @property
    def end(self) -> int:
        """Samples of the stream up to the piece's end."""
        return self.offset + sum(self.lengths)

    def apart(self) -> list[Piece]:
        """Its recordings, each on its own."""
        return [Piece.of(one, place, self.stream) for one, place in zip(self.recordings, self.places, strict=True)]

    def anew(self) -> Piece:
        """The same piece, as if the stream began with it."""
        return replace(self, continues=False)


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
        joined: number of recordings that are heard as parts of streams.
        streams: number of these streams.
        gaps: between recordings of one recorder.
        overlaps: likewise.
        odd: what is to be said of recordings whose header is unlike those of their neighbours, by index in the run.
    """

    pieces: tuple[Piece, ...] = ()
    joined: int = 0
    streams: int = 0
    gaps: SeamCount = field(default_factory=SeamCount)
    overlaps: SeamCount = field(default_factory=SeamCount)
    odd: dict[int, Defect] = field(default_factory=dict)

    def followers(self) -> dict[int, Recording]:
        """Of each recording by its index in the run, the one in which its stream goes on; none of the last ones."""
        return {
            place: after
            for piece in self.pieces
            if piece.joined
            for place, after in zip(piece.places, (*piece.recordings[1:], *piece.ahead[:1]), strict=False)
        }


@dataclass(frozen=True, slots=True)
class _Header:
    form: Form
    frames: int
    start_ns: int | None
    pause_ns: int


def plan_replay(recordings: Sequence[Recording], *, join: bool = True, zone: tzinfo | None = None) -> ReplayPlan:
    """Find the streams in recordings, and cut them into pieces; each recording is in exactly one. And odd headers.

    Only headers are read, and only of recordings whose folder has others with such a name.

    Args:
        recordings: of the run.
        join: false leaves each on its own.
        zone: of times that do not tell theirs; None assumes UTC.
    """
    # of 10,000 recordings, what many have in common is there once
    alike: dict[Hashable, Any] = {}
    names: list[tuple[str, RecorderName]] = []
    for one in recordings:
        folder, file = os.path.split(one.file)
        name = RecorderName.of(file)
        names.append((alike.setdefault(folder, folder), alike.setdefault(name, name)))
    like = Counter((folder, name.text) for folder, name in names)
    headers: dict[int, _Header] = {}
    spans: list[tuple[int, RecordedSpan]] = []
    forms: list[tuple[int, tuple[object, ...], Form]] = []
    for place, (folder, name) in enumerate(names):
        header = _header(recordings[place], zone) if like[folder, name.text] > 1 else None
        if header is None:
            continue
        group = (folder, name.text)
        forms.append((place, alike.setdefault(group, group), alike.setdefault(header.form, header.form)))
        if join and header.start_ns is not None:
            headers[place] = header
            recorder = (folder, header.form.rate, header.form.channels)
            length_ns = header.frames * 10**9 // header.form.rate
            recorder = alike.setdefault(recorder, recorder)
            spans.append((place, RecordedSpan(recorder, name, header.start_ns, length_ns, header.pause_ns)))
    runs, seams = continuous(spans)
    streams = [run for run in runs if len(run) > 1]
    in_stream = {place for run in streams for place in run}
    pieces = [Piece.of(one, place, place) for place, one in enumerate(recordings) if place not in in_stream]
    for run in streams:
        pieces += _pieces([recordings[place] for place in run], run, [headers[place] for place in run])
    return ReplayPlan(
        tuple(sorted(pieces, key=lambda piece: min(piece.places))),
        len(in_stream),
        len(streams),
        _count([seam for seam in seams if seam.seconds > 0], recordings),
        _count([seam for seam in seams if seam.seconds <= 0], recordings),
        odd_forms(forms, recordings),
    )


def _header(recording: Recording, zone: tzinfo | None) -> _Header | None:
    """What its header says; None where it does not say enough, and whoever hears it will say why."""
    try:
        with open_regular(recording.path) as file:
            with open(file.fileno(), "rb", closefd=False) as own:  # a buffer that nobody else reads from
                chunks = chunks_in(own)
            length = sound_length(file, recording.path)
        if length is None:
            return None
        form = Form(length.rate, length.channels)
        started = recording_start(recording.path, None, zone, chunks=chunks)
        if started.start is None:
            return _Header(form, length.frames, None, 0)
        start_ns, pause_ns = nanoseconds(started.start.utc), 0
        if started.stretches:
            last = started.stretches[-1]
            pause_ns = nanoseconds(last.utc) - start_ns - last.first * 10**9 // length.rate
        return _Header(form, length.frames, start_ns, pause_ns)
    except Exception:  # noqa: BLE001 - one strange recording must not stop an archive's run
        return None


def _pieces(recordings: Sequence[Recording], run: Sequence[int], headers: Sequence[_Header]) -> list[Piece]:
    """Cut one stream."""
    rate, channels = headers[0].form.rate, headers[0].form.channels
    lengths = [header.frames for header in headers]
    least, rest = PIECE_S * rate, sum(lengths)
    edges, held = [0], 0
    for place, length in enumerate(lengths):
        if held >= least and rest >= least:
            edges.append(place)
            held = 0
        held += length
        rest -= length
    made, offset = [], 0
    for begin, end in pairwise([*edges, len(lengths)]):
        after, ahead = end, 0
        while after < len(lengths) and ahead < AHEAD_S * rate:
            ahead += lengths[after]
            after += 1
        made.append(
            Piece(
                recordings=tuple(recordings[begin:end]),
                places=tuple(run[begin:end]),
                stream=run[0],
                rate=rate,
                channels=channels,
                offset=offset,
                lengths=tuple(lengths[begin:end]),
                ahead=tuple(recordings[end:after]),
                ahead_lengths=tuple(lengths[end:after]),
                continues=begin > 0,
            )
        )
        offset += sum(lengths[begin:end])
    return made


def _count(seams: Sequence[Seam], recordings: Sequence[Recording]) -> SeamCount:
    if not seams:
        return SeamCount()
    longest = max(seams, key=lambda seam: abs(seam.seconds))
    total = sum(abs(seam.seconds) for seam in seams)
    return SeamCount(len(seams), total, abs(longest.seconds), recordings[longest.place].name)
