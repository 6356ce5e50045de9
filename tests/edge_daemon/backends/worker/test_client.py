"""Worker processes: killed, hung and silent ones lose no window and change no result."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.backends import create
from edge_daemon.backends.guarded import GuardedBackend, open_backend
from edge_daemon.backends.worker import client as worker_page
from edge_daemon.backends.worker import wire
from edge_daemon.backends.worker.client import WorkerBackend
from edge_daemon.config.backend import BackendSection
from edge_daemon.errors import BackendError
from edge_daemon.live.watchdog import may_feed
from edge_daemon.model.model_file import ModelFile
from edge_daemon.testing.machine import ManualTime

pytestmark = pytest.mark.slow


def images(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 50, 101)).astype(np.uint8)


@pytest.fixture
def worker(tiny_model: Path) -> Iterator[WorkerBackend]:
    backend = WorkerBackend.start(ModelFile.read(tiny_model), "event", timeout_s=60.0)
    yield backend
    backend.close()


def test_twenty_kills_lose_nothing_and_change_nothing(worker: WorkerBackend, tiny_model: Path) -> None:
    features = images(60)
    expected = create(ModelFile.read(tiny_model), "onnx").infer(features)
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
    worker = WorkerBackend.start(ModelFile.read(tiny_model), "onnx", timeout_s=3.0)
    try:
        worker.infer(images(1))
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert len(worker.infer(images(2)).score) == 2
        assert worker.pid != first
    finally:
        worker.close()


def test_errors_of_the_backend_are_passed_on_without_a_restart(worker: WorkerBackend) -> None:
    with pytest.raises(BackendError, match="features must be uint8"):
        worker.infer(np.zeros((1, 50, 100), np.uint8))
    assert len(worker.infer(images(1)).score) == 1
    assert worker.health()["worker_restarts"] == 0.0


def test_what_cannot_start_says_why(tiny_model: Path) -> None:
    model = ModelFile.read(tiny_model)
    with pytest.raises(BackendError, match="no backend named 'vendor'"):
        WorkerBackend.start(model, "vendor")
    with pytest.raises(BackendError, match="onnx' does not start"):
        WorkerBackend.start(model, "onnx", command=[sys.executable, "-c", "0"])
    with pytest.raises(BackendError, match="No such file"):
        WorkerBackend.start(model, "onnx", command=["/no/such/interpreter"])


HANGING = [sys.executable, "-c", "import time; time.sleep(600)"]


def replaced(worker: WorkerBackend, program: list[str]) -> None:
    """Have the next worker be another program, and the present one gone."""
    worker._command = program
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)


def test_a_new_worker_that_hangs_is_given_up_at_once(tiny_model: Path) -> None:
    worker = WorkerBackend.start(ModelFile.read(tiny_model), "event", timeout_s=60.0)
    try:
        worker.infer(images(1))
        replaced(worker, HANGING)
        worker._start_s = 0.5
        began = time.monotonic()
        with pytest.raises(BackendError, match="backend 'event' failed: no answer in time"):
            worker.infer(images(1))
        assert time.monotonic() - began < 10.0, "more than one attempt, or none of them bounded"
        assert worker.pid is None
    finally:
        worker.close()


def test_a_worker_that_has_not_answered_yet_is_not_replaced(worker: WorkerBackend) -> None:
    replaced(worker, HANGING)
    with pytest.raises(BackendError, match="backend 'event' failed: "):
        worker.infer(images(1))
    assert (worker.pid, worker.health()["worker_restarts"]) == (None, 0.0)


@pytest.mark.parametrize("size", [1, 256])
def test_sending_and_answering_share_one_time_limit(tiny_model: Path, size: int) -> None:
    """A message that fits the socket's buffer, and one that a stopped worker never reads."""
    worker = WorkerBackend.start(ModelFile.read(tiny_model), "onnx", timeout_s=60.0)
    try:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)
        worker._timeout_s, began = 1.0, time.monotonic()
        with pytest.raises(BackendError, match="failed: "):
            worker.infer(images(size))
        assert time.monotonic() - began < 1.9
    finally:
        worker.close()


