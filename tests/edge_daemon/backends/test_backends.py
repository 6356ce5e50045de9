"""Backends: ONNX Runtime against the reference, and refusals that name the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_daemon.backends import create, registry
from edge_daemon.backends.base import Capabilities, Inference
from edge_daemon.backends.onnx import OnnxBackend
from edge_daemon.backends.registry import installed, load
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import run


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> ModelFile:
    return ModelFile.read(tiny_model)


def images(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 50, 101)).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_onnx_is_the_reference_bit_for_bit(model: ModelFile, threads: int, batch: int) -> None:
    backend, features = create(model, "onnx", {"threads": threads}), images(64)
    trace = run(model.network(), features)
    parts = [backend.infer(features[i : i + batch]) for i in range(0, 64, batch)]
    np.testing.assert_array_equal(np.concatenate([p.spike_counts for p in parts]), trace.spike_counts)
    np.testing.assert_array_equal(np.concatenate([p.layer_spikes for p in parts]), trace.layer_spikes)
    expected = model.metadata.calibration.score(trace.margin)
    np.testing.assert_array_equal(np.concatenate([p.score for p in parts]), expected)
    assert trace.layer_spikes.sum(axis=0).min() > 0  # a silent network would agree with anything
    assert len(np.unique(expected)) > 32


def test_outputs_have_the_contracts_types(model: ModelFile) -> None:
    inference = create(model).infer(images(2))
    assert [(a.dtype.name, a.shape) for a in (inference.score, inference.spike_counts, inference.layer_spikes)] == [
        ("float32", (2,)),
        ("int32", (2, 2)),
        ("int64", (2, 3)),
    ]


def test_wrong_features_and_closed_backends_are_refused(model: ModelFile) -> None:
    backend = create(model)
    with pytest.raises(BackendError, match="Inference failed"):
        backend.infer(np.zeros((1, 50, 100), np.uint8))
    with pytest.raises(BackendError, match="Inference failed"):
        backend.infer(np.zeros((1, 50, 101), np.float32))
    backend.infer(images(3))
    assert backend.health() == {"windows": 3.0}
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.infer(images(1))


def test_unknown_names_and_options_are_refused(model: ModelFile) -> None:
    assert "onnx" in installed()
    with pytest.raises(BackendError, match="no backend named 'loihi9'"):
        load("loihi9")
    with pytest.raises(BackendError, match="Option 'threads'"):
        create(model, "onnx", {"threads": 0})
    with pytest.raises(BackendError, match="Option 'speed'"):
        create(model, "onnx", {"speed": 1})


def test_a_backend_gets_no_more_windows_than_it_takes(model: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Narrow(OnnxBackend):
        capabilities = Capabilities(max_batch=3)

        def infer(self, features: np.ndarray) -> Inference:
            sizes.append(len(features))
            return super().infer(features)

    monkeypatch.setattr(registry, "load", lambda _name: Narrow)
    narrow, features = create(model, "narrow"), images(8)
    expected = OnnxBackend.create(model, OnnxBackend.Options()).infer(features)
    found = narrow.infer(features)
    assert sizes == [3, 3, 2]
    for field in ("score", "spike_counts", "layer_spikes"):
        np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))
    assert (narrow.name, narrow.health()) == ("onnx", {"windows": 8.0})
    narrow.close()
    with pytest.raises(BackendError, match="closed"):
        narrow.infer(images(1))


def test_defaults_reach_only_those_that_know_them(model: ModelFile) -> None:
    with pytest.raises(BackendError, match="Option 'threads'"):
        create(model, "onnx", None, {"threads": 0})
    create(model, "onnx", {"threads": 1}, {"threads": 0}).close()
    create(model, "event", None, {"threads": 0}).close()


@pytest.mark.parametrize(
    ("attribute", "value", "wrong"),
    [
        ("infer", None, "it lacks infer"),
        ("Options", dict, "its Options are not a subclass of BackendOptions"),
        ("capabilities", {}, "its capabilities are not of type Capabilities"),
        ("name", "another", "it is registered as 'odd' but calls itself 'another'"),
    ],
)
def test_what_is_no_plugin_is_refused(
    monkeypatch: pytest.MonkeyPatch, attribute: str, value: object, wrong: str
) -> None:
    class Odd(OnnxBackend):
        name = "odd"

    monkeypatch.setattr(registry, "resolve_name", lambda _place: Odd)
    monkeypatch.setattr(registry, "BUILT_IN", {"odd": "odd_package:Odd"})
    assert load("odd") is Odd
    monkeypatch.setattr(Odd, attribute, value)
    with pytest.raises(BackendError, match=f"odd_package:Odd does not provide a backend: {wrong}"):
        load("odd")


def test_a_plugin_that_leaves_while_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_place: str) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(registry, "resolve_name", leave)
    with pytest.raises(BackendError, match=r"'onnx' fails to import \(SystemExit: 3\)"):
        load("onnx")
