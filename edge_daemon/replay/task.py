"""Replaying one recording: the task that a process, or a machine of a cluster, does on its own.

A task needs nothing but its arguments, and its result is plain data, so it does not matter where and in which order
tasks are run. A recording that cannot be read gives a result that says so; it never stops the others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.recording_identity import recording_identity
from edge_daemon.audio.recording_start import RecordingStart, recording_start
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.stretches import StretchedSource
from edge_daemon.clock.utc import nanoseconds
from edge_daemon.detection.detector import Detector, DetectorSettings, open_detector
from edge_daemon.detection.pipeline import Output
from edge_daemon.errors import AudioError, BackendError, ConfigError
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings

if TYPE_CHECKING:
    from edge_daemon.replay.received_levels import ReplayLevels

Progress = Callable[[float], None]
"""Told now and then which share of the recording is done, 0…1; may raise `Stopped`."""


Watch = Callable[[float], None]
"""Told now and then how many bytes of the recordings are done."""


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """Raised by `progress` to give up a recording."""


_opened = threading.local()
"""The detector of each thread (a cluster's workers have several): backends need not stand two callers at a time."""


def thread_detector(settings: DetectorSettings) -> Detector:
    """The detector of a run, opened once in each thread; settings other than last time's close that one.

    Raises:
        ModelError, BackendError, ConfigError: as `open_detector`.
    """
    if getattr(_opened, "settings", None) != settings:
        close_thread_detector()
        _opened.detector, _opened.settings = open_detector(settings), settings
    detector: Detector = _opened.detector
    return detector


def close_thread_detector() -> None:
    """Close this thread's detector, if there is one: a vendor's device or process is given back."""
    if getattr(_opened, "settings", None) is not None:
        _opened.settings = None
        _opened.detector.close()
        del _opened.detector


def replay_recording(recording: Recording, settings: ReplaySettings, progress: Progress | None = None) -> ReplayResult:
    """Replay one recording; what is wrong with the recording itself becomes part of the result.

    Raises:
        ModelError, BackendError, ConfigError: the run as a whole cannot work.
    """
    detector = thread_detector(settings.detector)
    try:
        return _replay(recording, settings, detector, progress or _ignore)
    except Exception as error:  # noqa: BLE001 - one strange recording must not stop an archive's run
        return failure(recording, error)


def failure(recording: Recording, error: Exception) -> ReplayResult:
    """What becomes of a recording in which something went wrong.

    Raises:
        BackendError, ConfigError, Stopped: the error itself, where it is not the recording's.
    """
    if isinstance(error, BackendError | ConfigError | Stopped):
        raise error
    if isinstance(error, AudioError):
        return ReplayResult(recording, error=_unicode(str(error)))
    told = f"'{recording.name}' could not be replayed ({type(error).__name__}: {error})."
    return ReplayResult(recording, error=_unicode(told))


def _unicode(text: str) -> str:
    r"""Fit to be written: bytes of a file's name that are no UTF-8 are told as `\xff`."""
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


def _ignore(_share: float) -> None:
    """Progress that nobody watches."""


def open_recording(
    recording: Recording, settings: ReplaySettings, detector: Detector
) -> tuple[FileSource, ReplayResult, RecordingStart]:
    """Open a recording, and begin its result: whose it is and when it was made.

    Raises:
        AudioError: as `FileSource`.
    """
    started = recording_start(recording.file, settings.start, settings.zone)
    source = FileSource(
        recording.file,
        channel=settings.channel - 1,
        block_seconds=settings.block_s,
        start=started.start,
        tolerance_s=detector.model.metadata.frontend.window_seconds,
    )
    try:
        _see_that_calls_fit(source, detector)
        spec = detector.model.metadata.frontend
        result = ReplayResult(recording, window=spec.window, rate=spec.sample_rate)
        origin = detector.origin(
            settings.device,
            recording_identity(recording.file),
            file=recording.name,
            channel=settings.channel,
            position=settings.position,
            full_scale_db=settings.full_scale_db,
        )
        result.origin = replace(origin, time_source=started.source)
        _tell_time(result, started, source.rate)
    except BaseException:
        source.close()
        raise
    return source, result, started


def sound_of(source: FileSource, started: RecordingStart, settings: ReplaySettings) -> StretchedSource:
    """The sound of a recording that was opened, as it is heard; whoever closes it closes the recording."""
    if not (settings.decode_ahead and source.by_library):
        return StretchedSource(source, started.stretches)
    from edge_daemon.audio.read_ahead import ReadAheadSource

    return StretchedSource(ReadAheadSource(source), started.stretches)


def note_end(result: ReplayResult, source: FileSource) -> None:
    """The recording has been read: note how much there was, and what was wrong with it."""
    result.seconds, result.read_s = source.duration, source.read_frames / source.rate
    result.defects = [replace(defect, sentence=_unicode(defect.sentence)) for defect in source.defects]


def _replay(recording: Recording, settings: ReplaySettings, detector: Detector, progress: Progress) -> ReplayResult:
    began = perf_counter_ns()
    source, result, started = open_recording(recording, settings, detector)
    stream = sound_of(source, started, settings)
    try:
        pipeline = detector.pipeline(source.rate, batch=settings.batch, pad_short=True)
        collector = _Collector(result, settings, replay_levels(settings, detector))
        while (item := stream.read()) is not None:
            pipeline.tally.stage_ns["read"] += perf_counter_ns() - began
            collector.add(pipeline.push(item))
            progress(min(1.0, item.end / max(1, source.frames)))
            began = perf_counter_ns()
        collector.add(pipeline.finish())
        note_end(result, source)
    finally:
        stream.close()
    collector.close()
    result.windows, result.unusable = pipeline.tally.windows, pipeline.tally.unusable
    result.not_rising = pipeline.tally.not_rising
    result.layer_spikes = pipeline.tally.layer_spikes
    result.stage_ns = dict(pipeline.tally.stage_ns)
    return result


def _see_that_calls_fit(source: FileSource, detector: Detector) -> None:
    """Refuse a recording in which no call can be: to count it as listened to would be wrong.

    Raises:
        AudioError: the sample rate does not hold the band of the calls.
    """
    low, high = detector.model.metadata.call_band_hz
    if source.rate < 2 * high:
        raise AudioError(
            f"'{source.name}' has a sample rate of {source.rate} Hz, which holds sound up to {source.rate / 2:g} Hz;"
            f" the calls lie at {low:g} to {high:g} Hz. It was not listened to.",
            "Use the recording at its first sample rate, or a model for lower calls.",
        )


class _Collector:
    """Gathers a pipeline's outputs into a result, in few bytes per window."""

    def __init__(self, result: ReplayResult, settings: ReplaySettings, levels: ReplayLevels | None) -> None:
        self._result = result
        self._keep_scores = settings.scores
        self._levels = levels
        self._starts: list[NDArray[np.int64]] = []
        self._scores: list[NDArray[np.float32]] = []
        self._lost: Counter[str] = Counter()

    def add(self, output: Output) -> None:
        if self._keep_scores:
            self._starts.append(np.array([window.start for window in output.windows], np.int64))
            self._scores.append(np.array([window.score for window in output.windows], np.float32))
        for gap in output.gaps:
            self._lost[gap.cause] += gap.length
            if gap.length:
                self._result.gaps.append(gap)
        self._result.found += output.found
        if self._levels is not None:
            self._levels.add(output)

    def close(self) -> None:
        if self._levels is not None:
            self._levels.finish()
            self._result.levels = self._levels.levels
        if self._starts:
            self._result.starts = np.concatenate(self._starts)
            self._result.scores = np.concatenate(self._scores)
        rate = self._result.rate
        self._result.lost_s = {cause: length / rate for cause, length in sorted(self._lost.items()) if length}


def replay_levels(settings: ReplaySettings, detector: Detector) -> ReplayLevels | None:
    """What measures received levels; None without a calibrated hydrophone."""
    if settings.full_scale_db is None:
        return None
    from edge_daemon.replay.received_levels import ReplayLevels

    spec, rules = detector.model.metadata.frontend, detector.rules
    known_s = settings.batch * detector.hop / spec.sample_rate + 2 * spec.window_seconds + rules.merge_gap_s
    return ReplayLevels(
        spec.sample_rate,
        settings.full_scale_db,
        longest_event_s=rules.max_length_s,
        delay_s=known_s + settings.block_s + 1.0,  # the resampler works in chunks of up to a quarter second
    )


def _tell_time(result: ReplayResult, started: RecordingStart, source_rate: int) -> None:
    """Write into the result when its samples were taken, and how that is known."""
    if started.start is not None:
        result.start_utc_ns = nanoseconds(started.start.utc)
        result.zone_assumed = started.start.zone_assumed
    result.clock = started.told_by or "none"
    # rounded up, as the resampler does
    result.stretches = [
        (-(-stretch.first * result.rate // source_rate), nanoseconds(stretch.utc)) for stretch in started.stretches
    ]
    result.time_remarks = [_unicode(remark) for remark in started.remarks]
