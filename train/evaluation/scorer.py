"""What gives a recording's windows their scores: a model file through the daemon's own pipeline, or a checkpoint.

A conventional network has no integers and so no model file. To stand beside a spiking one in every table it is judged
from its checkpoint, on the windows that the pipeline would cut (whole recordings without gaps, at the models' rate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Gap
from edge_daemon.audio.stretches import StretchedSource
from edge_daemon.detection.call_context import LEAST_HEARD
from edge_daemon.detection.detector import Detector, DetectorSettings, open_detector
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.pipeline import Output
from edge_daemon.model.frontend import UNUSABLE
from edge_daemon.model.model_file import ModelFile
from train.checkpoint import DOCUMENT, Checkpoint, CheckpointDocument, load, read_document
from train.data.features import compute
from train.data.mixture.windows import begins, cut
from train.data.sound_file import read_window, sound_info
from train.data.whole_recordings import fits
from train.evaluation.event_calls import EventCalls
from train.evaluation.scores import Scores
from train.loop import margins
from train.quantise import QuantisedNetwork

BATCH = 64
"""Windows that are scored together; the scores are the same in any number."""


@dataclass(frozen=True, slots=True)
class JudgedModel:
    """What a person wants to know of a model that was judged.

    Args:
        name: as its makers call it.
        version: of theirs; empty for a checkpoint.
        digest: SHA-256 of the file, or of the data that the checkpoint learned from.
        learned_from: name of the data.
        operating_point: how it was chosen.
        band_hz: of the species' calls.
        rate: samples per second.
    """

    name: str
    version: str
    digest: str
    learned_from: str
    operating_point: str
    band_hz: tuple[float, float]
    rate: int

    @classmethod
    def of_model(cls, model: ModelFile) -> Self:
        """What a model file says of itself."""
        data = model.metadata
        return cls(
            data.name,
            data.version,
            model.digest,
            data.provenance.data,
            data.operating_point.note,
            data.call_band_hz,
            data.frontend.sample_rate,
        )

    @classmethod
    def of_checkpoint(cls, name: str, document: CheckpointDocument) -> Self:
        """What a checkpoint says of itself; its folder gives it the name."""
        spec = document.frontend
        band_hz = (0.025 * spec.sample_rate, 0.125 * spec.sample_rate)
        return cls(name, "", document.data_digest, document.data, "", band_hz, spec.sample_rate)


class Scorer(Protocol):
    """Gives windows their scores."""

    @property
    def about(self) -> JudgedModel:
        """What is judged."""

    @property
    def rules(self) -> EventRules:
        """The model's own event rules."""

    def score(self, path: Path, channel: int = 0) -> Scores:
        """Scores of a recording; raises `AudioError`, `DataError` or `BackendError`."""

    def close(self) -> None:
        """Release what it holds."""


class ModelScorer:
    """A model file, as `edge-daemon replay` runs it on one recording (`--no-join`).

    Args:
        path: the file.
        hop_s: from window to window.

    Raises:
        ModelError, ConfigError, BackendError: the model cannot be run.
    """

    def __init__(self, path: Path, hop_s: float) -> None:
        self._detector: Detector = open_detector(DetectorSettings(model=path, hop_s=hop_s))
        self.rules = self._detector.rules

    @property
    def about(self) -> JudgedModel:
        """What is judged."""
        return JudgedModel.of_model(self._detector.model)

    def score(self, path: Path, channel: int = 0) -> Scores:
        """Scores of a recording.

        Args:
            path: the sound file.
            channel: which channel, from 0.

        Raises:
            AudioError: the file cannot be read.
            BackendError: inference failed.
        """
        with FileSource(path, channel) as file:
            source = StretchedSource(file, recording_start(path).stretches)
            pipeline = self._detector.pipeline(source.rate, batch=BATCH, pad_short=True)
            outputs: list[Output] = []
            while (item := source.read()) is not None:
                outputs.append(_without_sound(pipeline.push(item)))
            outputs.append(pipeline.finish())
        windows = [window for output in outputs for window in output.windows]
        gaps = [gap for output in outputs for gap in output.gaps]
        return Scores(
            np.array([window.start for window in windows], np.int64),
            np.array([window.score for window in windows], np.float32),
            np.array([gap.start for gap in gaps], np.int64),
            pipeline.spec.window,
            self._detector.hop,
            pipeline.spec.sample_rate,
            _event_calls(path, self.about, pipeline.spec.window, self._detector.hop, channel, gaps),
            np.array([gap.start for gap in gaps if gap.seam], np.int64),
        )

    def close(self) -> None:
        """Release the backend."""
        self._detector.close()


