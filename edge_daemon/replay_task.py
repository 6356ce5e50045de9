"""Replaying one recording: the task that a process, or a machine of a cluster, does on its own.

A task needs nothing but its arguments, and its result is plain data, so it does not matter where and in which order
tasks are run. A recording that cannot be read gives a result that says so; it never stops the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.starttime import StartTime
from edge_daemon.audio.wavfile import FileSource
from edge_daemon.backends.base import Backend
from edge_daemon.backends.registry import create
from edge_daemon.bundle import Bundle
from edge_daemon.detection import AdjoiningGap, Detection, ModelReference, Origin, UtcBasis, describe
from edge_daemon.errors import AudioError, BackendError, ConfigError
from edge_daemon.events import EventRules
from edge_daemon.pipeline import Found, Output, Pipeline
from edge_daemon.recordings import Recording


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What is the same for all recordings of a run.

    Attributes:
        model: the model file.
        hop_s: seconds between successive windows.
        threshold: instead of the model's own, or None.
        channel: counted from 1.
        start: when the (only) recording began, if the user said so.
        scores: whether the result carries the score of every window.
        batch: windows per inference.
        block_s: seconds of sound per read.
        device: what detections give as their device.
        backend: name of the backend.
    """

    model: Path
    hop_s: float = 0.5
    threshold: float | None = None
    channel: int = 1
    start: StartTime | None = None
    scores: bool = False
    batch: int = 8  # more is hardly faster, and takes a megabyte a window
    block_s: float = 16.0
    device: str = "replay"
    backend: str = "onnx"


@dataclass(slots=True)
class ReplayResult:
    """What became of one recording.

    Attributes:
        recording: which one.
        error: a sentence on why it could not be replayed, or None; the rest is then empty.
        problem: a sentence on what was wrong with a recording that was replayed all the same, or None.
        found: events in order of time; `detections()` gives them as documents.
        starts: first sample of each window at the model's rate, int64 [N]; empty unless scores were asked for.
        scores: score of each window, float32 [N]; likewise.
        window: samples in a window.
        rate: the model's samples per second.
        origin: what its detections have in common.
        clock: what their UTC rests on.
        start_utc_ns: when the recording began, nanoseconds since 1970 UTC, or None.
        seconds: length of the recording.
        lost_s: seconds that were not analysed, by cause.
        windows: number of windows scored.
        unusable: of these, those without sound.
        stage_ns: time spent in each stage of the pipeline, nanoseconds.
    """

    recording: Recording
    error: str | None = None
    problem: str | None = None
    found: list[Found] = field(default_factory=list)
    origin: Origin | None = None
    clock: UtcBasis = "none"
    starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    window: int = 0
    rate: int = 0
    start_utc_ns: int | None = None
    seconds: float = 0.0
    lost_s: dict[str, float] = field(default_factory=dict)
    windows: int = 0
    unusable: int = 0
    stage_ns: dict[str, int] = field(default_factory=dict)

    def detections(self) -> Iterator[Detection]:
        """The documents, made one by one: a document takes twenty times the memory of its event."""
        if self.origin is None:
            return
        for found in self.found:
            yield describe(
                found.event,
                self.origin,
                begin_utc_ns=self._utc_ns(found.event.begin),
                end_utc_ns=self._utc_ns(found.event.end),
                clock=self.clock,
                gaps=[
                    AdjoiningGap(begin_s=gap.start / self.rate, length_s=gap.length / self.rate, cause=gap.cause)
                    for gap in found.gaps
                ],
            )

    def _utc_ns(self, sample: int) -> int | None:
        return None if self.start_utc_ns is None else self.start_utc_ns + sample * 10**9 // self.rate


Progress = Callable[[float], None]
"""Told now and then which share of the recording is done, 0…1; may raise `Stopped`."""


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """Raised by `progress` to give up a recording."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to run, with the rules and the hop of this run."""

    bundle: Bundle
    backend: Backend
    rules: EventRules
    hop: int


