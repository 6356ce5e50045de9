"""Running replay tasks on a dask cluster; results always in the order of the pieces.

The workers read the recordings themselves, under the same paths as the machine that asks, so the archive lies on a
disk that all of them see. They need edge-daemon in the same version. A task that was on a worker that died is done
again elsewhere by the scheduler. Of a piece that takes several workers with it the recordings are heard one by one; one
that does so again is reported as failed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from edge_daemon import __version__
from edge_daemon.errors import EdgeDaemonError, ModelError, UsageError
from edge_daemon.model.model_file import default_model_path
from edge_daemon.replay.heard import HeardPiece
from edge_daemon.replay.hearing import Keep, hear
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import Watch, thread_detector

_AHEAD = 16  # pieces per thread of the cluster on their way: a long one in front leaves the others busy
_POLL_S = 1.0
_NOBODY_S = 60.0  # without a worker for this long, the run ends; what is finished is kept
_CONNECT_S = 10.0


class ClusterError(EdgeDaemonError):
    """The cluster cannot be reached, or cannot do the work."""


def heard_there(
    pieces: Sequence[Piece], settings: ReplaySettings, address: str, digest: str, watch: Watch, keep: Keep
) -> Generator[HeardPiece, None, None]:
    """Hear pieces on a cluster; give what became of them in their order.

    Args:
        pieces: what to hear, on a disk that the workers see.
        settings: how.
        address: of the scheduler (`tcp://HOST:8786`), or a file in which it has written its address.
        digest: of the model that the workers must find.
        watch: told of the progress.
        keep: given each piece as soon as it has been heard, in any order.

    Raises:
        UsageError: distributed is not installed.
        ClusterError: no scheduler, no workers, or workers of another version.
        ModelError, BackendError, ConfigError: the run as a whole cannot work.
    """
    with _connected(address) as client:
        _check_workers(client, pieces[0].recordings[0])
        yield from _Run(client, address, pieces, _sendable(settings), digest, watch, keep).heard()


class _Run:
    """Keeps enough tasks on the cluster and sorts what comes back."""

    def __init__(
        self,
        client: Any,
        address: str,
        pieces: Sequence[Piece],
        settings: ReplaySettings,
        digest: str,
        watch: Watch,
        keep: Keep,
    ) -> None:
        self._client, self._address = client, address
        self._pieces, self._settings, self._digest = pieces, settings, digest
        self._watch, self._keep = watch, keep
        self._running: dict[Any, int] = {}
        self._ready: dict[int, HeardPiece] = {}
        self._done = 0.0

    def heard(self) -> Generator[HeardPiece, None, None]:
        submitted = 0
        try:
            for turn in range(len(self._pieces)):
                while turn not in self._ready:
                    most = min(len(self._pieces), turn + _AHEAD * max(1, self._threads()))
                    for place in range(submitted, most):
                        self._submit(place)
                    submitted = max(submitted, most)
                    self._collect()
                yield self._ready.pop(turn)
        finally:
            self._client.cancel(list(self._running))

    def _submit(self, place: int) -> None:
        self._running[self._future(self._pieces[place])] = place

    def _future(self, piece: Piece) -> Any:
        return self._client.submit(_work, _absolute(piece), self._settings, self._digest, pure=False)

    def _collect(self) -> None:
        """Wait until something is finished, and take it."""
        for future in self._finished():
            place = self._running.pop(future)
            piece = self._pieces[place]
            heard = self._taken(future, piece)
            self._keep(heard)
            self._ready[place] = heard
            self._done += piece.size
            self._watch(self._done)

    def _finished(self) -> list[Any]:
        distributed = _distributed()
        alone_since: float | None = None
        while True:
            try:
                return list(distributed.wait(list(self._running), timeout=_POLL_S, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                if self._client.status != "running":
                    raise self._lost("its scheduler has ended") from None
                now = time.monotonic()
                alone_since = None if self._threads() else alone_since or now
                if alone_since is not None and now - alone_since > _NOBODY_S:
                    raise ClusterError(
                        f"All workers have left the cluster {self._address}.",
                        "Start workers and run the same command again; finished recordings are kept.",
                    ) from None
            except Exception as error:
                raise self._lost(error) from error

    def _taken(self, future: Any, piece: Piece) -> HeardPiece:
        """What a task has given, with the piece and the recordings as they are called here."""
        distributed = _distributed()
        name = piece.recordings[0].name
        try:
            heard: HeardPiece = future.result()
        except distributed.scheduler.KilledWorker:
            if piece.joined:
                return HeardPiece(piece, [self._taken(self._future(one), one).results[0] for one in piece.apart()])
            error = f"'{name}' crashed every worker that replayed it."
            return HeardPiece(piece, [ReplayResult(piece.recordings[0], error=error)])
        except EdgeDaemonError:
            raise
        except (distributed.CancelledError, OSError) as error:
            raise self._lost("its scheduler has ended") from error
        except Exception as error:
            raise ClusterError(f"A worker failed on '{name}' ({type(error).__name__}: {error}).") from error
        heard.piece = piece
        for result, recording in zip(heard.results, piece.recordings, strict=True):
            result.recording = recording
        return heard

    def _threads(self) -> int:
        """Of all workers that are there now."""
        try:
            return sum(self._client.nthreads().values())
        except Exception as error:
            raise self._lost(error) from error

    def _lost(self, reason: object) -> ClusterError:
        return ClusterError(
            f"The connection to the cluster {self._address} is lost ({_line(reason)}).",
            "Run the same command again when it is back; finished recordings are kept.",
        )


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise UsageError(
            "Replaying on a cluster needs the package distributed, which is not installed.",
            "pip install 'edge-daemon[cluster]'",
        ) from None


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A client of a cluster that has workers of our version."""
    distributed = _distributed()
    for name in ("distributed", "distributed.client"):  # they print tracebacks of what is told in a sentence below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        client = distributed.Client(**where, timeout=_CONNECT_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"No dask scheduler answers at {address} ({_line(error)}).", "Start one: dask scheduler"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError:
            raise ClusterError(
                f"The cluster {address} has no workers.", f"Start some: dask worker {address} --nthreads 1"
            ) from None
        yield client


