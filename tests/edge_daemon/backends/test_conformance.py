"""The conformance kit: right backends pass, and each kind of wrong one is caught by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_daemon.backends import conformance, registry
from edge_daemon.backends.base import Inference
from edge_daemon.backends.onnx import OnnxBackend
from edge_daemon.backends.worker.client import WorkerBackend
from edge_daemon.errors import BackendError
from export.conformance import kit_model


def test_the_shipped_files_are_what_the_project_makes() -> None:
    model, vectors = conformance.shipped()
    made = kit_model()
    assert model.metadata.network == made.metadata.network
    for shipped, fresh_layer in zip(model.network().layers, made.network().layers, strict=True):
        for part in ("weight", "bias", "threshold", "beta_256"):
            np.testing.assert_array_equal(getattr(shipped, part), getattr(fresh_layer, part))
    fresh = conformance.reference(made, conformance.synthetic_features((50, 101)))
    for field in Inference.__slots__:
        np.testing.assert_array_equal(getattr(vectors.expected, field), getattr(fresh.expected, field))
    np.testing.assert_array_equal(vectors.features, fresh.features)
    assert len(np.unique(fresh.expected.score)) > 10
    assert len(np.unique(fresh.expected.spike_counts)) > 3


@pytest.mark.slow
def test_ours_conform(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["event"]) == 0
    assert capsys.readouterr().out.endswith("event conforms: 15 of 15 checks passed.\n")


@pytest.mark.slow
def test_any_model_can_be_asked_about(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["onnx", "--model", str(tiny_model), "--options", "{}"]) == 0
    assert conformance.main(["event", "--model", str(tiny_model.parent / "absent.onnx")]) == 1
    assert "cannot be read" in capsys.readouterr().err


class Wrong(OnnxBackend):
    """Right but for one fault."""

    name = "wrong"
    fault = ""

    def infer(self, features: np.ndarray) -> Inference:
        if self.fault == "swallows errors" and (features.dtype != np.uint8 or features.shape[1:] != (50, 101)):
            return Inference(np.zeros(1, np.float32), np.zeros((1, 2), np.int32), np.zeros((1, 4), np.int64))
        found = super().infer(features)
        if self.fault == "alters":
            features[:] = 0
        changes = {
            "score": {"score": found.score + np.float32(1e-4)},
            "counts": {"spike_counts": found.spike_counts[:, ::-1]},
            "layers": {"layer_spikes": found.layer_spikes[:, :1]},
            "types": {"score": found.score.astype(np.float64)},
            "batch": {"score": found.score * np.float32(len(features) > 1)},
        }
        return replace(found, **changes.get(self.fault, {}))

    def health(self) -> dict[str, float]:
        return {"bad": float("nan")} if self.fault == "health" else {}

    def close(self) -> None:
        if self.fault != "stays open":
            super().close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("score", "gives the reference's scores"),
        ("counts", "gives the reference's spike counts"),
        ("layers", "gives the reference's spikes of each layer"),
        ("types", "gives arrays of the contract's types"),
        ("batch", "gives each window the same alone and in a batch"),
        ("alters", "leaves the features as they are"),
        ("swallows errors", "refuses features of another shape or type"),
        ("health", "has finite counters"),
        ("stays open", "closes twice and then refuses windows"),
    ],
)
def test_faults_are_caught_by_name(fault: str, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wrong, "fault", fault)
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, "wrong": "json:loads"})
    for module in (registry, conformance):
        monkeypatch.setattr(module, "load", lambda _: Wrong)
    # its process knows nothing of this class
    monkeypatch.setattr(conformance, "WorkerBackend", InPlace)
    model, vectors = conformance.shipped()
    fresh = conformance.Vectors(vectors.features.copy(), vectors.expected)
    failed = {verdict.check for verdict in conformance.check("wrong", model, fresh, {}) if verdict.problem}
    assert check in failed


class InPlace(WorkerBackend):
    @classmethod
    def start(cls, *_: Any, **__: Any) -> Any:
        raise BackendError("no process here")


def test_what_does_not_start_fails_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["vendor"]) == 1
    assert "no backend named 'vendor'" in capsys.readouterr().out