@lru_cache(maxsize=1)
def load_model(settings: ReplaySettings) -> LoadedModel:
    """Load the model of a run, once in each process.

    Raises:
        ModelError: the file is no model of ours.
        BackendError: the backend is not there or refuses the model.
        ConfigError: hop or threshold do not suit the model.
    """
    bundle = Bundle.read(settings.model)
    metadata = bundle.metadata
    spec = metadata.frontend
    hop = round(settings.hop_s * spec.sample_rate)
    if not 1 <= hop <= spec.window:
        raise ConfigError(
            f"A hop of {settings.hop_s:g} s does not suit windows of {spec.window_seconds:g} s.",
            f"Choose one between {1 / spec.sample_rate:g} and {spec.window_seconds:g} s.",
        )
    rules = EventRules.for_model(metadata.operating_point, threshold=settings.threshold)
    return LoadedModel(bundle, create(bundle, settings.backend), rules, hop)


def replay_recording(recording: Recording, settings: ReplaySettings, progress: Progress | None = None) -> ReplayResult:
    """Replay one recording; what is wrong with the recording itself becomes part of the result.

    Raises:
        ModelError, BackendError, ConfigError: the run as a whole cannot work.
    """
    model = load_model(settings)
    try:
        return _replay(recording, settings, model, progress or _ignore)
    except AudioError as error:
        return ReplayResult(recording, error=str(error))
    except (BackendError, ConfigError, Stopped):
        raise
    except Exception as error:  # noqa: BLE001 - one strange recording must not stop an archive's run
        return ReplayResult(
            recording, error=f"'{recording.name}' could not be replayed ({type(error).__name__}: {error})."
        )


def _ignore(_share: float) -> None:
    """Progress that nobody watches."""


def _replay(recording: Recording, settings: ReplaySettings, model: LoadedModel, progress: Progress) -> ReplayResult:
    began = perf_counter_ns()
    source = FileSource(
        recording.path, channel=settings.channel - 1, block_seconds=settings.block_s, start=settings.start
    )
    try:
        pipeline = Pipeline(
            model.bundle.metadata.frontend,
            model.backend,
            model.rules,
            source_rate=source.rate,
            hop=model.hop,
            batch=settings.batch,
            call_band_hz=model.bundle.metadata.call_band_hz,
            pad_short=True,
        )
        result = ReplayResult(recording, window=pipeline.spec.window, rate=pipeline.spec.sample_rate)
        result.start_utc_ns = None if source.start_utc is None else _nanoseconds(source.start_utc)
        result.origin, result.clock = _origin(recording, settings, model), _basis(settings, source)
        collector = _Collector(result)
        while (item := source.read()) is not None:
            pipeline.tally.stage_ns["read"] += perf_counter_ns() - began
            collector.add(pipeline.push(item), keep_scores=settings.scores)
            progress(min(1.0, item.end / max(1, source.frames)))
            began = perf_counter_ns()
        collector.add(pipeline.finish(), keep_scores=settings.scores)
        result.seconds = source.duration
        result.problem = source.problem
    finally:
        source.close()
    collector.close()
    result.windows, result.unusable = pipeline.tally.windows, pipeline.tally.unusable
    result.stage_ns = dict(pipeline.tally.stage_ns)
    return result


class _Collector:
    """Gathers a pipeline's outputs into a result, in few bytes per window."""

    def __init__(self, result: ReplayResult) -> None:
        self._result = result
        self._starts: list[NDArray[np.int64]] = []
        self._scores: list[NDArray[np.float32]] = []
        self._lost: Counter[str] = Counter()

    def add(self, output: Output, *, keep_scores: bool) -> None:
        if keep_scores:
            self._starts.append(np.array([window.start for window in output.windows], np.int64))
            self._scores.append(np.array([window.score for window in output.windows], np.float32))
        for gap in output.gaps:
            self._lost[gap.cause] += gap.length
        self._result.found += output.found

    def close(self) -> None:
        if self._starts:
            self._result.starts = np.concatenate(self._starts)
            self._result.scores = np.concatenate(self._scores)
        rate = self._result.rate
        self._result.lost_s = {cause: length / rate for cause, length in sorted(self._lost.items()) if length}


def _origin(recording: Recording, settings: ReplaySettings, model: LoadedModel) -> Origin:
    metadata = model.bundle.metadata
    return Origin(
        device=settings.device,
        stream=recording.name,
        label=metadata.label,
        model=ModelReference(name=metadata.name, version=metadata.version, digest=model.bundle.digest),
        backend=model.backend.name,
        threshold=model.rules.threshold,
        rate=metadata.frontend.sample_rate,
        file=recording.name,
        channel=settings.channel,
    )


def _basis(settings: ReplaySettings, source: FileSource) -> UtcBasis:
    if settings.start is not None:
        return "given"
    return "none" if source.start_utc is None else "file_name"


def _nanoseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
