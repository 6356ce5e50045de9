"""What became of one recording: plain data, whichever process or machine made it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.defect import Defect
from edge_daemon.audio.source import Gap
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.origin import Origin
from edge_daemon.replay.recording import Recording

if TYPE_CHECKING:
    from edge_daemon.detection.document import AdjoiningGap, Detection, ReceivedLevel, UtcBasis


@dataclass(slots=True)
class ReplayResult:
    """What became of one recording.

    Attributes:
        recording: which one.
        error: a sentence on why it could not be replayed, or None; the rest is then empty.
        defects: what was wrong with a recording that was replayed all the same.
        found: events in order of time; `detections()` gives them as documents.
        levels: received level of each event, or None where it cannot be told; empty without a calibrated hydrophone.
        starts: first sample of each window at the model's rate, int64 [N]; empty unless scores were asked for.
        scores: score of each window, float32 [N]; likewise.
        window: samples in a window.
        rate: the model's samples per second.
        origin: what its detections have in common.
        clock: what their UTC rests on.
        start_utc_ns: when the recording began, nanoseconds since 1970 UTC, or None.
        zone_assumed: nothing told the zone of that time, so UTC was taken.
        stretches: (first sample, when that was taken in nanoseconds since 1970 UTC) of each run of sound between pauses
            of the recorder, the first one too; empty where it did not pause.
        time_remarks: sentences on times that contradict each other or were not believed.
        seconds: length of the recording, with what is missing in it.
        read_s: seconds of sound that were read of it.
        lost_s: seconds that were not analysed, by cause.
        gaps: where they are, in samples at the model's rate.
        windows: number of windows scored.
        unusable: of these, those without sound.
        not_rising: events that are no detections, since no call in them rises as far as the rules ask.
        layer_spikes: spikes of each layer over all windows, int64 [layers], or None.
        stage_ns: time spent in each stage of the pipeline, nanoseconds.
        followed_by: the recording in which its sound goes on without a gap, if it was heard as part of a stream.
    """

    recording: Recording
    error: str | None = None
    defects: list[Defect] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    levels: list[ReceivedLevel | None] = field(default_factory=list)
    origin: Origin | None = None
    clock: UtcBasis = "none"
    starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    window: int = 0
    rate: int = 0
    start_utc_ns: int | None = None
    zone_assumed: bool = False
    stretches: list[tuple[int, int]] = field(default_factory=list)
    time_remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0
    read_s: float = 0.0
    lost_s: dict[str, float] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    windows: int = 0
    unusable: int = 0
    not_rising: int = 0
    layer_spikes: NDArray[np.int64] | None = None
    stage_ns: dict[str, int] = field(default_factory=dict)
    followed_by: Recording | None = None

    def detections(self) -> Iterator[Detection]:
        """The documents, made one by one: a document takes twenty times the memory of its event."""
        if self.origin is None or not self.found:
            return
        from edge_daemon.detection.document import describe  # not before there is something to describe

        for place, found in enumerate(self.found):
            document = describe(
                found.event,
                self.origin,
                begin_utc_ns=self.utc_ns(found.event.begin),
                end_utc_ns=self.utc_ns(found.event.end, last=True),
                clock=self.clock,
                gaps=[self._adjoining(gap) for gap in found.gaps],
                backend=found.backend,
                call=found.call,
                part=(found.part, found.parts),
            )
            level = self.levels[place] if self.levels else None
            yield document if level is None else document.model_copy(update={"received_level": level})

    def utc_ns(self, sample: int, *, last: bool = False) -> int | None:
        """When a sample was taken, nanoseconds since 1970 UTC; None if nobody knows.

        Args:
            sample: its index, at the model's rate.
            last: the sample ends a run of sound, so at a seam the time before the pause is meant.
        """
        if not self.stretches:
            return None if self.start_utc_ns is None else self.start_utc_ns + sample * 10**9 // self.rate
        place = bisect_right(self.stretches, sample - last, key=lambda stretch: stretch[0])
        first, utc_ns = self.stretches[max(0, place - 1)]
        return utc_ns + (sample - first) * 10**9 // self.rate

    def runs(self) -> Iterator[tuple[slice, int | None]]:
        """Windows between pauses of the recorder, and when sample 0 would have been had it not paused before them."""
        if not self.stretches:
            yield slice(None), self.start_utc_ns
            return
        firsts = [first for first, _ in self.stretches]
        places = [*np.searchsorted(self.starts, firsts).tolist(), len(self.starts)]
        for (begin, end), (first, utc_ns) in zip(pairwise(places), self.stretches, strict=True):
            yield slice(begin, end), utc_ns - first * 10**9 // self.rate

    def pauses_s(self) -> list[tuple[int, float]]:
        """(sample, seconds) of each pause of the recorder within the file; negative where its clock went back."""
        return [
            (second, (utc_ns - before_ns) / 1e9 - (second - first) / self.rate)
            for (first, before_ns), (second, utc_ns) in pairwise(self.stretches)
        ]

    def _adjoining(self, gap: Gap) -> AdjoiningGap:
        """A gap as documents have it; of a seam the length of the pause."""
        from edge_daemon.detection.document import AdjoiningGap

        # in a stream, both are rounded, each from another beginning
        near = (pause_s for first, pause_s in self.pauses_s() if abs(first - gap.start) <= 1)
        pause_s = 0.0 if gap.length else next(near, 0.0)
        length_s = gap.length / self.rate if gap.length else max(0.0, pause_s)
        return AdjoiningGap(begin_s=gap.start / self.rate, length_s=length_s, cause=gap.cause)
