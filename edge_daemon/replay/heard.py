"""What became of a piece of a replay: plain data, whichever process or machine made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Gap
from edge_daemon.detection.pipeline import TrackedEvent
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.result import ReplayResult

if TYPE_CHECKING:
    from edge_daemon.detection.document import ReceivedLevel


def _no_positions() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(slots=True)
class HeardRun:
    """Sound of a stream that was heard without a break; positions are samples of the stream at the model's rate.

    Attributes:
        first: which of the piece's recordings it begins in.
        starts: first sample of each window, int64 [N].
        scores: of each window, float32 [N].
        banded: which windows have a band, int64 [M], in order.
        bands: lower and upper edge of each of these, Hz, float64 [M, 2].
        gaps: sound that was not analysed, in order.
        scored_by: where each backend began to score, and its name.
        levels: begin, end and received level of events, as far as they were measured here.
        calls: begin and end of events, before they are parted, and their calls, as far as they were heard whole here.
        anew: what follows is judged as if no calls had come before: sound is missing here, so what is heard beyond the
            piece lies on another grid of windows than the next piece's.
    """

    first: int
    starts: NDArray[np.int64] = field(default_factory=_no_positions)
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    banded: NDArray[np.int64] = field(default_factory=_no_positions)
    bands: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2), np.float64))
    gaps: list[Gap] = field(default_factory=list)
    scored_by: list[tuple[int, str]] = field(default_factory=list)
    levels: list[tuple[int, int, ReceivedLevel | None]] = field(default_factory=list)
    calls: list[TrackedEvent] = field(default_factory=list)
    anew: bool = False


@dataclass(slots=True)
class HeardPiece:
    """What became of one piece.

    Attributes:
        piece: which one.
        results: one for each recording. Of a joined piece they lack events, windows and gaps, which are in its runs.
        runs: of a joined piece, in order of time; none where its recordings were heard on their own after all.
        hands_over: the last run was heard on into the next piece, up to where that one begins to hear.
    """

    piece: Piece
    results: list[ReplayResult]
    runs: list[HeardRun] = field(default_factory=list)
    hands_over: bool = False

    @property
    def failed(self) -> bool:
        """Whether any of its recordings could not be replayed."""
        return any(result.error is not None for result in self.results)
