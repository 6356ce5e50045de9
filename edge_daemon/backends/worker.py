"""A backend in a process of its own: for libraries that crash, hang, leak, or need another Python.

The process gets the model once and then windows, one message each way. If it ends or is silent for too long it is
killed and started again, and the windows in flight are sent once more: none is lost, and since an inference has no
memory, none counts twice. What the backend itself reports as an error is passed on as such.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends import wire
from edge_daemon.backends.base import Inference
from edge_daemon.bundle import Bundle
from edge_daemon.errors import BackendError

RESTARTS = 3
"""Attempts to run the same windows in a new process before giving up."""
START_S = 120.0
"""A worker that has not loaded the model after this long has failed; vendor libraries start slowly."""
MODULE = "edge_daemon.backends.worker_main"
COMMAND = (sys.executable, "-m", MODULE)
_FOR_THIS_PYTHON = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
"""What would lead another Python to this one's packages."""


def worker_command(python: Path | None = None, module: str | None = None) -> tuple[str, ...]:
    """The program of a worker.

    Args:
        python: interpreter; this one where None.
        module: what it runs; edge-daemon's own worker where None.

    Raises:
        BackendError: there is no such interpreter, or it may not be run.
    """
    if python is None:
        return (sys.executable, "-m", module or MODULE)
    if not python.is_file():
        problem = "is no program" if python.exists() else "does not exist"
    elif not os.access(python, os.X_OK):
        problem = "may not be run by this user"
    else:
        return (str(python), "-m", module or MODULE)
    raise BackendError(
        f"The worker's interpreter {python} {problem}.", "Set backend.python to a Python, as /opt/vendor/bin/python3."
    )


class WorkerBackend:
    """Runs a backend in a worker process.

    Args:
        bundle: the model.
        backend: name of the backend there.
        options: its options.
        defaults: options for a backend that knows them.
        timeout_s: longest wait for an inference, seconds.
        command: program of the worker; `--fd N` is added. It speaks the protocol of `edge_daemon.backends.wire`.
    """

    def __init__(
        self,
        bundle: Bundle,
        backend: str,
        options: Mapping[str, Any],
        defaults: Mapping[str, Any],
        timeout_s: float,
        command: Sequence[str],
    ) -> None:
        self.name = backend
        self._model = np.frombuffer(bundle.data, np.uint8)
        self._begin: dict[str, Any] = {
            "kind": "start",
            "backend": backend,
            "options": dict(options),
            "defaults": dict(defaults),
            "path": None if bundle.path is None else str(bundle.path.absolute()),
        }
        self._timeout_s, self._command = timeout_s, list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()
        self._starts = self._sent = 0
        self._health: dict[str, float] = {}
        self._closed = False

    @classmethod
    def start(
        cls,
        bundle: Bundle,
        backend: str,
        options: Mapping[str, Any] | None = None,
        *,
        defaults: Mapping[str, Any] | None = None,
        timeout_s: float = 10.0,
        command: Sequence[str] = COMMAND,
    ) -> Self:
        """Start a worker and load the model there.

        Raises:
            BackendError: the backend refuses the model or its options, or the worker does not come up.
        """
        worker = cls(bundle, backend, options or {}, defaults or {}, timeout_s, command)
        try:
            worker._spawn()  # its own class
        except wire.WireError as error:
            worker.close()
            raise BackendError(
                f"The worker of backend {backend!r} does not start: {error}.",
                f"Its own message is on standard error; try: {' '.join(command)} --help",
            ) from error
        except BackendError:
            worker.close()
            raise
        return worker

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None while there is none."""
        return None if self._process is None else self._process.pid

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames], in the worker.

        Raises:
            BackendError: closed, the backend reports an error, or new workers fail at it again and again.
        """
        with self._lock:
            if self._closed:
                raise BackendError("The backend was closed.")
            self._sent += 1
            message = wire.encode({"kind": "infer", "id": self._sent}, {"features": features})
            problem = ""
            for _ in range(RESTARTS + 1):
                try:
                    if self._process is None:
                        self._spawn()
                    fields, arrays = self._ask(message, self._timeout_s)
                except wire.WireError as error:
                    problem = str(error)
                    self._end()
                    continue
                self._health = dict(fields.get("health", {}))
                return Inference(arrays["score"], arrays["spike_counts"], arrays["layer_spikes"])
            raise BackendError(
                f"The worker of backend {self.name!r} failed {RESTARTS + 1} times at the same windows: {problem}."
            )

    def health(self) -> Mapping[str, float]:
        """Restarts of the worker, and the backend's own counters since the last one."""
        return {"worker_restarts": float(max(0, self._starts - 1)), **self._health}

    def close(self) -> None:
        """End the worker."""
        self._closed = True
        self._end()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            command = [*self._command, "--fd", str(number)]
            try:
                self._process = subprocess.Popen(  # noqa: S603
                    command, pass_fds=[number], stdin=subprocess.DEVNULL, env=_environment(command[0])
                )
            except OSError as error:
                ours.close()
                raise wire.WireError(f"{command[0]}: {error.strerror}") from error
        self._connection = ours
        self._starts += 1
        self._ask(wire.encode(self._begin, {"model": self._model}), START_S)

    def _ask(self, message: bytes, timeout_s: float) -> wire.Message:
        assert self._connection is not None  # noqa: S101 - there is one as long as there is a process
        wire.send(self._connection, message, timeout_s)
        fields, arrays = wire.receive(self._connection, timeout_s)
        if fields.get("kind") == "error":
            raise BackendError(str(fields.get("message")), str(fields.get("hint", "")))
        return fields, arrays

    def _end(self) -> None:
        """Close the socket, kill the process if there is one, and collect it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _environment(python: str) -> dict[str, str] | None:
    """The worker's environment: ours for this interpreter, and for another one without what is meant for ours."""
    if python == sys.executable:
        return None
    return {name: value for name, value in os.environ.items() if name not in _FOR_THIS_PYTHON}
