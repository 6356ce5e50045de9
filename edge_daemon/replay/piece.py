"""A piece: what one task hears, a recording on its own or some of a stream that recordings make together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_daemon.replay.recording import Recording


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
