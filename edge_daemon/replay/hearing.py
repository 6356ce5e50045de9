"""Hearing one piece: the task that a process, or a machine of a cluster, does on its own.

A recording on its own is replayed as such. A piece of a stream is heard as one sound: its recordings go through one
pipeline, one behind the other, and positions count from the stream's beginning. Where a recording fails, or gives
another length than its header promised, the run ends, and a new one begins behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from time import perf_counter_ns
from typing import TYPE_CHECKING

from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.stretches import StretchedSource
from edge_daemon.detection.detector import Detector
from edge_daemon.errors import AudioError
from edge_daemon.replay.heard import HeardPiece, HeardRun
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.stream import AHEAD_S
from edge_daemon.replay.task import (
    Progress,
    failure,
    note_end,
    open_recording,
    replay_levels,
    replay_recording,
    sound_of,
    thread_detector,
)

if TYPE_CHECKING:
    from edge_daemon.replay.stream_run import StreamRun

Keep = Callable[[HeardPiece], None]
"""Given each piece as soon as it has been heard, in any order."""

_SLICE_S = 1.0  # of what follows a piece so much at a time is heard
_LONGEST_REACH_S = AHEAD_S - 60.0


def hear(piece: Piece, settings: ReplaySettings, progress: Progress | None = None) -> HeardPiece:
    """Hear one piece; what is wrong with a recording itself becomes part of its result.

    Raises:
        ModelError, BackendError, ConfigError: the run as a whole cannot work.
    """
    if not piece.joined:
        return HeardPiece(piece, [replay_recording(piece.recordings[0], settings, progress)])
    detector = thread_detector(settings.detector)
    return _StreamPiece(piece, settings, detector, progress or (lambda _share: None)).hear()


class _StreamPiece:
    """A piece of a stream while it is heard."""

    def __init__(self, piece: Piece, settings: ReplaySettings, detector: Detector, progress: Progress) -> None:
        self._piece, self._settings, self._detector, self._progress = piece, settings, detector, progress
        self._spec = detector.model.metadata.frontend
        self._resampler = Resampler(piece.rate, self._spec.sample_rate)  # only asked where to enter
        self._entry = 0  # samples of the stream before this one are left to the piece before
        self._run: StreamRun | None = None
        self._runs: list[HeardRun] = []
        self._results: list[ReplayResult] = []

    def hear(self) -> HeardPiece:
        piece, offset = self._piece, self._piece.offset
        for number, (recording, length) in enumerate(zip(piece.recordings, piece.lengths, strict=True)):
            try:
                result = self._hear(recording, number, offset, length)
            except Exception as error:  # noqa: BLE001 - one strange recording must not stop an archive's run
                result = failure(recording, error)
                self._end_run()
            self._results.append(result)
            offset += length
        hands_over = self._hear_on() if piece.ahead else False
        self._end_run()
        return HeardPiece(piece, self._results, self._runs, hands_over)

    def _hear(self, recording: Recording, number: int, offset: int, length: int) -> ReplayResult:
        began = perf_counter_ns()
        source, result, started = open_recording(recording, self._settings, self._detector)
        with closing(sound_of(source, started, self._settings)) as stream:
            self._see_that_it_is_the_same(source, recording)
            if self._run is None:
                self._run = self._new_run(number, offset)
            run, heard = self._run, 0
            while (item := stream.read()) is not None:
                run.note_reading(perf_counter_ns() - began)
                heard = item.end
                for part in _from(_shifted(item, offset), self._entry):
                    run.push(part)
                self._progress(min(1.0, (offset + heard - self._piece.offset) / (self._piece.end - self._piece.offset)))
                began = perf_counter_ns()
            note_end(result, source)
        run.credit(result)
        if heard != length:  # so the next one does not lie where it should
            self._runs.append(run.finish())
            run.credit(result)
            self._run = None
        return result

    def _new_run(self, number: int, offset: int) -> StreamRun:
        from edge_daemon.replay.stream_run import StreamRun

        goes_on = self._piece.continues and number == 0
        self._entry, begin = self._handover(offset) if goes_on else (0, None)
        pipeline = self._detector.pipeline(
            self._piece.rate, batch=self._settings.batch, pad_short=not goes_on, begin=begin
        )
        levels = replay_levels(self._settings, self._detector)
        whole = goes_on or offset == 0
        return StreamRun(pipeline, number, self._detector.hop, levels, begin=begin, whole=whole)

    def _end_run(self) -> None:
        if self._run is not None:
            self._runs.append(self._run.finish())
            if self._results and self._results[-1].error is None:
                self._run.credit(self._results[-1])
            self._run = None

    def _hear_on(self) -> bool:
        """Hear what follows the piece, as far as windows, context and levels of the piece reach.

        Returns:
            false if that cannot be had.
        """
        run, piece = self._run, self._piece
        if run is None:
            return False
        self._run = None
        _, at = self._handover(piece.end)
        # beyond a gap the resampler works in other chunks
        windows_end = self._resampler.needed(at - self._detector.hop + self._spec.window)
        windows_end += 0 if run.on_grid else piece.rate
        levels_end = windows_end + round(self._reach_s() * piece.rate)
        heard, credited, ended = piece.end, False, False
        for item in self._what_follows():
            for part in _cut(item, windows_end):
                if heard < levels_end or run.unsettled:
                    run.push(part)
                    heard = part.end
                if heard >= windows_end and not credited:  # what is scored from here on is the next piece's
                    run.flush()
                    run.credit(self._results[-1])
                    credited = True
            if heard >= levels_end:
                run.flush()  # an event ends as soon as its windows are scored
                # the next piece does not know where an event began that reaches into it, nor where it will be cut
                if not run.unsettled:
                    break
        else:
            ended = True
        hands_over = heard > piece.end
        self._runs.append(run.hand_over(at, self._spec, ended=ended) if hands_over else run.finish())
        if not credited:
            run.credit(self._results[-1])
        return hands_over

    def _what_follows(self) -> Iterator[Block | Gap]:
        """The sound behind the piece, as far as it goes on; whoever hears it says what is wrong with it."""
        offset = self._piece.end
        for recording, length in zip(self._piece.ahead, self._piece.ahead_lengths, strict=True):
            heard = 0
            try:
                with FileSource(recording.file, channel=self._settings.channel - 1, block_seconds=_SLICE_S) as source:
                    self._see_that_it_is_the_same(source, recording)
                    started = recording_start(recording.file, None, self._settings.zone)
                    stream = StretchedSource(source, started.stretches)
                    while (item := stream.read()) is not None:
                        heard = item.end
                        yield _shifted(item, offset)
            except Exception:  # noqa: BLE001 - whoever hears that recording says what is wrong
                return
            if heard != length:
                return
            offset += length

    def _handover(self, offset: int) -> tuple[int, int]:
        """Where a piece that begins at `offset` is entered, and where its windows begin: on the stream's grid."""
        entry, trusted = self._resampler.entry(offset)
        return entry, -(-trusted // self._detector.hop) * self._detector.hop

    def _reach_s(self) -> float:
        """Sound behind the handover that is heard, too: the next piece does not know what an event there stands in."""
        rules = self._detector.rules
        unlike_s = 0.0
        if rules.context_s:  # until its windows have been raised as these are for so long that no other event is open
            unlike_s = rules.context_s + rules.merge_gap_s + rules.refractory_s + 3 * self._spec.window_seconds
        if self._settings.full_scale_db is None:
            return min(_LONGEST_REACH_S, unlike_s)
        from edge_daemon.levels.received_level import AROUND_S

        unlike_s += AROUND_S + rules.max_length_s + rules.refractory_s
        return min(_LONGEST_REACH_S, unlike_s + rules.max_length_s + AROUND_S)

    def _see_that_it_is_the_same(self, source: FileSource, recording: Recording) -> None:
        if (source.rate, source.channels) != (self._piece.rate, self._piece.channels):
            raise AudioError(f"'{recording.name}' has changed since the run began.", "Run the same command again.")


def _shifted(item: Block | Gap, by: int) -> Block | Gap:
    """The item with its position in the stream."""
    if isinstance(item, Gap):
        return replace(item, start=item.start + by)
    return Block(item.samples, item.start + by)


def _from(item: Block | Gap, entry: int) -> list[Block | Gap]:
    """The item as far as it lies behind a sample."""
    cut = max(0, entry - item.start)
    if item.end <= entry:
        return []
    if isinstance(item, Gap):
        return [replace(item, start=item.start + cut, length=item.length - cut)]
    return [Block(item.samples[cut:], item.start + cut)]


def _cut(item: Block | Gap, at: int) -> list[Block | Gap]:
    """The item in two parts, if sound lies on both sides of a sample; a gap stays one."""
    if isinstance(item, Gap) or not item.start < at < item.end:
        return [item]
    return [Block(item.samples[: at - item.start], item.start), *_from(item, at)]
