"""What a worker answers is bounded and checked before it is believed, let alone allocated."""

from __future__ import annotations

import socket
import struct
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from edge_daemon.backends.worker import wire
from edge_daemon.backends.worker.client import MOST_PER_WINDOW, WorkerBackend


class Talker(WorkerBackend):
    """A worker whose process is a socket in our own hands."""

    def __init__(self, connection: socket.socket) -> None:
        self.name, self._connection, self._timeout_s, self._sent = "talker", connection, 5.0, 7
        self._closed = False
        self._health = {}

    def ask(self, windows: int = 1) -> Any:
        return self._answer(b"question", windows, time.monotonic() + 5.0)


RESULTS = {
    "score": np.zeros(1, np.float32),
    "spike_counts": np.zeros((1, 2), np.int32),
    "layer_spikes": np.zeros((1, 3), np.int64),
}


def answer(fields: dict[str, Any], arrays: dict[str, Any] | None = None) -> bytes:
    return wire.encode({"kind": "inference", "id": 7, "health": {}} | fields, RESULTS if arrays is None else arrays)


def asked(message: bytes) -> Any:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(message)
        talker = Talker(ours)
        return talker.ask(), talker._health


def test_an_answer_is_taken() -> None:
    inference, health = asked(answer({"health": {"chips": 2, "state": "fine", "heat": float("inf")}}))
    assert inference.score.tolist() == [0.0]
    assert health == {"chips": 2.0}


def test_an_answer_of_350_mb_is_refused_before_it_is_read() -> None:
    header = b'{"fields": {"kind": "inference", "id": 7}, "arrays": [["score", "uint8", [350000000]]]}'
    tracemalloc.start()
    try:
        with pytest.raises(wire.WireError, match=f"350000000 bytes, where {MOST_PER_WINDOW} at most"):
            asked(struct.pack("<4sIQ", wire.MAGIC, len(header), 350_000_000) + header)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (answer({"id": 6}), "another question"),
        (answer({"id": None}), "another question"),
        (answer({}, {"score": RESULTS["score"]}), "lacks 'spike_counts'"),
        (answer({"kind": "ready"}, {}), "lacks 'score'"),
    ],
)
def test_answers_to_something_else_are_refused(message: bytes, problem: str) -> None:
    with pytest.raises(wire.WireError, match=problem):
        asked(message)


@pytest.mark.parametrize("health", [None, 5, "many", ["a", 1], {"a": {"b": 1}}])
def test_counters_of_any_form_do_no_harm(health: Any) -> None:
    assert asked(answer({"health": health}))[1] == {}


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"fields": [], "arrays": {"a": 1}}',
        b'{"fields": {}, "arrays": [["a", "uint8", 5]]}',
        b'{"fields": {}, "arrays": [["a", "uint8", [1e400]]]}',
        b'{"fields": {}, "arrays": [["a", ["uint8"], [0]]]}',
        b"null",
    ],
)
def test_headers_of_any_form_are_refused(header: bytes) -> None:
    with pytest.raises(wire.WireError, match="malformed"):
        asked(struct.pack("<4sIQ", wire.MAGIC, len(header), 0) + header)
