"""Replay: recordings in, detections out, in the same order and the same bytes however the work is spread.

Each recording is one task (`task`), done here, in processes of its own (`processes`) or on a cluster
(`cluster`). The results come back in the order of the recordings and go into the tables one by one
(`output`), so that memory does not grow with the number of recordings, and neither jobs nor blocks nor batches
can be seen in what is written. What is finished is kept until the run is (`resume`), so that an interrupted one
goes on where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from edge_daemon.detection.detector import plan
from edge_daemon.errors import StorageError
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.recordings import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.resume import FinishedResults
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import (
    Keep,
    Progress,
    Watch,
    close_thread_detector,
    replay_recording,
    thread_detector,
)


@dataclass(slots=True)
class Summary:
    """What a replay amounted to.

    Attributes:
        recordings: number of recordings replayed or tried.
        failures: of these, a sentence for each that could not be replayed.
        taken: of these, those taken over from an earlier run that was interrupted.
        without_utc: of those replayed, the ones whose time of day is unknown.
        zone_assumed: of those, the ones whose zone is not told, so that UTC was taken.
        time_remarks: a sentence for each time that is contradicted or not believed, with the recording's name.
        pauses: pauses of recorders within recordings.
        pause_s: their length, seconds.
        seconds: sound in those replayed.
        taken_s: of it, in those taken over.
        detections: calls found.
        windows: windows scored.
        unusable: of these, those without sound.
        lost_s: seconds not analysed, by cause.
        stage_ns: time in each stage of the pipeline, over all processes, nanoseconds.
    """

    recordings: int = 0
    failures: list[str] = field(default_factory=list)
    taken: int = 0
    without_utc: int = 0
    zone_assumed: int = 0
    time_remarks: list[str] = field(default_factory=list)
    pauses: int = 0
    pause_s: float = 0.0
    seconds: float = 0.0
    taken_s: float = 0.0
    detections: int = 0
    windows: int = 0
    unusable: int = 0
    lost_s: Counter[str] = field(default_factory=Counter)
    stage_ns: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Number of recordings that could not be replayed."""
        return len(self.failures)

    def add(self, result: ReplayResult, *, taken: bool = False) -> None:
        """Take one recording's result."""
        self.recordings += 1
        if result.error is not None:
            self.failures.append(result.error)
            return
        self.without_utc += result.start_utc_ns is None
        self.zone_assumed += result.zone_assumed
        self.time_remarks += [f"'{result.recording.name}': {remark}" for remark in result.time_remarks]
        pauses = [pause_s for _, pause_s in result.pauses_s() if pause_s > 0]
        self.pauses += len(pauses)
        self.pause_s += sum(pauses)
        self.seconds += result.seconds
        if taken:
            self.taken += 1
            self.taken_s += result.seconds
        self.detections += len(result.found)
        self.windows += result.windows
        self.unusable += result.unusable
        self.lost_s.update(result.lost_s)
        self.stage_ns.update(result.stage_ns)


def replay(
    recordings: Sequence[Recording],
    settings: ReplaySettings,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    output: ReplayOutput | None = None,
    watch: Watch = lambda _bytes: None,
    each: Callable[[ReplayResult], None] = lambda _result: None,
) -> Summary:
    """Replay recordings into tables; with tables, what an interrupted run has finished is taken over from it.

    Args:
        recordings: what to replay, in the order of the tables.
        settings: how.
        jobs: number of processes.
        cluster: address of a dask scheduler whose workers replay instead.
        output: the tables, already entered; None writes nothing.
        watch: told now and then how many bytes of the recordings are done.
        each: given every result, in order.

    Raises:
        ModelError, BackendError, ConfigError: the run as a whole cannot work.
        StorageError: a table cannot be written.
        UsageError, ClusterError: the cluster cannot be used.
    """
    # what is wrong with the model is said once, before anything is begun
    look = thread_detector if cluster is None else plan
    digest = look(settings.detector).model.digest
    store = None if output is None else FinishedResults(output.folder, settings, digest)
    finished = set() if store is None else {r.path for r in recordings if store.load(r) is not None}
    left = [recording for recording in recordings if recording.path not in finished]
    before = sum(recording.size for recording in recordings if recording.path in finished)
    keep: Keep = _drop if store is None else store.save
    if cluster is None or not left:
        work = results(left, settings, jobs, lambda done: watch(before + done), keep)
    else:
        from edge_daemon.replay import cluster as replay_cluster

        work = replay_cluster.results(left, settings, cluster, digest, lambda done: watch(before + done), keep)
    summary = Summary()
    try:
        with closing(work):
            for recording in recordings:
                taken = store is not None and recording.path in finished
                result = _taken(store, recording) if store is not None and taken else next(work)
                if output is not None:
                    output.write(result)
                summary.add(result, taken=taken)
                each(result)
    finally:
        close_thread_detector()
    if store is not None and not summary.failures:
        store.clear()
    return summary


def _taken(store: FinishedResults, recording: Recording) -> ReplayResult:
    """Read what was found to be there when the run began."""
    result = store.load(recording)
    if result is None:
        raise StorageError(
            f"The earlier result for '{recording.name}' is gone, or the recording has changed.",
            "Run the same command again.",
        )
    return result


def _drop(_result: ReplayResult) -> None:
    """Keeps nothing."""


def results(
    recordings: Sequence[Recording], settings: ReplaySettings, jobs: int, watch: Watch, keep: Keep = _drop
) -> Generator[ReplayResult, None, None]:
    """Replay recordings; give results in their order.

    Args:
        recordings: what to replay.
        settings: how.
        jobs: number of processes; with 1 everything happens in this one.
        watch: told of the progress from this thread.
        keep: given each result as soon as it is there, from this thread.
    """
    if min(jobs, len(recordings)) > 1:
        # not before it is needed: a megabyte that a single process can do without
        from edge_daemon.replay.processes import Processes

        yield from Processes(settings, min(jobs, len(recordings)), watch, keep).results(recordings)
        return
    done = 0
    for recording in recordings:
        result = replay_recording(recording, settings, _part_of(watch, done, recording.size))
        keep(result)
        yield result
        done += recording.size
        watch(done)


def _part_of(watch: Watch, before: int, size: int) -> Progress:
    return lambda share: watch(before + share * size)
