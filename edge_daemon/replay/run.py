"""Replay: recordings in, detections out, in the same order and the same bytes however the work is spread.

A recording on its own, or a piece of a continuous stream of them (`stream`), is one task (`hearing`), done here, in
processes of its own (`processes`) or on a cluster (`cluster`). What comes back, in the order of the pieces, is put
together to results (`stream_events`), and these go into the tables in the order of the recordings, one by one
(`output`). So memory does not grow with the number of recordings, and neither jobs nor pieces nor blocks nor batches
can be seen in what is written. What is finished is kept until the run is (`resume`, `finished_pieces`), so that an
interrupted one goes on where it stopped.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edge_daemon.audio.defect import Defect
from edge_daemon.detection.detector import DetectorPlan, plan
from edge_daemon.errors import StorageError
from edge_daemon.replay.heard import HeardPiece
from edge_daemon.replay.hearing import Keep, hear
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.plan import ReplayPlan, plan_replay
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import Progress, Watch, close_thread_detector, thread_detector

if TYPE_CHECKING:
    from edge_daemon.replay.finished_pieces import FinishedPieces
    from edge_daemon.replay.output import ReplayOutput
    from edge_daemon.replay.stream_events import Placed, StreamEvents


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
        with_defects: of those replayed, the ones with something wrong.
        defects: what is wrong with them.
        seconds: sound that was read.
        taken_s: of it, in those taken over.
        detections: calls found.
        windows: windows scored.
        unusable: of these, those without sound.
        not_rising: events that are no detections, since no call in them rises as far as the rules ask.
        lost_s: seconds not analysed, by cause.
        stage_ns: time in each stage of the pipeline, over all processes, nanoseconds.
        plan: what was heard together.
        backends: names of those that ran the network, with the number of recordings; none of those taken over.
    """

    recordings: int = 0
    failures: list[str] = field(default_factory=list)
    taken: int = 0
    without_utc: int = 0
    zone_assumed: int = 0
    time_remarks: list[str] = field(default_factory=list)
    pauses: int = 0
    pause_s: float = 0.0
    with_defects: int = 0
    defects: list[Defect] = field(default_factory=list)
    seconds: float = 0.0
    taken_s: float = 0.0
    detections: int = 0
    windows: int = 0
    unusable: int = 0
    not_rising: int = 0
    lost_s: Counter[str] = field(default_factory=Counter)
    stage_ns: Counter[str] = field(default_factory=Counter)
    plan: ReplayPlan = field(default_factory=ReplayPlan)
    backends: Counter[str] = field(default_factory=Counter)

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
        self.seconds += result.read_s
        self.with_defects += bool(result.defects)
        self.defects += result.defects
        if taken:
            self.taken += 1
            self.taken_s += result.read_s
        elif result.origin is not None:
            self.backends[result.origin.backend] += 1
        self.detections += len(result.found)
        self.windows += result.windows
        self.unusable += result.unusable
        self.not_rising += result.not_rising
        self.lost_s.update(result.lost_s)
        self.stage_ns.update(result.stage_ns)


