"""Finished pieces of streams, kept beside the finished recordings (`resume`) until the run is done.

A piece's file is named after all that it depends on: what the results of recordings depend on, each of its recordings,
those that it was heard on into, and where in the stream it lies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_daemon.audio.source import Gap
from edge_daemon.detection.document import ReceivedLevel
from edge_daemon.detection.pipeline import TrackedEvent
from edge_daemon.replay.heard import HeardPiece, HeardRun
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.resume import FinishedResults, ResultDocument


class _RunDocument(BaseModel):
    model_config = ConfigDict(extra="forbid")

    first: int
    starts: list[int]
    scores: list[float]
    banded: list[int]
    bands: list[tuple[float, float]]
    gaps: list[Gap]
    scored_by: list[tuple[int, str]]
    levels: list[tuple[int, int, ReceivedLevel | None]]
    calls: list[TrackedEvent]
    anew: bool

    @classmethod
    def of(cls, run: HeardRun) -> _RunDocument:
        arrays: dict[str, Any] = {name: getattr(run, name).tolist() for name in ("starts", "scores", "banded", "bands")}
        plain = ("first", "gaps", "scored_by", "levels", "calls", "anew")
        kept: dict[str, Any] = {name: getattr(run, name) for name in plain}
        return cls(**kept, **arrays)

    def run(self) -> HeardRun:
        return HeardRun(
            self.first,
            np.array(self.starts, np.int64),
            np.array(self.scores, np.float32),
            np.array(self.banded, np.int64),
            np.array(self.bands, np.float64).reshape(-1, 2),
            self.gaps,
            self.scored_by,
            self.levels,
            self.calls,
            self.anew,
        )


class _PieceDocument(BaseModel):
    model_config = ConfigDict(extra="forbid")

    results: list[ResultDocument]
    runs: list[_RunDocument]
    hands_over: bool


class FinishedPieces:
    """Finished pieces of one run.

    Args:
        store: of the run.
    """

    def __init__(self, store: FinishedResults) -> None:
        self._store = store

    def load(self, piece: Piece) -> HeardPiece | None:
        """What became of a piece, if it is there and whole."""
        if not piece.joined:
            result = self._store.load(piece.recordings[0])
            return None if result is None else HeardPiece(piece, [result])
        document = self._store.read(self._name(piece), _PieceDocument)
        if document is None or len(document.results) != len(piece.recordings):
            return None
        results = [one.result(recording) for one, recording in zip(document.results, piece.recordings, strict=True)]
        return HeardPiece(piece, results, [run.run() for run in document.runs], document.hands_over)

    def save(self, heard: HeardPiece) -> None:
        """Keep a piece; one in which a recording failed is not kept, so that the next run tries it again.

        Raises:
            StorageError: it cannot be written.
        """
        if not heard.piece.joined:
            self._store.save(heard.results[0])
        elif not heard.failed:
            document = _PieceDocument(
                results=[ResultDocument.of(result) for result in heard.results],
                runs=[_RunDocument.of(run) for run in heard.runs],
                hands_over=heard.hands_over,
            )
            self._store.write(self._name(heard.piece), document)

    def clear(self) -> None:
        """Remove all that is kept."""
        self._store.clear()

    def _name(self, piece: Piece) -> str:
        place = [piece.rate, piece.offset, piece.continues, *piece.lengths, *piece.ahead_lengths]
        return self._store.name([*piece.recordings, *piece.ahead], place)