class CheckpointScorer:
    """A checkpoint, run by torch.

    Args:
        folder: the checkpoint.
        hop_s: from window to window.

    Raises:
        ModelError: it cannot be read.
    """

    rules = EventRules()

    def __init__(self, folder: Path, hop_s: float) -> None:
        self._checkpoint: Checkpoint = load(folder)
        self._hop_s, self._name = hop_s, folder.name

    @property
    def about(self) -> JudgedModel:
        """What is judged."""
        return JudgedModel.of_checkpoint(self._name, self._checkpoint.document)

    def score(self, path: Path, channel: int = 0) -> Scores:
        """Scores of a recording; arguments as in `ModelScorer.score`.

        Raises:
            DataError: the file cannot be read.
        """
        document, network = self._checkpoint.document, self._checkpoint.network
        spec = document.frontend
        rate, samples = spec.sample_rate, spec.window
        count = max(round(sound_info(path).duration_s * rate), samples)
        begins_s = begins([(0.0, count / rate)], samples / rate, self._hop_s, None)
        windows = cut(read_window(path, 0.0, count, rate, channel), begins_s, samples, rate)
        features, flags = compute(np.ascontiguousarray(windows), spec)
        margin = margins(network, features, exact=isinstance(network, QuantisedNetwork))
        curve = document.calibration
        score = 1 / (1 + np.exp(-margin)) if curve is None else curve.score(margin)
        score = np.where(flags & np.uint8(UNUSABLE), 0, np.maximum(score, LEAST_HEARD)).astype(np.float32)
        starts = np.rint(begins_s * rate).astype(np.int64)
        hop = round(self._hop_s * rate)
        calls = _event_calls(path, self.about, samples, hop, channel)
        return Scores(starts, score, np.zeros(0, np.int64), samples, hop, rate, calls)

    def close(self) -> None:
        """Nothing to release."""


def _event_calls(
    path: Path, about: JudgedModel, window: int, hop: int, channel: int, gaps: Sequence[Gap] = ()
) -> EventCalls:
    breaks = [(gap.start, gap.end) for gap in gaps if gap.cause != "tail"]  # a tail is sound in no window
    return EventCalls(path, about.rate, (window - hop) // 2, about.band_hz, channel, breaks)


def open_scorer(path: Path, hop_s: float) -> Scorer:
    """A scorer for a model file or a checkpoint's folder; errors as in their classes."""
    return CheckpointScorer(path, hop_s) if _is_checkpoint(path) else ModelScorer(path, hop_s)


def read_about(path: Path) -> JudgedModel:
    """What a model file or a checkpoint's folder says of itself, without anything that runs it.

    Raises:
        ModelError: it cannot be read.
    """
    if _is_checkpoint(path):
        return JudgedModel.of_checkpoint(path.name, read_document(path))
    return JudgedModel.of_model(ModelFile.read(path))


def _is_checkpoint(path: Path) -> bool:
    return (path / DOCUMENT).is_file()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to be judged, or several of one recipe, each for the recordings that it did not learn from.

    Args:
        label: what to call it.
        models: model files or checkpoints, each with the patterns of recordings (`folder/file`) that it judges; the
            first one judges what no pattern fits.
    """

    label: str
    models: tuple[tuple[Path, tuple[str, ...]], ...]

    def model_for(self, recording: str) -> int:
        """Which of the models judges a recording of that name."""
        fitting = (number for number, (_, names) in enumerate(self.models) if fits(recording, names))
        return next(fitting, 0)

    def keeps_aside(self, recording: str) -> bool:
        """Whether one of several models is known not to have learned from a recording of that name."""
        return any(fits(recording, names) for _, names in self.models)


def _without_sound(output: Output) -> Output:
    """A day's recording must not stay in memory."""
    output.sound.clear()
    return output
