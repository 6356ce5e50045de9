"""The worker process: one backend, asked over a socket. `python -m edge_daemon.backends.worker.main --fd N`.

It is started by `edge_daemon.backends.worker.client` and ends when the daemon closes the socket or dies. Whatever a
vendor's library prints goes to standard error, and it can break only this process.
"""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path
from typing import Any

from edge_daemon.backends.base import Backend
from edge_daemon.backends.registry import create
from edge_daemon.backends.worker import wire
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.model.model_file import ModelFile


def serve(connection: socket.socket) -> None:
    """Answer messages until the other side leaves."""
    backend: Backend | None = None
    while True:
        try:
            fields, arrays = wire.receive(connection, None)
        except wire.WireError:
            break
        try:
            if fields["kind"] == "start":
                path = None if fields["path"] is None else Path(fields["path"])
                model = ModelFile.from_bytes(arrays["model"].tobytes(), path)
                backend = create(model, fields["backend"], fields["options"], fields["defaults"])
                reply = wire.encode({"kind": "ready"})
            else:
                reply = _infer(backend, fields, arrays)
        except EdgeDaemonError as error:
            reply = wire.encode({"kind": "error", "message": error.message, "hint": error.hint})
        except Exception as error:  # noqa: BLE001 - the daemon decides what a failure means
            reply = wire.encode({"kind": "error", "message": f"{type(error).__name__}: {error}", "hint": ""})
        wire.send(connection, reply, None)
    if backend is not None:
        backend.close()


def _infer(backend: Backend | None, fields: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    if backend is None or fields["kind"] != "infer":
        raise EdgeDaemonError(f"The worker cannot do {fields['kind']!r} now.")
    inference = backend.infer(arrays["features"])
    results = {
        "score": inference.score,
        "spike_counts": inference.spike_counts,
        "layer_spikes": inference.layer_spikes,
    }
    return wire.encode({"kind": "inference", "id": fields["id"], "health": dict(backend.health())}, results)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="number of the inherited socket")
    number = parser.parse_args().fd
    os.dup2(2, 1)  # prints of a library must not end in whatever the daemon's output is
    with socket.socket(fileno=number) as connection:
        serve(connection)


if __name__ == "__main__":
    main()
