"""A backend that cannot take the daemon down.

Plug-ins and the libraries under them fail: they do not import, do not start, throw in the middle of a night, return
nonsense. Whatever they do, a window is scored: by the chosen backend if it works, by the fallback where it does not.
A failed backend is started again after a growing pause, a bounded number of times; then the fallback stays. The pause
costs nothing, because the fallback works meanwhile. Every failure is logged and counted, and `name` is always that of
the backend that made the last inference.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.answer import checked, counters
from edge_daemon.backends.base import Backend, Inference
from edge_daemon.backends.foreign_error import line, outlive
from edge_daemon.backends.registry import DEFAULT, create
from edge_daemon.clock.time_source import SECOND_NS, SystemTime, TimeSource
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.system.backoff import Backoff, Retry

if TYPE_CHECKING:
    from edge_daemon.config.backend import BackendSection

STEADY_WINDOWS = 1000
"""So many windows in a row without a failure, and earlier failures are forgiven."""
PAUSES = Backoff(first_s=1.0, limit_s=300.0)
PATIENCE_S = 10.0
"""Without a fallback, restarts within one inference begin no later than this: a window that waits longer starves the
watchdog, and the service manager restarts the daemon."""

_log = logging.getLogger(__name__)

Start = Callable[[], Backend]


class GuardedBackend:
    """The chosen backend while it works, and the fallback while it does not.

    Args:
        chosen: its name.
        start: starts it; may raise anything.
        fallback: starts the backend that takes over; None for none.
        labels: of the model, to check what the backend returns.
        layers: of the model, likewise.
        retries: restarts of the chosen backend before the fallback stays for good.
        time: clock for the pauses.
        rng: jitter of the pauses.

    Raises:
        BackendError: the chosen backend does not start and there is no fallback, or that does not start either.
    """

    def __init__(
        self,
        chosen: str,
        start: Start,
        fallback: Start | None,
        *,
        labels: int,
        layers: int,
        retries: int,
        time: TimeSource,
        rng: random.Random,
    ) -> None:
        self._chosen, self._start, self._start_fallback = chosen, start, fallback
        self._labels, self._layers, self._retries = labels, layers, retries
        self._time, self._retry = time, Retry(PAUSES, rng)
        self._backend: Backend | None = None
        self._fallback: Backend | None = None
        self._failures = self._starts = self._steady = self._by_fallback = 0
        self._closed = False
        self.problem = ""
        """What went wrong last, for the health document; empty where nothing did."""
        self.name = chosen
        if not self._try_start():
            self._need_fallback()

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames], on the backend or the fallback.

        Raises:
            BackendError: closed, or neither the chosen backend nor the fallback can.
        """
        if self._closed:
            raise BackendError("The backend was closed.")
        began_ns = self._time.monotonic_ns()
        while self._backend is not None or (self._may_restart(began_ns) and self._try_start()):
            if (inference := self._ask_chosen(features)) is not None:
                return inference
        fallback = self._need_fallback()
        self._by_fallback += len(features)
        inference = checked(fallback.infer(features), len(features), self._labels, self._layers)
        self.name = str(fallback.name)
        return inference

    def health(self) -> Mapping[str, float]:
        """Failures, restarts, windows that the fallback ran, whether it is in charge now; then the active one's own."""
        active = self._backend or self._fallback
        own: Mapping[str, float] = {}
        try:
            own, wrong = counters({} if active is None else active.health())
            if wrong:
                self.problem = f"The backend {self.name}: {wrong}."
        except BaseException as error:  # noqa: BLE001 - a plug-in's counters must not stop a health document
            outlive(error)
            self.problem = line(error)
        return {
            **own,
            "failures": float(self._failures),
            "restarts": float(max(0, self._starts - 1)),
            "windows_by_fallback": float(self._by_fallback),
            "fallback_active": float(self._backend is None),
        }

    def close(self) -> None:
        """Close both."""
        self._closed = True
        for backend in (self._backend, self._fallback):
            _close(backend)
        self._backend = self._fallback = None

    def _ask_chosen(self, features: NDArray[np.uint8]) -> Inference | None:
        backend = self._backend
        assert backend is not None  # noqa: S101 - the caller has looked
        try:
            inference = checked(backend.infer(features), len(features), self._labels, self._layers)
        except BaseException as error:  # noqa: BLE001 - that is what this class is for
            outlive(error)
            self._failed("failed", error)
            return None
        self.name = self._chosen
        self._steady += len(features)
        if self._steady >= STEADY_WINDOWS:
            self._retry.succeeded()
        return inference

    def _may_restart(self, began_ns: int) -> bool:
        if self._retry.attempts > self._retries:
            return False
        now_ns = self._time.monotonic_ns()
        if self._start_fallback is None:  # there is nobody to work during a pause
            return now_ns - began_ns <= PATIENCE_S * SECOND_NS
        return self._retry.due(now_ns)

    def _try_start(self) -> bool:
        self._starts += 1
        try:
            self._backend = self._start()
        except BaseException as error:  # noqa: BLE001 - that is what this class is for
            outlive(error)
            self._failed("does not start", error)
            return False
        return True

    def _failed(self, what: str, error: BaseException) -> None:
        _close(self._backend)
        self._backend, self._steady = None, 0
        self._failures += 1
        self._retry.failed(self._time.monotonic_ns())
        self.problem = f"The backend {self._chosen} {what}: {line(error)}"
        if self._start_fallback is None and self._starts == 1:
            return  # nothing works at the start: whoever starts it is told
        left = self._retries + 1 - self._retry.attempts
        _log.error("%s (%s)", self.problem, f"restarts left: {max(0, left)}")

    def _need_fallback(self) -> Backend:
        if self._fallback is None:
            if self._start_fallback is None:
                hint = "" if self._chosen == "onnx" else "No fallback is configured; set backend.fallback to onnx."
                raise BackendError(self.problem, hint)
            self._fallback = self._start_fallback()
            self.name = str(self._fallback.name)
            _log.warning("The backend %s takes over from %s.", self._fallback.name, self._chosen)
        return self._fallback


