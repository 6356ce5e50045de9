"""The guard around a backend: whatever it does, windows are scored and failures are told."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_daemon.backends import create
from edge_daemon.backends.base import Inference
from edge_daemon.backends.guarded import STEADY_WINDOWS, GuardedBackend, open_backend
from edge_daemon.backends.onnx import OnnxBackend
from edge_daemon.backends.worker.client import FIRST_START_S, START_S, WorkerBackend
from edge_daemon.config.backend import BackendSection
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.testing.machine import ManualTime


class Scripted:
    """A backend that does what its script says: None works, an exception is raised, a function alters the result."""

    name = "scripted"

    def __init__(self, real: Any, script: list[Any]) -> None:
        self._real, self._script = real, script

    def infer(self, features: np.ndarray) -> Inference:
        step = self._script.pop(0) if self._script else None
        if isinstance(step, BaseException):
            raise step
        result: Inference = self._real.infer(features)
        return step(result) if step is not None else result

    def health(self) -> Mapping[str, float]:
        return {"own": 1.0}

    def close(self) -> None:
        raise RuntimeError("it does not even close")


@pytest.fixture(scope="module")
def real(tiny_model: Path) -> OnnxBackend:
    backend = create(ModelFile.read(tiny_model))
    assert isinstance(backend, OnnxBackend)
    return backend


FEATURES = np.random.default_rng(8).integers(0, 256, (3, 50, 101)).astype(np.uint8)


def guarded(start: Callable[[], Any], fallback: Any, clock: ManualTime, retries: int = 2) -> GuardedBackend:
    return GuardedBackend(
        "scripted", start, fallback, labels=2, layers=3, retries=retries, time=clock, rng=random.Random(1)
    )


@pytest.mark.parametrize(
    "fault",
    [
        ValueError("no"),
        SystemExit(3),
        MemoryError(),
        lambda r: replace(r, score=r.score[:1]),
        lambda r: replace(r, score=r.score * np.float32("nan")),
        lambda r: replace(r, spike_counts=r.spike_counts[:, :1]),
        lambda _: None,
    ],
    ids=["error", "exit", "memory", "too few", "nan", "labels", "nothing"],
)
def test_any_fault_leaves_the_windows_scored(real: OnnxBackend, fault: Any) -> None:
    backend = guarded(lambda: Scripted(real, [fault]), lambda: real, ManualTime())
    np.testing.assert_array_equal(backend.infer(FEATURES).score, real.infer(FEATURES).score)
    assert backend.name == "onnx"
    assert backend.health()["windows_by_fallback"] == 3.0
    assert backend.health()["fallback_active"] == 1.0
    assert backend.problem.startswith("The backend scripted failed: ")


class OfItsOwn(BaseException):
    """A plug-in's exception that is no `Exception`."""


class UnprintableError(Exception):
    """An exception whose text raises."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Rude(Scripted):
    """Has no name, and raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        if name == "name":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def health(self) -> Mapping[str, float]:
        raise OfItsOwn

    def close(self) -> None:
        raise OfItsOwn


@pytest.mark.parametrize(
    "error", [OfItsOwn("x"), GeneratorExit(), KeyboardInterrupt(), UnprintableError()], ids=lambda e: type(e).__name__
)
def test_nothing_that_a_plug_in_raises_ends_the_thread_that_scores(real: OnnxBackend, error: BaseException) -> None:
    """As the daemon has it: in a thread, where no Ctrl-C comes."""
    backend = guarded(lambda: Rude(real, [None, error]), lambda: real, ManualTime())
    scores: list[Any] = []

    def score() -> None:
        for _ in range(2):
            scores.append(backend.infer(FEATURES).score)
            backend.health()

    thread = threading.Thread(target=score)
    thread.start()
    thread.join()
    assert len(scores) == 2
    assert type(error).__name__ in backend.problem


def test_ctrl_c_is_meant_for_us(real: OnnxBackend) -> None:
    backend = guarded(lambda: Scripted(real, [KeyboardInterrupt()]), lambda: real, ManualTime())
    with pytest.raises(KeyboardInterrupt):
        backend.infer(FEATURES)


def test_it_comes_back_after_a_pause(real: OnnxBackend) -> None:
    clock, script = ManualTime(), [None, ValueError("once")]
    backend = guarded(lambda: Scripted(real, script), lambda: real, clock)
    names = []
    for _ in range(4):
        backend.infer(FEATURES)
        names.append(backend.name)
    assert names == ["scripted", "onnx", "onnx", "onnx"]
    clock.advance(1.0)  # the longest first pause
    backend.infer(FEATURES)
    assert backend.name == "scripted"
    assert backend.health() == {
        "failures": 1.0,
        "restarts": 1.0,
        "windows_by_fallback": 9.0,
        "fallback_active": 0.0,
        "own": 1.0,
    }


def test_restarts_are_bounded(real: OnnxBackend) -> None:
    clock, starts = ManualTime(), []

    def start() -> Any:
        starts.append(clock.monotonic_ns())
        raise ImportError("no such library")

    backend = guarded(start, lambda: real, clock, retries=2)
    for _ in range(20):
        backend.infer(FEATURES)
        clock.advance(1000.0)
    assert len(starts) == 3  # the first start and two retries
    assert backend.health()["failures"] == 3.0
    assert backend.problem == "The backend scripted does not start: ImportError: no such library"


