"""A backend in a process of its own: for libraries that crash, hang, leak, or need another Python.

The process gets the model once and then windows, one message each way. If it ends or is silent for too long it is
killed and started again, and the windows in flight are sent once more: none is lost, and since an inference has no
memory, none counts twice. What the backend itself reports as an error is passed on as such.

Somebody waits meanwhile: a window that stays unscored for half a minute starves the daemon's watchdog. So there is one
new worker an inference, within `timeout_s + start_s` in all, and none for a worker that has never answered: then the
guard (`edge_daemon.backends.guarded`) has a fallback score the windows, and starts the backend again later.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.answer import counters
from edge_daemon.backends.base import Inference
from edge_daemon.backends.worker import wire
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile

FIRST_START_S = 60.0
"""As `START_S`, for the start with the daemon: nothing waits yet, and vendors' libraries are slow to load on a board.
systemd allows the whole start 120 s."""
START_S = 15.0
"""A worker that has not loaded the model after this long has failed. With the default of `backend.timeout_s`, 10 s,
windows wait for 25 s at most, which is less than the watchdog's 30."""
END_S = 2.0
"""Longest wait for a killed process to be gone; one that a driver holds in the kernel may take for ever."""
OOM_SCORE = 500
"""Added to a worker's `oom_score_adj`: where memory runs out, the library that leaks is killed, not the daemon."""
MOST_PER_WINDOW = 1 << 16
"""Bytes of an answer for each window: scores and spikes take a few dozen; a worker that sends more has failed."""
LONGEST_ERROR = 1000
"""Signs of a worker's error that are passed on."""
MODULE = "edge_daemon.backends.worker.main"
_THIS_PYTHON = (sys.executable, *(["-I"] if sys.flags.isolated else ["-P"] if sys.flags.safe_path else []), "-m")
"""Where the daemon takes no module from the current folder (the unit's `-P`), its workers take none either."""
COMMAND = (*_THIS_PYTHON, MODULE)
_FOR_THIS_PYTHON = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
"""What would lead another Python to this one's packages."""


def worker_command(python: Path | None = None, module: str | None = None) -> tuple[str, ...]:
    """The program of a worker.

    Args:
        python: interpreter; this one where None.
        module: what it runs; edge-daemon's own worker where None.

    Raises:
        BackendError: the interpreter does not exist, or cannot be run.
    """
    if python is None:
        return (*_THIS_PYTHON, module or MODULE)
    if not python.is_file():
        problem = "is not a program" if python.exists() else "does not exist"
    elif not os.access(python, os.X_OK):
        problem = "cannot be run by this user"
    else:
        return (str(python), "-m", module or MODULE)
    raise BackendError(
        f"The worker's interpreter {python} {problem}.", "Set backend.python to a Python like /opt/vendor/bin/python3."
    )