def _check_workers(client: Any, recording: Recording) -> None:
    try:
        answers: dict[str, tuple[str, bool]] = client.run(_look, recording.path.absolute())
    except Exception as error:  # whatever is wrong there is thrown here
        raise ClusterError(
            f"The workers cannot run edge-daemon ({_line(error)}).",
            "Install the same version of edge-daemon on every worker.",
        ) from error
    for worker, (version, there) in answers.items():
        if version != __version__:
            raise ClusterError(
                f"The worker {worker} has edge-daemon {version}, this machine has {__version__}.",
                "Results would depend on the machine: install the same version everywhere.",
            )
        if not there and recording.path.exists():
            raise ClusterError(
                f"The worker {worker} does not see '{recording.path.absolute()}'.",
                "Keep the recordings on a disk that all machines have under the same path.",
            )


def _line(error: object) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _absolute(piece: Piece) -> Piece:
    """The workers stand in other folders."""
    recordings, ahead = (
        tuple(replace(one, file=str(one.path.absolute())) for one in some) for some in (piece.recordings, piece.ahead)
    )
    return replace(piece, recordings=recordings, ahead=ahead)


_IN_PACKAGE = Path("model inside the package")


def _sendable(settings: ReplaySettings) -> ReplaySettings:
    """The model inside the package lies elsewhere on another machine."""
    model = settings.detector.model
    return _with_model(settings, _IN_PACKAGE if model == default_model_path() else model.absolute())


def _with_model(settings: ReplaySettings, model: Path) -> ReplaySettings:
    return replace(settings, detector=replace(settings.detector, model=model))


# On a worker:
def _look(path: Path) -> tuple[str, bool]:
    """Version of the program, and whether a recording is there."""
    return __version__, path.exists()


def _work(piece: Piece, settings: ReplaySettings, digest: str) -> HeardPiece:
    if settings.detector.model == _IN_PACKAGE:
        settings = _with_model(settings, default_model_path())
    found = thread_detector(settings.detector).model.digest
    if found != digest:
        raise ModelError(
            f"The worker {_distributed().get_worker().address} has a different model at {settings.detector.model}.",
            "Keep the model on the disk that all machines see, and install the same version of edge-daemon on all.",
        )
    return hear(piece, settings)