def open_backend(model: ModelFile, section: BackendSection, time: TimeSource | None = None) -> GuardedBackend:
    """The backend of a configuration, guarded.

    Args:
        model: the model.
        section: the configuration's `backend` section.
        time: clock for pauses between restarts; the machine's own by default.

    Raises:
        BackendError: neither it nor its fallback starts.
    """
    defaults = {"threads": section.threads}
    starts = count()
    unnamed = unnamed_backend(model, section)
    name = section.name or (DEFAULT if unnamed is None else unnamed.name)

    def start() -> Backend:
        first = next(starts) == 0
        if first and unnamed is not None:
            return unnamed
        if section.worker:
            from edge_daemon.backends.worker.client import FIRST_START_S, START_S, WorkerBackend, worker_command

            return WorkerBackend.start(
                model,
                name,
                section.options,
                defaults=defaults,
                timeout_s=section.timeout_s,
                first_start_s=FIRST_START_S if first else START_S,
                command=worker_command(section.python, section.worker_module),
            )
        return create(model, name, section.options, defaults)

    # a backend is no fallback for itself, but in the daemon's own process it is one for its worker
    fallback = None if section.fallback == name and not section.worker else section.fallback
    metadata = model.metadata
    return GuardedBackend(
        name,
        start,
        None if fallback is None else lambda: create(model, fallback, None, defaults),
        labels=len(metadata.labels),
        layers=len(metadata.network.layers),
        retries=section.retries,
        time=time or SystemTime(),
        rng=random.Random(),  # noqa: S311 - jitter, no secret
    )


def unnamed_backend(model: ModelFile, section: BackendSection | None = None) -> Backend | None:
    """What scores where no backend is named, ready; None where that is `DEFAULT`.

    The compiled kernel does where it is there and right. A worker, threads and options are the default's.

    Args:
        model: the model.
        section: the configuration's, if there is one.
    """
    if section is not None and (section.name is not None or section.worker or section.threads > 1 or section.options):
        return None
    from edge_daemon.backends.compiled.trial import proven

    return proven(model)


def _close(backend: Backend | None) -> None:
    if backend is None:
        return
    try:
        backend.close()
    except BaseException as error:  # noqa: BLE001 - it has failed already, or we are leaving
        outlive(error)
        _log.warning("A backend failed to close: %s", line(error))
