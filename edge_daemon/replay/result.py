"""What became of one recording: plain data, whichever process or machine made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Gap
from edge_daemon.detection.document import AdjoiningGap, Detection, Origin, ReceivedLevel, UtcBasis, describe
from edge_daemon.detection.pipeline import Found
from edge_daemon.replay.recordings import Recording


@dataclass(slots=True)
class ReplayResult:
    """What became of one recording.

    Attributes:
        recording: which one.
        error: a sentence on why it could not be replayed, or None; the rest is then empty.
        problem: a sentence on what was wrong with a recording that was replayed all the same, or None.
        found: events in order of time; `detections()` gives them as documents.
        levels: received level of each event, or None where it cannot be told; empty without a calibrated hydrophone.
        starts: first sample of each window at the model's rate, int64 [N]; empty unless scores were asked for.
        scores: score of each window, float32 [N]; likewise.
        window: samples in a window.
        rate: the model's samples per second.
        origin: what its detections have in common.
        clock: what their UTC rests on.
        start_utc_ns: when the recording began, nanoseconds since 1970 UTC, or None.
        seconds: length of the recording.
        lost_s: seconds that were not analysed, by cause.
        gaps: where they are, in samples at the model's rate.
        windows: number of windows scored.
        unusable: of these, those without sound.
        layer_spikes: spikes of each layer over all windows, int64 [layers], or None.
        stage_ns: time spent in each stage of the pipeline, nanoseconds.
    """

    recording: Recording
    error: str | None = None
    problem: str | None = None
    found: list[Found] = field(default_factory=list)
    levels: list[ReceivedLevel | None] = field(default_factory=list)
    origin: Origin | None = None
    clock: UtcBasis = "none"
    starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    window: int = 0
    rate: int = 0
    start_utc_ns: int | None = None
    seconds: float = 0.0
    lost_s: dict[str, float] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    windows: int = 0
    unusable: int = 0
    layer_spikes: NDArray[np.int64] | None = None
    stage_ns: dict[str, int] = field(default_factory=dict)

    def detections(self) -> Iterator[Detection]:
        """The documents, made one by one: a document takes twenty times the memory of its event."""
        if self.origin is None:
            return
        for place, found in enumerate(self.found):
            document = describe(
                found.event,
                self.origin,
                begin_utc_ns=self._utc_ns(found.event.begin),
                end_utc_ns=self._utc_ns(found.event.end),
                clock=self.clock,
                gaps=[
                    AdjoiningGap(begin_s=gap.start / self.rate, length_s=gap.length / self.rate, cause=gap.cause)
                    for gap in found.gaps
                ],
                backend=found.backend,
            )
            level = self.levels[place] if self.levels else None
            yield document if level is None else document.model_copy(update={"received_level": level})

    def _utc_ns(self, sample: int) -> int | None:
        return None if self.start_utc_ns is None else self.start_utc_ns + sample * 10**9 // self.rate
