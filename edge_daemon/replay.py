"""Replay: recordings in, detections out, in the same order and the same bytes however the work is spread.

Each recording is one task (`replay_task`), done here or in processes of its own (`replay_pool`). The results come back
in the order of the recordings and go into the tables one by one (`replay_output`), so that memory does not grow with
the number of recordings, and neither jobs nor blocks nor batches can be seen in what is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge_daemon.recordings import Recording
from edge_daemon.replay_output import ReplayOutput
from edge_daemon.replay_pool import Watch, results
from edge_daemon.replay_task import ReplayResult, ReplaySettings, load_model


@dataclass(slots=True)
class Summary:
    """What a replay amounted to.

    Attributes:
        recordings: number of recordings replayed or tried.
        failed: of these, those that could not be replayed.
        without_utc: of those replayed, the ones whose time of day is unknown.
        seconds: sound in those replayed.
        detections: calls found.
        windows: windows scored.
        unusable: of these, those without sound.
        lost_s: seconds not analysed, by cause.
        stage_ns: time in each stage of the pipeline, over all processes, nanoseconds.
    """

    recordings: int = 0
    failed: int = 0
    without_utc: int = 0
    seconds: float = 0.0
    detections: int = 0
    windows: int = 0
    unusable: int = 0
    lost_s: Counter[str] = field(default_factory=Counter)
    stage_ns: Counter[str] = field(default_factory=Counter)

    def add(self, result: ReplayResult) -> None:
        """Take one recording's result."""
        self.recordings += 1
        if result.error is not None:
            self.failed += 1
            return
        self.without_utc += result.start_utc_ns is None
        self.seconds += result.seconds
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
    output: ReplayOutput | None = None,
    watch: Watch = lambda _bytes: None,
    each: Callable[[ReplayResult], None] = lambda _result: None,
) -> Summary:
    """Replay recordings into tables.

    Args:
        recordings: what to replay, in the order of the tables.
        settings: how.
        jobs: number of processes.
        output: the tables, already entered; None writes nothing.
        watch: told now and then how many bytes of the recordings are done.
        each: given every result, in order.

    Raises:
        ModelError, BackendError, ConfigError: the run as a whole cannot work.
        StorageError: a table cannot be written.
    """
    load_model(settings)  # what is wrong with the model is said once, before anything is begun
    summary = Summary()
    for result in results(recordings, settings, jobs, watch):
        if output is not None:
            output.write(result)
        summary.add(result)
        each(result)
    return summary