class WorkerBackend:
    """Runs a backend in a worker process.

    Args:
        model: the model.
        backend: name of the backend there.
        options: its options.
        defaults: options for a backend that knows them.
        timeout_s: longest wait for an inference, seconds.
        start_s: longest wait for a worker to load the model, seconds.
        command: program of the worker; `--fd N` is added. It speaks the protocol of `edge_daemon.backends.worker.wire`.
    """

    def __init__(
        self,
        model: ModelFile,
        backend: str,
        options: Mapping[str, Any],
        defaults: Mapping[str, Any],
        timeout_s: float,
        start_s: float,
        command: Sequence[str],
    ) -> None:
        self.name = backend
        self._model = np.frombuffer(model.data, np.uint8)
        self._begin: dict[str, Any] = {
            "kind": "start",
            "backend": backend,
            "options": dict(options),
            "defaults": dict(defaults),
            "path": None if model.path is None else str(model.path.absolute()),
        }
        self._timeout_s, self._start_s, self._command = timeout_s, start_s, list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()
        """Held for a whole inference."""
        self._birth = threading.Lock()
        """Held while a process comes to be or is killed: none may be born after `close`."""
        self._starts = self._sent = 0
        self._answered = False
        """Whether the present worker has answered any windows yet."""
        self._health: dict[str, float] = {}
        self._closed = False

    @classmethod
    def start(
        cls,
        model: ModelFile,
        backend: str,
        options: Mapping[str, Any] | None = None,
        *,
        defaults: Mapping[str, Any] | None = None,
        timeout_s: float = 10.0,
        start_s: float = START_S,
        first_start_s: float | None = None,
        command: Sequence[str] = COMMAND,
    ) -> Self:
        """Start a worker and load the model there, within `first_start_s`, by default `start_s`.

        Raises:
            BackendError: the backend refuses the model or its options, or the worker does not come up.
        """
        worker = cls(model, backend, options or {}, defaults or {}, timeout_s, start_s, command)
        try:
            worker._spawn(start_s if first_start_s is None else first_start_s)  # its own class
        except wire.WireError as error:
            raise BackendError(
                f"The worker of backend {backend!r} does not start: {error}.",
                f"See its own message on standard error, or try: {' '.join(command)} --help",
            ) from error
        return worker

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None while none runs."""
        return None if self._process is None else self._process.pid

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames], in the worker, or in a new one where it fails.

        Raises:
            BackendError: closed, the backend reports an error, or neither the worker nor a new one answers within
                `timeout_s + start_s`.
        """
        with self._lock:
            self._sent += 1
            message = wire.encode({"kind": "infer", "id": self._sent}, {"features": features})
            deadline = time.monotonic() + self._timeout_s + self._start_s
            try:
                if self._process is not None and self._answered:
                    try:
                        return self._answer(message, len(features), deadline)
                    except wire.WireError:
                        self._end()
                if self._process is None:
                    self._spawn(min(self._start_s, deadline - time.monotonic()))
                return self._answer(message, len(features), deadline)
            except wire.WireError as error:
                self._end()
                self._refuse_if_closed()
                raise BackendError(f"The worker of backend {self.name!r} failed: {error}.") from error

    def health(self) -> Mapping[str, float]:
        """Restarts of the worker, and the backend's own counters since the last one."""
        return {"worker_restarts": float(max(0, self._starts - 1)), **self._health}

    def close(self) -> None:
        """End the worker, and with it an inference under way in another thread."""
        with self._birth:
            self._closed = True
            if self._process is not None:
                self._process.kill()  # whoever waits for its answer learns that it has ended
        with self._lock:
            self._end()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BackendError("The backend was closed.")

    def _spawn(self, start_s: float) -> None:
        """Start a process and have it load the model; none is left where that fails."""
        ours, theirs = socket.socketpair()
        with theirs, self._birth:
            number = theirs.fileno()
            command = [*self._command, "--fd", str(number)]
            try:
                self._refuse_if_closed()
                self._process = subprocess.Popen(  # noqa: S603
                    command, pass_fds=[number], stdin=subprocess.DEVNULL, env=_environment(command[0])
                )
            except OSError as error:
                ours.close()
                raise wire.WireError(f"{command[0]}: {error.strerror}") from error
            except BackendError:
                ours.close()
                raise
        self._connection, self._answered = ours, False
        self._starts += 1
        _give_up_first(self._process.pid)
        try:
            self._ask(wire.encode(self._begin, {"model": self._model}), start_s)
        except (wire.WireError, BackendError):
            self._end()
            raise

    def _answer(self, message: bytes, windows: int, deadline: float) -> Inference:
        self._refuse_if_closed()
        timeout_s = min(self._timeout_s, deadline - time.monotonic())
        fields, arrays = self._ask(message, timeout_s, windows * MOST_PER_WINDOW)
        if fields.get("id") != self._sent:
            raise wire.WireError("the answer is to another question")
        try:
            inference = Inference(arrays["score"], arrays["spike_counts"], arrays["layer_spikes"])
        except KeyError as error:
            raise wire.WireError(f"the answer lacks {error}") from error
        self._answered = True
        self._health, _ = counters(fields.get("health", {}))
        return inference

    def _ask(self, message: bytes, timeout_s: float, most: int = 0) -> wire.Message:
        assert self._connection is not None  # noqa: S101 - there is one as long as there is a process
        deadline = time.monotonic() + timeout_s
        wire.send(self._connection, message, max(0.0, timeout_s))
        fields, arrays = wire.receive(self._connection, max(0.0, deadline - time.monotonic()), most)
        if fields.get("kind") == "error":
            raise BackendError(str(fields.get("message"))[:LONGEST_ERROR], str(fields.get("hint", ""))[:LONGEST_ERROR])
        return fields, arrays

    def _end(self) -> None:
        """Close the socket, kill the process if there is one, and collect it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        with self._birth:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)


def _give_up_first(pid: int) -> None:
    """Have the kernel choose this process first where memory runs out; no harm where it cannot be told so."""
    with contextlib.suppress(OSError, ValueError):
        own = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(min(1000, own + OOM_SCORE)), encoding="ascii")


def _environment(python: str) -> dict[str, str] | None:
    """The worker's environment: ours for this interpreter, and for another one without what is meant for ours."""
    if python == sys.executable:
        return None
    return {name: value for name, value in os.environ.items() if name not in _FOR_THIS_PYTHON}