def test_without_fallback_it_restarts_at_once_and_then_says_so(real: OnnxBackend) -> None:
    script = [ValueError("a"), ValueError("b")]
    backend = guarded(lambda: Scripted(real, script), None, ManualTime(), retries=2)
    assert len(backend.infer(FEATURES).score) == 3
    script += [ValueError("c")]
    with pytest.raises(BackendError, match="scripted failed: ValueError: c") as caught:
        backend.infer(FEATURES)
    assert "fallback" in caught.value.hint


def test_without_fallback_restarts_that_take_long_end_in_an_error(real: OnnxBackend) -> None:
    """A window that waits starves the watchdog; each of these failures would make it wait 25 s more."""
    clock, starts = ManualTime(), []

    class Hangs(Scripted):
        def infer(self, features: np.ndarray) -> Inference:
            clock.advance(25.0)
            return super().infer(features)

    def start() -> Any:
        starts.append(clock.monotonic_ns())
        return Hangs(real, [BackendError("no answer in time")])

    backend = guarded(start, None, clock, retries=3)
    with pytest.raises(BackendError, match="no answer in time"):
        backend.infer(FEATURES)
    assert clock.monotonic_ns() == 25_000_000_000
    with pytest.raises(BackendError, match="no answer in time"):
        backend.infer(FEATURES)  # the next window has its own restart
    assert len(starts) == 2


def test_a_restart_that_hangs_delays_the_fallback_once(real: OnnxBackend) -> None:
    clock = ManualTime()

    def start() -> Any:
        clock.advance(15.0)
        raise BackendError("does not come up")

    backend = guarded(start, lambda: real, clock, retries=3)
    for window in range(5):
        clock.advance(1000.0)
        before = clock.monotonic_ns()
        backend.infer(FEATURES)
        assert clock.monotonic_ns() - before == (15_000_000_000 if window < 3 else 0)
    assert backend.name == "onnx"


def test_failures_long_past_are_forgiven(real: OnnxBackend) -> None:
    clock, script = ManualTime(), [ValueError("a")]
    backend = guarded(lambda: Scripted(real, script), lambda: real, clock, retries=1)
    backend.infer(FEATURES)
    clock.advance(600.0)
    for _ in range(STEADY_WINDOWS // 3 + 1):
        backend.infer(FEATURES)
    script.append(ValueError("b"))
    backend.infer(FEATURES)
    assert backend.name == "onnx"
    clock.advance(1.0)
    backend.infer(FEATURES)
    assert backend.name == "scripted"


def test_opened_from_the_configuration(tiny_model: Path) -> None:
    model = ModelFile.read(tiny_model)
    backend = open_backend(model, BackendSection(name="event"))
    backend.infer(FEATURES)
    assert backend.name == "event"
    missing = open_backend(model, BackendSection(name="vendor"), ManualTime())
    missing.infer(FEATURES)
    assert missing.name == "onnx"
    assert "no backend named 'vendor'" in missing.problem
    with pytest.raises(BackendError, match="vendor"):
        open_backend(model, BackendSection(name="vendor", fallback=None), ManualTime())
    missing.close()
    missing.close()
    with pytest.raises(BackendError, match="closed"):
        missing.infer(FEATURES)


def test_a_worker_has_longer_for_its_first_start_than_while_windows_wait(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def start(*_: Any, first_start_s: float, **__: Any) -> Any:
        given.append(first_start_s)
        raise BackendError("busy")

    monkeypatch.setattr(WorkerBackend, "start", start)
    time = ManualTime()
    backend = open_backend(ModelFile.read(tiny_model), BackendSection(name="event", worker=True, retries=2), time)
    for _ in range(3):
        time.advance(3600.0)
        backend.infer(np.zeros((1, 50, 101), np.uint8))
    assert given == [FIRST_START_S, START_S, START_S]
    backend.close()


@pytest.mark.parametrize(
    "given", [{"chips": "many"}, None, 7, {"heat": float("nan")}, {3: 4}, {"fallback_active": 1.0}]
)
def test_counters_that_are_none_are_left_out_and_told(real: OnnxBackend, given: Any) -> None:
    class Talkative(Scripted):
        def health(self) -> Any:
            return given

    backend = guarded(lambda: Talkative(real, []), None, ManualTime())
    told = backend.health()
    assert set(told) == {"failures", "restarts", "windows_by_fallback", "fallback_active"}
    assert told["fallback_active"] == 0.0  # ours: no plug-in says it for us
    assert ("counter" in backend.problem) == (given != {"fallback_active": 1.0})


def test_a_fallback_is_believed_no_more_than_the_chosen_one(real: OnnxBackend) -> None:
    wrong = Scripted(real, [lambda _: "nonsense"])
    backend = guarded(lambda: Scripted(real, [RuntimeError("no")]), lambda: wrong, ManualTime(), retries=0)
    with pytest.raises(BackendError, match="did not return scores"):
        backend.infer(FEATURES)
