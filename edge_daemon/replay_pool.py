"""Running replay tasks here or in processes of their own; results always in the order of the recordings."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from edge_daemon.replay.recordings import Recording
from edge_daemon.replay.task import Keep, Progress, ReplayResult, ReplaySettings, Watch, replay_recording


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
