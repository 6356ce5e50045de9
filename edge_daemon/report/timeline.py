"""Where the recordings lie in time: what the report's timeline is drawn from.

Recordings with a time of day lie on one track, at their UTC, with the time between them empty. Recordings without
one lie on a track of their own, one after the other. A track is cut into cells of equal length, and each says which
share of it was listened to and which share was lost, so that a page on a year is no larger than one on a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_daemon.report.entry import Listened

CELLS = 800
"""About as many as a screen has columns for them."""

Kind = Literal["utc", "sequence"]


@dataclass(frozen=True, slots=True)
class Track:
    """One axis of time.

    Attributes:
        kind: what its seconds count from: 1970 in UTC, or the beginning of the first recording.
        begin_s: where it begins.
        end_s: where it ends, > begin_s.
        offsets: where each of its recordings begins, seconds, by the recording's number.
        listened: share of each cell that was analysed, float64 [cells], 0…1.
        lost: share of each cell that was recorded but not analysed, float64 [cells], 0…1.
    """

    kind: Kind
    begin_s: float
    end_s: float
    offsets: dict[int, float]
    listened: NDArray[np.float64]
    lost: NDArray[np.float64]


def tracks(recordings: Sequence[Listened], cells: int = CELLS) -> list[Track]:
    """The tracks that recordings lie on: none, one or two, UTC first.

    Args:
        recordings: in the order of the run.
        cells: number of cells in each track.
    """
    utc: dict[int, float] = {}
    sequence: dict[int, float] = {}
    end = 0.0
    for number, recording in enumerate(recordings):
        if recording.start_utc_ns is not None:
            utc[number] = recording.start_utc_ns / 1e9
        else:
            sequence[number] = end
            end += recording.seconds
    made = []
    for kind, offsets in (("utc", utc), ("sequence", sequence)):
        if any(recordings[number].seconds > 0 for number in offsets):
            made.append(_track("utc" if kind == "utc" else "sequence", offsets, recordings, cells))
    return made


def _track(kind: Kind, offsets: dict[int, float], recordings: Sequence[Listened], cells: int) -> Track:
    begin = min(offsets.values())
    end = max(
        offset + begin_s + length_s + ahead_s
        for number, offset in offsets.items()
        for begin_s, length_s, ahead_s in recordings[number].spans()
    )
    edges = np.linspace(begin, end, cells + 1)
    recorded, lost = np.zeros(cells), np.zeros(cells)
    for number, offset in offsets.items():
        for begin_s, length_s, ahead_s in recordings[number].spans():
            at = offset + ahead_s
            _cover(recorded, edges, at + begin_s, at + begin_s + length_s)
            for gap in recordings[number].lost:
                first, last = max(gap.begin_s, begin_s), min(gap.begin_s + gap.length_s, begin_s + length_s)
                if first < last:
                    _cover(lost, edges, at + first, at + last)
    # recordings that overlap in time (several hydrophones) do not listen more than all the time
    lost = np.minimum(lost, 1.0)
    return Track(kind, begin, end, offsets, np.clip(recorded - lost, 0.0, 1.0), lost)


def _cover(shares: NDArray[np.float64], edges: NDArray[np.float64], begin: float, end: float) -> None:
    """Add to each cell the share of it that a span covers."""
    first = max(0, int(np.searchsorted(edges, begin, side="right")) - 1)
    last = min(len(shares), int(np.searchsorted(edges, end, side="left")))
    within = np.minimum(edges[first + 1 : last + 1], end) - np.maximum(edges[first:last], begin)
    shares[first:last] += np.maximum(within, 0.0) / (edges[1] - edges[0])