def replay(
    recordings: Sequence[Recording],
    settings: ReplaySettings,
    *,
    join: bool = True,
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
        join: hear recordings that follow each other without a gap as one stream.
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
    detector = (thread_detector if cluster is None else plan)(settings.detector)
    digest = detector.model.digest
    store = None if output is None else _store(output, settings, digest)
    made = plan_replay(recordings, join=join, zone=settings.zone)
    finished = set() if store is None else {n for n, piece in enumerate(made.pieces) if store.load(piece) is not None}
    left = made.pieces.without(finished)
    before = sum(made.pieces[number].size for number in finished)
    keep: Keep = _drop if store is None else store.save
    if cluster is None or not left:
        work = heard_here(left, settings, jobs, lambda done: watch(before + done), keep)
    else:
        from edge_daemon.replay import cluster as replay_cluster

        work = replay_cluster.heard_there(left, settings, cluster, digest, lambda done: watch(before + done), keep)
    summary = Summary(plan=made)
    taken: set[int] = set()  # of the recordings whose results have not been given yet

    def heard() -> Iterator[HeardPiece]:
        for number, piece in enumerate(made.pieces):
            if store is not None and number in finished:
                taken.update(piece.places)
                yield _taken(store, piece)
            else:
                yield next(work)

    try:
        with closing(work):
            for place, result in in_order(placed(heard(), detector, settings)):
                result.followed_by = made.followers.of(place)
                if place in made.odd and result.error is None:
                    result.defects.append(made.odd[place])
                if output is not None:
                    output.write(result)
                summary.add(result, taken=place in taken)
                taken.discard(place)
                each(result)
    finally:
        close_thread_detector()
    if store is not None and not summary.failures:
        store.clear()
    return summary


def placed(heard: Iterator[HeardPiece], detector: DetectorPlan, settings: ReplaySettings) -> Iterator[Placed]:
    """The results of recordings, from the pieces in their order; results come as soon as they are complete.

    Args:
        heard: all pieces.
        detector: how events are found.
        settings: of the run.
    """
    streams: dict[int, StreamEvents] = {}
    for one in heard:
        piece = one.piece
        if not piece.joined:
            yield piece.places[0], one.results[0]
            continue
        if piece.stream not in streams:
            from edge_daemon.replay.stream_events import StreamEvents

            calibrated = settings.full_scale_db is not None
            streams[piece.stream] = StreamEvents(detector, calibrated=calibrated, scores=settings.scores)
        stream = streams[piece.stream]
        if piece.continues and one.runs and one.runs[0].first == 0 and not stream.handed_over:
            # the piece before ended otherwise than its headers said: this one's beginning has not been heard yet
            yield from stream.add(hear(piece.anew(), settings))
        else:
            yield from stream.add(one)
        if not piece.ahead:
            del streams[piece.stream]


def in_order(results: Iterator[Placed]) -> Iterator[Placed]:
    """The same results in the order of the recordings; recorders that take turns in a folder wait for each other."""
    waiting: dict[int, ReplayResult] = {}
    turn = 0
    for place, result in results:
        waiting[place] = result
        while turn in waiting:
            yield turn, waiting.pop(turn)
            turn += 1


def _store(output: ReplayOutput, settings: ReplaySettings, digest: str) -> FinishedPieces:
    # not before it is needed: its documents take longer to import than those of the model
    from edge_daemon.replay.finished_pieces import FinishedPieces
    from edge_daemon.replay.resume import FinishedResults

    return FinishedPieces(FinishedResults(output.folder, settings, digest))


def _taken(store: FinishedPieces, piece: Piece) -> HeardPiece:
    """Read what was found to be there when the run began."""
    heard = store.load(piece)
    if heard is None:
        raise StorageError(
            f"The earlier result for '{piece.recordings[0].name}' is gone, or the recording has changed.",
            "Run the same command again.",
        )
    return heard


def _drop(_heard: HeardPiece) -> None:
    """Keeps nothing."""


def heard_here(
    pieces: Sequence[Piece], settings: ReplaySettings, jobs: int, watch: Watch, keep: Keep = _drop
) -> Generator[HeardPiece, None, None]:
    """Hear pieces; give what became of them in their order.

    Args:
        pieces: what to hear.
        settings: how.
        jobs: number of processes; with 1 everything happens in this one.
        watch: told of the progress from this thread.
        keep: given each piece as soon as it has been heard, from this thread.
    """
    jobs = min(jobs, len(pieces))
    settings = replace(settings, decode_ahead=jobs < len(os.sched_getaffinity(0)))  # else there is no core for it
    if jobs > 1:
        # not before it is needed: a megabyte that a single process can do without
        from edge_daemon.replay.processes import Processes

        yield from Processes(settings, jobs, watch, keep).heard(pieces)
        return
    done = 0
    for piece in pieces:
        heard = hear(piece, settings, _part_of(watch, done, piece.size))
        keep(heard)
        yield heard
        done += piece.size
        watch(done)


def _part_of(watch: Watch, before: int, size: int) -> Progress:
    return lambda share: watch(before + share * size)
