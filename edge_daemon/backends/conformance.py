"""The test kit for backends: `python -m edge_daemon.backends.conformance NAME` tells whether a plug-in is right.

A backend is right when it gives the numbers of the reference (`edge_daemon.model.network.run`), refuses what is not its
input, behaves when it is used from several threads, closed and opened again, and when its process is killed or
stopped. The small portable model and the vectors that come with the package fit every backend; `--model FILE` asks
the same of a model of yours, with the reference computed on the spot.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.base import Backend, Inference
from edge_daemon.backends.registry import create, load
from edge_daemon.backends.worker.client import WorkerBackend
from edge_daemon.errors import BackendError, EdgeDaemonError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import run
from edge_daemon.model.shipped import model_path

WINDOWS = 16
"""Windows of a vector file."""
PATIENT_START_S = 120.0
"""For a worker to start: here nothing waits for it, and how slow a library may be is not what is asked."""


class NonconformanceError(Exception):
    """What a check found wrong."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Features uint8 [N, bands, frames] and what a right backend says to them."""

    features: NDArray[np.uint8]
    expected: Inference


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """Outcome of one check; `problem` is empty where it passed."""

    check: str
    problem: str


def shipped() -> tuple[ModelFile, Vectors]:
    """The model and the vectors inside the package."""
    assets = resources.files("edge_daemon") / "assets"
    with np.load(Path(str(assets / "conformance.npz")), allow_pickle=False) as stored:
        expected = Inference(stored["score"], stored["spike_counts"], stored["layer_spikes"])
        vectors = Vectors(stored["features"], expected)
    return ModelFile.from_bytes((assets / "conformance.onnx").read_bytes()), vectors


def reference(model: ModelFile, features: NDArray[np.uint8]) -> Vectors:
    """Vectors for a model: what the reference makes of these features."""
    trace = run(model.network(), features)
    score = model.metadata.calibration.score(trace.margin)
    return Vectors(features, Inference(score, trace.spike_counts, trace.layer_spikes))


def synthetic_features(shape: tuple[int, int], n: int = WINDOWS, seed: int = 1) -> NDArray[np.uint8]:
    """Pictures of noise with rising ridges, and the two extremes (all 0, all 255); uint8 [n, bands, frames]."""
    rng = np.random.default_rng(seed)
    bands, frames = shape
    band, frame = np.arange(bands)[:, None], np.arange(frames)[None]
    pictures = rng.normal(90, 30, (n, bands, frames))
    for picture in pictures:
        start, slope = rng.uniform(0, 0.6) * bands, rng.uniform(-0.2, 0.6)
        distance = (band - start - slope * frame * bands / frames) / 1.5
        np.add(picture, rng.uniform(0, 150) * np.exp(-(distance**2)), out=picture)
    features: NDArray[np.uint8] = np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
    features[0], features[1] = 0, 255
    return features


def check(name: str, model: ModelFile, vectors: Vectors, options: Mapping[str, Any]) -> Iterator[CheckOutcome]:
    """Run every check; the first ones decide whether the rest makes sense."""
    try:
        load(name)
        backend = create(model, name, options)
    except EdgeDaemonError as error:
        yield CheckOutcome("starts with the model", str(error))
        return
    except Exception as error:  # noqa: BLE001 - whatever a plug-in throws is its verdict
        yield CheckOutcome("starts with the model", f"{type(error).__name__}: {error}")
        return
    yield CheckOutcome("starts with the model", "")
    kit = _Kit(name, model, vectors, dict(options))
    for text, one in kit.checks():
        yield CheckOutcome(text, _outcome(one, backend))
    yield CheckOutcome("closes twice and then refuses windows", _outcome(kit.closes, backend))
    for text, whole in kit.checks_from_scratch():
        yield CheckOutcome(text, _outcome(whole))


def _outcome(one: Callable[..., None], *backend: Backend) -> str:
    try:
        one(*backend)
    except NonconformanceError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in throws is its verdict
        return f"{type(error).__name__}: {error}"
    return ""


