"""Gathering, while a run goes on, what its report will need.

A year of recordings may hold a million detections; the page lists the best-scored of them and counts them all.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_daemon.clock.utc import nanoseconds
from edge_daemon.detection.document import Detection
from edge_daemon.replay.result import ReplayResult
from edge_daemon.report.entry import Entry, Listened, LostSound, ScoreCurve

MOST_ROWS = 50_000
"""Detections that a page lists; more make even a table slow."""
MARGIN_S = 1.5
"""Sound and scores shown before and after a detection."""


class Gathering:
    """Takes results one by one.

    Args:
        hop: samples between windows, at the model's rate.
        most: detections kept, the best-scored ones.

    Attributes:
        recordings: those replayed, in order.
        failures: (name, sentence) of those that could not be, in order.
        problems: (name, sentence) on what was wrong with recordings replayed all the same.
        detections: how many were found, kept or not.
        windows: windows scored.
        lost_s: seconds not analysed, by cause.
        layer_spikes: spikes of each layer, int64 [layers], or None where no result tells.
        backends: names of those that scored; more than one where a fallback took over.
    """

    def __init__(self, hop: int, most: int = MOST_ROWS) -> None:
        self._hop = hop
        self._most = most
        self._best: list[tuple[float, int, Entry]] = []
        self._cut: dict[Path, list[Entry]] = {}  # events that reach beyond their recording, by the one that follows
        self.recordings: list[Listened] = []
        self.failures: list[tuple[str, str]] = []
        self.problems: list[tuple[str, str]] = []
        self.detections = 0
        self.windows = 0
        self.lost_s: Counter[str] = Counter()
        self.layer_spikes: NDArray[np.int64] | None = None
        self.backends: set[str] = set()

    def add(self, result: ReplayResult) -> None:
        """Take one recording's result."""
        recording = result.recording
        if result.error is not None:
            self.failures.append((recording.name, result.error))
            return
        self.problems += [(recording.name, defect.sentence) for defect in result.defects]
        # the rest of a recording that fills no window is counted, but is no loss to look at on a timeline
        lost = tuple(
            LostSound(gap.start / result.rate, gap.length / result.rate, gap.cause)
            for gap in result.gaps
            if gap.cause != "tail"
        )
        self.recordings.append(
            Listened(
                recording.path,
                recording.name,
                result.start_utc_ns,
                result.seconds,
                lost,
                detections=len(result.found),
                time_source=None if result.origin is None else result.origin.time_source,
                remarks=(*(defect.sentence for defect in result.defects), *result.time_remarks),
                followed_by=None if result.followed_by is None else result.followed_by.path,
                stretches=tuple((first / result.rate, utc_ns) for first, utc_ns in result.stretches),
            ),
        )
        self.windows += result.windows
        self.lost_s.update(result.lost_s)
        if result.layer_spikes is not None:
            total = self.layer_spikes
            self.layer_spikes = result.layer_spikes if total is None else total + result.layer_spikes
        self._go_on(result)
        if result.origin is not None and not result.found:
            self.backends.add(result.origin.backend)
        for detection in result.detections():
            self._add_detection(detection, result)

    def entries(self) -> list[Entry]:
        """The detections kept, best score first; of equal ones the earlier first."""
        return [entry for _, _, entry in sorted(self._best, key=lambda kept: (-kept[0], -kept[1]))]

    def _add_detection(self, detection: Detection, result: ReplayResult) -> None:
        self.detections += 1
        self.backends.add(detection.backend)
        key = (detection.peak_score, -self.detections)
        if len(self._best) >= self._most and key <= self._best[0][:2]:
            return
        level = detection.received_level
        entry = Entry(
            id=str(detection.id),
            recording=len(self.recordings) - 1,
            begin_s=detection.begin_s,
            end_s=detection.end_s,
            peak_score=detection.peak_score,
            mean_score=detection.mean_score,
            windows=detection.windows,
            low_hz=detection.low_hz,
            high_hz=detection.high_hz,
            rms_db=None if level is None else level.rms_db,
            gaps=bool(detection.gaps),
            box=detection.box,
            contour=detection.contour,
            at_us=_microseconds(detection.begin_utc),
            curve=self._curve(result, detection.begin_s - MARGIN_S, detection.end_s + MARGIN_S),
        )
        if len(self._best) < self._most:
            heapq.heappush(self._best, (*key, entry))
        else:
            heapq.heapreplace(self._best, (*key, entry))
        if result.followed_by is not None and detection.end_s + MARGIN_S > result.seconds:
            self._cut.setdefault(result.followed_by.path, []).append(entry)

    def _go_on(self, result: ReplayResult) -> None:
        """Add to events on a cut the scores of the recording in which they go on."""
        for entry in self._cut.pop(result.recording.path, ()):
            place = next((place for place, kept in enumerate(self._best) if kept[2] is entry), None)
            before = self.recordings[entry.recording].seconds
            rest = self._curve(result, 0.0, entry.end_s + MARGIN_S - before)
            if place is None or entry.curve is None or rest is None:
                continue
            curve = ScoreCurve(
                np.concatenate((entry.curve.begins_s, rest.begins_s + before)),
                np.concatenate((entry.curve.scores, rest.scores)),
                entry.curve.cell_s,
            )
            self._best[place] = (*self._best[place][:2], replace(entry, curve=curve))

    def _curve(self, result: ReplayResult, begin_s: float, end_s: float) -> ScoreCurve | None:
        """Windows whose cells touch a span."""
        if not len(result.starts):
            return None
        lead = (result.window - self._hop) // 2
        first = np.searchsorted(result.starts, begin_s * result.rate - lead - self._hop, side="right")
        last = np.searchsorted(result.starts, end_s * result.rate - lead, side="left")
        return ScoreCurve(
            begins_s=(result.starts[first:last] + lead) / result.rate,
            scores=result.scores[first:last].copy(),
            cell_s=self._hop / result.rate,
        )


def _microseconds(utc: str | None) -> int | None:
    return None if utc is None else nanoseconds(datetime.fromisoformat(utc)) // 1000
