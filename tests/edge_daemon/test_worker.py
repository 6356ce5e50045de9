"""Worker processes: killed, hung and silent ones lose no window and change no result."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.backends import create, wire
from edge_daemon.backends.guarded import open_backend
from edge_daemon.backends.worker import WorkerBackend
from edge_daemon.bundle import Bundle
from edge_daemon.config.backend import BackendSection
from edge_daemon.errors import BackendError


def images(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 50, 101)).astype(np.uint8)


@pytest.fixture
def worker(tiny_model: Path) -> Iterator[WorkerBackend]:
    backend = WorkerBackend.start(Bundle.read(tiny_model), "event", timeout_s=60.0)
    yield backend
    backend.close()


def test_twenty_kills_lose_nothing_and_change_nothing(worker: WorkerBackend, tiny_model: Path) -> None:
    features = images(60)
    expected = create(Bundle.read(tiny_model), "onnx").infer(features)
    parts = []
    for number in range(60):
        if number % 3 == 1:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
        parts.append(worker.infer(features[number : number + 1]))
    np.testing.assert_array_equal(np.concatenate([part.score for part in parts]), expected.score)
    np.testing.assert_array_equal(np.concatenate([part.layer_spikes for part in parts]), expected.layer_spikes)
    assert worker.health()["worker_restarts"] == 20.0


def test_a_hanging_worker_is_replaced(tiny_model: Path) -> None:
    worker = WorkerBackend.start(Bundle.read(tiny_model), "onnx", timeout_s=3.0)
    try:
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert len(worker.infer(images(2)).score) == 2
        assert worker.pid != first
    finally:
        worker.close()


def test_errors_of_the_backend_are_passed_on_without_a_restart(worker: WorkerBackend) -> None:
    with pytest.raises(BackendError, match="features are uint8"):
        worker.infer(np.zeros((1, 50, 100), np.uint8))
    assert len(worker.infer(images(1)).score) == 1
    assert worker.health()["worker_restarts"] == 0.0


def test_what_cannot_start_says_why(tiny_model: Path) -> None:
    bundle = Bundle.read(tiny_model)
    with pytest.raises(BackendError, match="no backend named 'vendor'"):
        WorkerBackend.start(bundle, "vendor")
    with pytest.raises(BackendError, match="onnx' does not start"):
        WorkerBackend.start(bundle, "onnx", command=[sys.executable, "-c", "0"])
    with pytest.raises(BackendError, match="No such file"):
        WorkerBackend.start(bundle, "onnx", command=["/no/such/interpreter"])


def test_a_worker_that_dies_each_time_is_given_up(worker: WorkerBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_message: bytes, _timeout_s: float) -> wire.Message:
        raise wire.WireError("the other side has ended")

    monkeypatch.setattr(worker, "_ask", gone)
    with pytest.raises(BackendError, match="failed 4 times at the same windows: the other side has ended"):
        worker.infer(images(1))


def test_the_guard_and_the_worker_together(tiny_model: Path) -> None:
    bundle = Bundle.read(tiny_model)
    backend = open_backend(bundle, BackendSection(name="event", worker=True))
    try:
        np.testing.assert_array_equal(backend.infer(images(4)).score, create(bundle).infer(images(4)).score)
        assert (backend.name, backend.health()["worker_restarts"]) == ("event", 0.0)
    finally:
        backend.close()


def test_closed_workers_are_gone(worker: WorkerBackend) -> None:
    pid = worker.pid
    worker.close()
    worker.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(BackendError, match="closed"):
        worker.infer(images(1))


@given(st.sampled_from(wire.DTYPES), st.lists(st.integers(0, 4), max_size=3), st.dictionaries(st.text(), st.integers()))
def test_messages_arrive_as_they_were_sent(dtype: str, shape: list[int], fields: dict[str, int]) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    left, right = socket.socketpair()
    with left, right:
        wire.send(left, wire.encode(fields, {"a": array, "b": array[..., None]}), 5.0)
        found, arrays = wire.receive(right, 5.0)
    assert found == fields
    assert (arrays["a"].dtype, arrays["b"].shape) == (array.dtype, (*shape, 1))
    np.testing.assert_array_equal(arrays["a"], array)


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "something else"),
        (b"EDW1\xff\xff\xff\xff" + bytes(8), "something else"),
        (wire.encode({"a": 1})[:-1], "has ended"),
        (wire.encode({}, {"a": np.zeros(3)})[:-8].replace(b"\x18", b"\x10", 1), "malformed"),
    ],
)
def test_other_languages_are_refused(sent: bytes, problem: str) -> None:
    left, right = socket.socketpair()
    with right:
        with left:
            left.sendall(sent)
        with pytest.raises(wire.WireError, match=problem):
            wire.receive(right, 5.0)


def test_silence_and_objects_are_refused() -> None:
    left, right = socket.socketpair()
    with left, right, pytest.raises(wire.WireError, match="no answer in time"):
        wire.receive(right, 0.01)
    with pytest.raises(wire.WireError, match="cannot be sent"):
        wire.encode({}, {"a": np.array([object()])})
