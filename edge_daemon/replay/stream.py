"""A continuous stream that a recorder cut into files, and how it is shared out.

A long one is shared out in pieces of an hour or more, each of whole recordings; the pieces are the same however many
processes there are, so nothing of the sharing shows. A piece is heard on into the next one, as far as windows reach;
what the next one gives begins there. It is heard further for the events of the next one's first minutes, which calls
before them raise.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recording import Recording

PIECE_S = 3600.0
"""Sound in a piece, at least, unless the stream has less."""
AHEAD_S = 900.0
"""Sound behind a piece that it may be heard on into."""


class RecordedStream:
    """Recordings that follow each other, cut into pieces: a few numbers of each, for a year has thousands.

    Args:
        places: index in the run of each recording, in order of time.
        lengths: samples of each.
        rate: samples per second.
        channels: of each recording.

    Attributes:
        places: as given.
        pieces: how many it is cut into.
    """

    def __init__(self, places: Sequence[int], lengths: Sequence[int], rate: int, channels: int) -> None:
        self.places, self._lengths = array("q", places), array("q", lengths)
        self._rate, self._channels = rate, channels
        self._edges, self._offsets = array("q", [0]), array("q", [0])
        least, rest = PIECE_S * rate, sum(lengths)
        held = offset = 0
        for number, length in enumerate(lengths):
            if held >= least and rest >= least:
                self._edges.append(number)
                self._offsets.append(offset)
                held = 0
            held += length
            offset += length
            rest -= length
        self.pieces = len(self._edges)
        self._edges.append(len(lengths))

    def first_place(self, number: int) -> int:
        """The least index in the run of the recordings of a piece."""
        return min(self.places[self._edges[number] : self._edges[number + 1]])

    def piece(self, number: int, recordings: Sequence[Recording]) -> Piece:
        """Make a piece.

        Args:
            number: which one, counted from 0.
            recordings: of the run.
        """
        begin, end = self._edges[number], self._edges[number + 1]
        after, ahead = end, 0
        while after < len(self._lengths) and ahead < AHEAD_S * self._rate:
            ahead += self._lengths[after]
            after += 1
        return Piece(
            recordings=tuple(recordings[place] for place in self.places[begin:end]),
            places=tuple(self.places[begin:end]),
            stream=self.places[0],
            rate=self._rate,
            channels=self._channels,
            offset=self._offsets[number],
            lengths=tuple(self._lengths[begin:end]),
            ahead=tuple(recordings[place] for place in self.places[end:after]),
            ahead_lengths=tuple(self._lengths[end:after]),
            continues=begin > 0,
        )