def test_the_fallback_is_reached_before_the_watchdog_starves() -> None:
    """The longest waits of an inference: a worker that hangs and a new one that does, or a restart and then a hang."""
    timeout_s = BackendSection().timeout_s
    worst_s = timeout_s + worker_page.START_S + worker_page.END_S
    assert may_feed(round(worst_s * 1e9), 0, 0, None).feed
    assert worst_s < 30.0


def test_the_fallback_scores_what_two_hanging_workers_did_not(tiny_model: Path) -> None:
    model = ModelFile.read(tiny_model)
    worker = WorkerBackend.start(model, "event", timeout_s=60.0)
    guard = GuardedBackend(
        "event",
        lambda: worker,
        lambda: create(model),
        labels=2,
        layers=3,
        retries=3,
        time=ManualTime(),
        rng=random.Random(1),
    )
    guard.infer(images(1))
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    worker._command, worker._timeout_s, worker._start_s = HANGING, 0.5, 0.5
    began = time.monotonic()
    np.testing.assert_array_equal(guard.infer(images(2)).score, create(model).infer(images(2)).score)
    assert time.monotonic() - began < 5.0
    assert (guard.name, worker.pid) == ("onnx", None)
    guard.close()


def test_an_error_of_the_new_worker_leaves_none_without_a_model(worker: WorkerBackend) -> None:
    worker.infer(images(1))
    first, good = worker.pid, dict(worker._begin)
    assert first is not None
    worker._begin["backend"] = "busy"
    os.kill(first, signal.SIGKILL)
    with pytest.raises(BackendError, match="no backend named 'busy'"):
        worker.infer(images(1))
    assert worker.pid is None
    worker._begin = good  # the device is free again
    assert len(worker.infer(images(1)).score) == 1


def test_closing_during_an_inference_leaves_no_worker(tiny_model: Path) -> None:
    worker = WorkerBackend.start(ModelFile.read(tiny_model), "event", timeout_s=60.0)
    worker.infer(images(1))
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)  # the inference waits for its answer
    caught: list[BackendError] = []

    def infer() -> None:
        try:
            worker.infer(images(1))
        except BackendError as error:
            caught.append(error)

    waiting = threading.Thread(target=infer)
    waiting.start()
    while not worker._lock.locked():
        time.sleep(0.01)
    time.sleep(0.2)
    worker.close()
    waiting.join(20.0)
    assert not waiting.is_alive()
    assert [error.message for error in caught] == ["The backend was closed."]
    assert (worker.pid, worker.health()["worker_restarts"]) == (None, 0.0)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_closing_while_a_new_worker_starts_leaves_none(worker: WorkerBackend) -> None:
    worker.infer(images(1))
    replaced(worker, HANGING)

    def infer() -> None:
        with pytest.raises(BackendError, match="closed"):
            worker.infer(images(1))

    waiting = threading.Thread(target=infer)
    waiting.start()
    while worker._starts < 2:
        time.sleep(0.01)
    second = worker.pid
    worker.close()
    waiting.join(10.0)
    assert not waiting.is_alive()
    assert worker.pid is None
    if second is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(second, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has oom_score_adj")
def test_memory_that_runs_out_takes_the_worker_first(worker: WorkerBackend) -> None:
    own, of_worker = (
        int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii")) for pid in (os.getpid(), worker.pid)
    )
    assert of_worker == min(1000, own + worker_page.OOM_SCORE) > own


def test_the_guard_and_the_worker_together(tiny_model: Path) -> None:
    model = ModelFile.read(tiny_model)
    backend = open_backend(model, BackendSection(name="event", worker=True))
    try:
        np.testing.assert_array_equal(backend.infer(images(4)).score, create(model).infer(images(4)).score)
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
        (b"GET / HTTP/1.1\r\n\r\n", "another protocol"),
        (b"EDW1\xff\xff\xff\xff" + bytes(8), "another protocol"),
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