@dataclass(frozen=True, slots=True)
class _Kit:
    name: str
    model: ModelFile
    vectors: Vectors
    options: dict[str, Any]

    def checks(self) -> list[tuple[str, Callable[[Backend], None]]]:
        return [
            ("gives the reference's spike counts", lambda b: self._same(self._all(b), "spike_counts")),
            ("gives the reference's spikes of each layer", lambda b: self._same(self._all(b), "layer_spikes")),
            ("gives the reference's scores", lambda b: self._same(self._all(b), "score")),
            ("gives arrays of the contract's types", self._types),
            ("gives each window the same alone and in a batch", self._batches),
            ("leaves the features as they are", self._untouched),
            ("refuses features of another shape or type", self._wrong),
            ("answers four threads at once", self._threads),
            ("has finite counters", self._health),
        ]

    def checks_from_scratch(self) -> list[tuple[str, Callable[[], None]]]:
        return [
            ("opens again, and twice at the same time", self._reopen),
            ("refuses options that it does not have", self._options),
            ("loses nothing when its process is killed", lambda: self._process(signal.SIGKILL, 120.0)),
            ("loses nothing when its process hangs", lambda: self._process(signal.SIGSTOP, self._patience_s())),
        ]

    def closes(self, backend: Backend) -> None:
        backend.close()
        backend.close()
        _refuses(backend, self.vectors.features[:1], "windows after it was closed")

    def _all(self, backend: Backend) -> Inference:
        return backend.infer(self.vectors.features.copy())

    def _same(self, found: Inference, *fields: str) -> None:
        for field in fields or Inference.__slots__:
            expected, got = getattr(self.vectors.expected, field), np.asarray(getattr(found, field))
            if got.shape != expected.shape:
                raise NonconformanceError(f"{field} has the shape {list(got.shape)}, not {list(expected.shape)}")
            wrong = got != expected
            if wrong.any():
                place = tuple(int(index[0]) for index in np.nonzero(wrong))
                raise NonconformanceError(
                    f"{field}: {np.count_nonzero(wrong)} of {wrong.size} differ;"
                    f" at {list(place)} {got[place]} instead of {expected[place]}"
                )

    def _types(self, backend: Backend) -> None:
        inference = backend.infer(self.vectors.features[:1].copy())
        for field, dtype in (("score", "float32"), ("spike_counts", "int32"), ("layer_spikes", "int64")):
            found = np.asarray(getattr(inference, field)).dtype
            if found != dtype:
                raise NonconformanceError(f"{field} is {found}, not {dtype}")

    def _batches(self, backend: Backend) -> None:
        features = self.vectors.features
        parts = [backend.infer(features[i : i + 1].copy()) for i in range(len(features))]
        self._same(Inference(*(np.concatenate([getattr(p, f) for p in parts]) for f in Inference.__slots__)))

    def _untouched(self, backend: Backend) -> None:
        given = self.vectors.features[-1:].copy()
        backend.infer(given)
        if not np.array_equal(given, self.vectors.features[-1:]):
            raise NonconformanceError("the features were altered")

    def _wrong(self, backend: Backend) -> None:
        good = self.vectors.features[:1]
        _refuses(backend, good[:, :, :-1], "features with one frame missing")
        _refuses(backend, good.astype(np.float32), "float32 features")
        self._same(self._all(backend))  # and goes on as before

    def _threads(self, backend: Backend) -> None:
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: self._all(backend), range(8)):
                self._same(found)

    def _health(self, backend: Backend) -> None:
        for key, value in backend.health().items():
            if not isinstance(key, str) or not isfinite(float(value)):
                raise NonconformanceError(f"{key} is {value!r}")

    def _reopen(self) -> None:
        first, second = (create(self.model, self.name, self.options) for _ in range(2))
        self._same(self._all(first))
        first.close()
        self._same(self._all(second))
        second.close()

    def _options(self) -> None:
        try:
            create(self.model, self.name, {**self.options, "no_such_option": 1}).close()
        except BackendError:
            return
        raise NonconformanceError("an unknown option was accepted")

    def _patience_s(self) -> float:
        """How long an answer may take before its worker counts as hanging: ten times a fresh worker's, and 3 s."""
        worker = self._worker(120.0)
        try:
            began = time.monotonic()
            self._all(worker)
            return 3.0 + 10.0 * (time.monotonic() - began)
        finally:
            worker.close()

    def _process(self, blow: signal.Signals, timeout_s: float) -> None:
        worker = self._worker(timeout_s)
        try:
            worker.infer(self.vectors.features[:1])
            if worker.pid is None:
                raise NonconformanceError("the worker ended by itself")
            os.kill(worker.pid, blow)
            self._same(self._all(worker))
        finally:
            worker.close()

    def _worker(self, timeout_s: float) -> WorkerBackend:
        return WorkerBackend.start(self.model, self.name, self.options, timeout_s=timeout_s, start_s=PATIENT_START_S)


def _refuses(backend: Backend, features: NDArray[Any], what: str) -> None:
    try:
        backend.infer(features)
    except BackendError:
        return
    except Exception as error:
        raise NonconformanceError(f"{what}: {type(error).__name__} instead of a BackendError") from error
    raise NonconformanceError(f"{what} were accepted")


def main(arguments: list[str] | None = None) -> int:
    """Print the verdicts; 0 where the backend conforms, 1 where it does not."""
    parser = argparse.ArgumentParser(prog="python -m edge_daemon.backends.conformance", description=__doc__)
    parser.add_argument("name", help="the backend, as `edge-daemon backends` lists it")
    parser.add_argument("--model", type=model_path, help="a model, by file or name, instead of the kit's own")
    parser.add_argument("--options", type=json.loads, default={}, help="the backend's options, a JSON object")
    asked = parser.parse_args(arguments)
    try:
        if asked.model is None:
            model, vectors = shipped()
        else:
            model = ModelFile.read(asked.model)
            vectors = reference(model, synthetic_features(model.metadata.frontend.shape))
    except EdgeDaemonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    verdicts = []
    for verdict in check(asked.name, model, vectors, asked.options):
        sys.stdout.write(f"{'FAIL' if verdict.problem else 'ok':<4}  {verdict.check}\n")
        if verdict.problem:
            sys.stdout.write(f"      {verdict.problem}\n")
        sys.stdout.flush()
        verdicts.append(verdict)
    failed = sum(bool(verdict.problem) for verdict in verdicts)
    outcome = "does not conform" if failed else "conforms"
    sys.stdout.write(f"{asked.name} {outcome}: {len(verdicts) - failed} of {len(verdicts)} checks passed.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
