"""The score of every window of a recording, through the daemon's own pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.detection.detector import Detector
from edge_daemon.detection.pipeline import Output

BATCH = 64
"""Windows that are scored together; the scores are the same in any number."""


@dataclass(frozen=True)
class Scores:
    """Windows of one recording, scored by one model.

    Args:
        starts: int64 [windows], first sample of each at the model's rate.
        scores: float32 [windows], 0…1.
        gaps: int64 [gaps], first samples of sound that is missing.
        window: samples in a window.
        hop: samples from window to window.
        rate: samples per second.
    """

    starts: NDArray[np.int64]
    scores: NDArray[np.float32]
    gaps: NDArray[np.int64]
    window: int
    hop: int
    rate: int

    def highest(self, begin_s: float, end_s: float) -> float:
        """The highest score of the windows that share sound with a span; 0 where there is no window."""
        near = (self.starts < end_s * self.rate) & (self.starts + self.window > begin_s * self.rate)
        return float(self.scores[near].max(initial=0.0))


def score_recording(detector: Detector, path: Path, channel: int = 0) -> Scores:
    """Scores a recording as `edge-daemon replay` does.

    Args:
        detector: model, backend and hop.
        path: the sound file.
        channel: which channel, from 0.

    Raises:
        AudioError: the file cannot be read.
        BackendError: inference failed.
    """
    with FileSource(path, channel) as source:
        pipeline = detector.pipeline(source.rate, batch=BATCH, pad_short=True)
        outputs: list[Output] = []
        while (item := source.read()) is not None:
            outputs.append(_without_sound(pipeline.push(item)))
        outputs.append(pipeline.finish())
    windows = [window for output in outputs for window in output.windows]
    return Scores(
        np.array([window.start for window in windows], np.int64),
        np.array([window.score for window in windows], np.float32),
        np.array([gap.start for output in outputs for gap in output.gaps], np.int64),
        pipeline.spec.window,
        detector.hop,
        pipeline.spec.sample_rate,
    )


def _without_sound(output: Output) -> Output:
    """A day's recording must not stay in memory."""
    output.sound.clear()
    return output
