"""What the report keeps of a recording and of a detection while a run goes on: little, for there may be many."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.call_document import Box, Contour


@dataclass(frozen=True, slots=True)
class LostSound:
    """Sound of a recording that was not analysed.

    Attributes:
        begin_s: seconds since the recording began.
        length_s: seconds, > 0.
        cause: what kept it away.
    """

    begin_s: float
    length_s: float
    cause: str


@dataclass(frozen=True, slots=True)
class Listened:
    """A recording that was replayed.

    Attributes:
        path: where it is.
        name: what it is called in tables and documents.
        start_utc_ns: when it began, nanoseconds since 1970 UTC, or None.
        seconds: its length.
        lost: what was not analysed, in order of time, but for a rest too short for a window.
        detections: how many were found in it.
        time_source: what tells when it began, for people, or None.
        remarks: sentences on what is odd about it.
        followed_by: the file in which its sound goes on without a gap, or None.
        stretches: (seconds since it began by its samples, nanoseconds since 1970 UTC) of each run of sound between
            pauses of the recorder, the first one too; empty where it did not pause.
    """

    path: Path
    name: str
    start_utc_ns: int | None
    seconds: float
    lost: tuple[LostSound, ...] = ()
    detections: int = 0
    time_source: str | None = None
    remarks: tuple[str, ...] = ()
    followed_by: Path | None = None
    stretches: tuple[tuple[float, int], ...] = ()

    def spans(self) -> list[tuple[float, float, float]]:
        """Runs of sound: begin in seconds by the samples, length, and seconds of pauses of the recorder before it."""
        if not self.stretches or self.start_utc_ns is None:
            return [(0.0, self.seconds, 0.0)]
        begins = [begin_s for begin_s, _ in self.stretches]
        ahead = [(utc_ns - self.start_utc_ns) / 1e9 - begin_s for begin_s, utc_ns in self.stretches]
        lengths = [end - begin for begin, end in pairwise([*begins, max(begins[-1], self.seconds)])]
        return list(zip(begins, lengths, ahead, strict=True))


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """Scores of successive windows; each speaks for its cell, the hop around its centre.

    Attributes:
        begins_s: begin of each cell, float64 [N], seconds since the recording began.
        scores: float32 [N], 0…1.
        cell_s: length of a cell, seconds.
    """

    begins_s: NDArray[np.float64]
    scores: NDArray[np.float32]
    cell_s: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One detection, as the page shows it.

    Attributes:
        id: the detection's identity.
        recording: number of its recording in the gathering.
        begin_s: seconds since the recording began.
        end_s: likewise.
        peak_score: highest score of a window.
        mean_score: mean of its windows' scores.
        windows: how many.
        low_hz: lower edge of its band, or None.
        high_hz: upper edge, or None.
        rms_db: received level, dB re 1 µPa, or None.
        gaps: whether sound is missing within a window of it.
        curve: scores of the windows around it, or None where none were kept.
        box: what to select: the call, or the event where its pitch is not known; None draws the detection itself.
        contour: the pitch of the call over time, or None.
        at_us: when it began, microseconds since 1970 UTC, as its document says; None without a time of day.
    """

    id: str
    recording: int
    begin_s: float
    end_s: float
    peak_score: float
    mean_score: float
    windows: int
    low_hz: float | None
    high_hz: float | None
    rms_db: float | None = None
    gaps: bool = False
    curve: ScoreCurve | None = None
    box: Box | None = None
    contour: Contour | None = None
    at_us: int | None = None
