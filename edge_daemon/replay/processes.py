"""Worker processes that replay: a pool that survives the death of its members.

A worker process that dies (a decoder's crash on a damaged file, the system short of memory) takes its recording with
it, not the run: the pieces that were on their way are done again. Of one that kills a process a second time, alone with
it, the recordings are heard one by one, and the one that kills a process again is reported as failed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from edge_daemon.errors import StorageError
from edge_daemon.replay.heard import HeardPiece
from edge_daemon.replay.hearing import Keep, hear
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import Stopped, Watch

_POLL_S = 0.2
_AHEAD = 2  # pieces per process that may be on their way, so that none waits for the next


class Processes:
    """A pool of worker processes that survives the death of its members."""

    def __init__(self, settings: ReplaySettings, jobs: int, watch: Watch, keep: Keep) -> None:
        # Threads of a runtime do not survive a fork; a spawned process starts clean.
        self._context = get_context("spawn")
        self._settings = settings
        self._jobs = jobs
        self._watch = watch
        self._keep = keep
        self._running: deque[tuple[Piece, Future[HeardPiece]]] = deque()
        self._kept: set[Future[HeardPiece]] = set()
        self._done = self._context.Value("d", 0.0)
        self._stop = self._context.Event()

    def heard(self, pieces: Sequence[Piece]) -> Generator[HeardPiece, None, None]:
        """Hear pieces; give what became of them in their order."""
        coming, waiting = iter(pieces), deque[Piece]()
        running = self._running
        pool = self._pool(self._jobs)
        try:
            while True:
                waiting.extend(islice(coming, max(0, _AHEAD * self._jobs - len(waiting))))
                if not (waiting or running):
                    break
                try:
                    while waiting and len(running) < _AHEAD * self._jobs:
                        running.append((waiting[0], self._submit(pool, waiting[0])))
                        waiting.popleft()
                    result = self._wait(running[0][1])
                    self._kept.discard(running.popleft()[1])
                    yield result
                except BrokenProcessPool:
                    self._leash.close()
                    pool.shutdown(wait=True)
                    waiting.extendleft(piece for piece, _ in reversed(running))
                    running.clear()
                    self._kept.clear()
                    yield self._alone(waiting.popleft())
                    pool = self._pool(self._jobs)
        finally:
            self._stop.set()  # tasks look at it between blocks and give up
            pool.shutdown(wait=True, cancel_futures=True)
            with suppress(StorageError):  # the run has ended well, or something else is being told
                self._keep_finished()

    def _alone(self, piece: Piece) -> HeardPiece:
        with self._pool(1) as pool:
            try:
                heard = self._wait(self._submit(pool, piece))
            except BrokenProcessPool:
                if piece.joined:
                    return HeardPiece(piece, [self._alone(one).results[0] for one in piece.apart()])
                recording = piece.recordings[0]
                error = f"'{recording.name}' crashed the process that replayed it, twice."
                return HeardPiece(piece, [ReplayResult(recording, error=error)])
        self._keep(heard)
        return heard

    def _pool(self, jobs: int) -> ProcessPoolExecutor:
        """Workers that leave when their leash is closed.

        The executor ends the workers of a broken pool, but not one that is just being started, and then waits for it
        for ever.
        """
        held, self._leash = self._context.Pipe(duplex=False)
        return ProcessPoolExecutor(jobs, self._context, _begin_worker, (self._done, self._stop, held))

    def _submit(self, pool: ProcessPoolExecutor, piece: Piece) -> Future[HeardPiece]:
        with _interrupts_held():
            return pool.submit(_work, piece, self._settings)

    def _wait(self, future: Future[HeardPiece]) -> HeardPiece:
        while True:
            self._watch(self._done.value)
            try:
                result = future.result(timeout=_POLL_S)
            except TimeoutError:
                if future.done():  # the task itself timed out on something
                    raise
                self._keep_finished()
            else:
                self._keep_finished()
                return result

    def _keep_finished(self) -> None:
        """Keep what is finished but not yet in turn."""
        for _, future in self._running:
            if future not in self._kept and future.done() and not future.cancelled() and future.exception() is None:
                self._keep(future.result())
                self._kept.add(future)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the end of the block.

    A worker started inside inherits the mask and keeps it: Ctrl-C, which the terminal sends to the whole group, then
    reaches the parent alone, and the parent tells the workers to stop.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a worker process: what the parent shares with it.
_shared: dict[str, Any] = {}


def _begin_worker(done: Any, stop: Any, leash: Connection) -> None:
    _shared.update(done=done, stop=stop)
    threading.Thread(target=_leave_with_parent, args=(leash,), daemon=True).start()


def _leave_with_parent(leash: Connection) -> None:
    """Leave when the parent has been killed, or gives this pool up: neither can send its workers home."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel, leash])
        os._exit(1)


def _work(piece: Piece, settings: ReplaySettings) -> HeardPiece:
    told = 0.0

    def progress(share: float) -> None:
        nonlocal told
        if _shared["stop"].is_set():
            raise Stopped
        with _shared["done"].get_lock():
            _shared["done"].value += (share - told) * piece.size
        told = share

    progress(0.0)
    heard = hear(piece, settings, progress)
    progress(1.0)
    return heard
