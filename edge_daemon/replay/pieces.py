"""All pieces of a run, each made when it is asked for."""

from __future__ import annotations

from array import array
from collections.abc import Container, Sequence
from itertools import pairwise
from typing import overload

from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.stream import RecordedStream

_ALONE, _INSIDE = -1, -2  # instead of a stream: a recording on its own, and one that does not begin a piece


class Pieces(Sequence[Piece]):
    """The pieces of a run, in the order of their first recordings in it; each recording is in exactly one.

    Args:
        recordings: of the run.
        streams: those of several recordings; all others are on their own.
        but: indices of pieces that are left out.
    """

    def __init__(
        self,
        recordings: Sequence[Recording] = (),
        streams: Sequence[RecordedStream] = (),
        but: Container[int] = frozenset(),
    ) -> None:
        self._recordings, self._streams = recordings, streams
        owners = array("q", [_ALONE]) * len(recordings)
        numbers = array("q", range(len(recordings)))
        for which, stream in enumerate(streams):
            for place in stream.places:
                owners[place] = _INSIDE
            for number in range(stream.pieces):
                first = stream.first_place(number)
                owners[first], numbers[first] = which, number
        begins = (place for place, owner in enumerate(owners) if owner != _INSIDE)
        chosen = array("q", (place for index, place in enumerate(begins) if index not in but))
        # of each piece its stream and which of it, or no stream and the recording
        self._owners = array("q", (owners[place] for place in chosen))
        self._numbers = array("q", (numbers[place] for place in chosen))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._owners)

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        """Make a piece, or some."""
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        owner, number = self._owners[index], self._numbers[index]
        if owner == _ALONE:
            return Piece.of(self._recordings[number], number, number)
        return self._streams[owner].piece(number, self._recordings)

    def without(self, done: Container[int]) -> Pieces:
        """The same pieces but for those of some indices; of all of them, not of what is left."""
        return Pieces(self._recordings, self._streams, done)


class Followers:
    """Of each recording the one in which its stream goes on.

    Args:
        recordings: of the run.
        streams: of several recordings each.
    """

    def __init__(self, recordings: Sequence[Recording] = (), streams: Sequence[RecordedStream] = ()) -> None:
        self._recordings = recordings
        self._after = array("q", [_ALONE]) * len(recordings)
        for stream in streams:
            for place, after in pairwise(stream.places):
                self._after[place] = after

    def of(self, place: int) -> Recording | None:
        """Of a recording by its index in the run; None if it is the last one, or in no stream."""
        after = self._after[place]
        return None if after == _ALONE else self._recordings[after]
