"""The daemon's condition: what every part says, as the health document and as a line for the service manager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from edge_daemon.audio.capture.live_source import LiveSource
from edge_daemon.backends.guarded import GuardedBackend
from edge_daemon.clips.store import ClipStore
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.health.board import Board
from edge_daemon.health.counters import ComponentReports, HealthCounters
from edge_daemon.health.document import ClockHealth, HealthDocument, InputHealth, ModelHealth, OutboxHealth, QueueHealth
from edge_daemon.levels.stream_levels import StreamLevels
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.live.sound_queue import SoundQueue
from edge_daemon.live.storage_loop import MOST_CLIPS, StorageLoop
from edge_daemon.model.model_file import ModelFile
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.outbox.outbox import Outbox, OutboxReport
from edge_daemon.storage.database import DatabaseReport

COUNTERS_EVERY_NS = 2 * SECOND_NS


class HealthCollector:
    """Asks the parts; none of them waits for a disk or a network to answer.

    Args:
        book: the counters.
        source, queue, times, outbox, ledger, keeper, store, model_file, backend, board, levels: the parts.
        mqtt: the publisher's report; None without a publisher.
        time: clocks.
        queue_blocks: entries that the queue is meant to hold, for its health.
    """

    def __init__(
        self,
        book: HealthCounters,
        *,
        source: LiveSource,
        queue: SoundQueue,
        queue_blocks: int,
        times: SampleTime,
        outbox: Outbox,
        ledger: EffortLedger,
        keeper: StorageLoop,
        store: ClipStore | None,
        model_file: ModelFile,
        backend: GuardedBackend,
        board: Board,
        levels: StreamLevels | None,
        mqtt: Callable[[], MqttReport | None],
        time: TimeSource,
    ) -> None:
        self._book, self._source, self._queue, self._queue_blocks = book, source, queue, queue_blocks
        self._times, self._outbox, self._ledger, self._keeper, self._store = times, outbox, ledger, keeper, store
        self._model, self._backend, self._board, self._levels = model_file, backend, board, levels
        self._mqtt, self._time = mqtt, time
        self.newest: HealthDocument | None = None
        """The document published last."""
        self._counters: dict[str, float] = {}  # the backend's, which is asked by the scoring thread alone
        self._counters_due_ns = time.monotonic_ns()

    def note_backend(self) -> None:
        """Ask the backend for its counters, now and then; for the thread that scores."""
        now_ns = self._time.monotonic_ns()
        if now_ns >= self._counters_due_ns:
            self._counters_due_ns = now_ns + COUNTERS_EVERY_NS
            self._counters = dict(self._backend.health())

    def document(self) -> HealthDocument:
        """The health document of this moment, to be published."""
        self.newest = self.reading()
        return self.newest

    def reading(self) -> HealthDocument:
        """The health document of this moment."""
        return self._book.document(self._time.monotonic_ns(), self._time.utc_ns(), self._surroundings())

    def status(self) -> str:
        """One line for `systemctl status`."""
        state, mqtt = self._source.state, self._mqtt()
        doing = {
            "opening": f"opening '{state.device}'",
            "listening": f"listening to '{state.device}' at {self._source.rate} Hz",
            "waiting": f"waiting for '{state.device}': {state.last_error.removesuffix('.')}",
            "paused": "resting by schedule",
            "closed": "input closed",
        }[state.phase]
        if state.phase == "listening" and state.dead_input:
            doing = f"'{state.device}' gives samples that do not change"
        broker = "no broker configured" if mqtt is None else f"broker {mqtt.state}"
        return f"{doing}; {self._book.detections} detections; {broker}; {self._outbox.report().depth} unsent"

    def _surroundings(self) -> ComponentReports:
        outbox, mqtt = self._outbox.report(), self._mqtt()
        counters = self._counters
        waiting = self._queue.report()
        metadata = self._model.metadata
        return ComponentReports(
            input=InputHealth.model_validate(self._source.state),
            queues={
                "sound": QueueHealth(
                    length=waiting.blocks,
                    capacity=max(self._queue_blocks, waiting.blocks),
                    dropped=waiting.dropped_blocks,
                ),
                "clips": QueueHealth(
                    length=self._keeper.waiting_clips, capacity=MOST_CLIPS, dropped=self._keeper.dropped_clips
                ),
            },
            outbox=outbox_health(outbox),
            mqtt=mqtt,
            clock=ClockHealth(state=self._times.state, drift_ppm=self._times.drift_ppm, steps=self._times.steps),
            board=self._board.read(),
            model=ModelHealth(
                name=metadata.name,
                version=metadata.version,
                digest=self._model.digest,
                backend=self._backend.name,
                fallback=bool(counters.get("fallback_active", 0.0)),
            ),
            backend=counters,
            clips={} if self._store is None else asdict(self._store.report()),
            ambient_db=None if self._levels is None else self._levels.ambient_db,
            problems=self._problems(outbox),
        )

    def _problems(self, outbox: OutboxReport) -> tuple[str, ...]:
        effort = self._ledger.report()
        found = [*damage("outbox", outbox.database), *damage("effort ledger", effort.database)]
        if effort.database.state == "unavailable":
            found.append(f"effort is in memory only: {effort.database.reason}")
        if effort.forgotten:
            found.append(f"{effort.forgotten} spans of effort forgotten while the disk failed")
        if self._backend.problem:
            found.append(self._backend.problem)
        clips = None if self._store is None else self._store.report()
        if clips is not None and clips.reason:
            found.append(clips.reason)
        return tuple(found)


def outbox_health(report: OutboxReport) -> OutboxHealth:
    """The outbox's part of the document."""
    return OutboxHealth(
        depth=report.depth,
        held=report.held,
        dropped={f"{kind}/{reason}": count for (kind, reason), count in sorted(report.dropped.items())},
        available=report.database.state != "unavailable",
        reason=report.database.reason,
    )


def damage(name: str, report: DatabaseReport) -> list[str]:
    """A sentence for each file that was found damaged and set aside."""
    return [f"the {name} was damaged and set aside as {path.name}" for path in report.set_aside]
