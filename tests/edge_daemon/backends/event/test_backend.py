"""The event-driven backend: the reference's integers from events alone, and exact counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.backends import create
from edge_daemon.backends.event.backend import EventBackend
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer, run
from edge_daemon.model.neuron import Reset
from edge_daemon.model.score_calibration import logistic

CURVE = logistic(slope=0.8, offset=-0.5)


def images(n: int, shape: tuple[int, int] = (50, 101), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + n).integers(0, 256, (n, *shape)).astype(np.uint8)


@pytest.mark.slow
def test_event_is_onnx_bit_for_bit(tiny_model: Path) -> None:
    model, features = ModelFile.read(tiny_model), images(70)
    event, onnx = create(model, "event").infer(features), create(model, "onnx").infer(features)
    np.testing.assert_array_equal(event.score, onnx.score)
    np.testing.assert_array_equal(event.spike_counts, onnx.spike_counts)
    np.testing.assert_array_equal(event.layer_spikes, onnx.layer_spikes)
    assert [a.dtype for a in (event.score, event.spike_counts, event.layer_spikes)] == ["float32", "int32", "int64"]


@st.composite
def networks(draw: Any) -> IntegerNetwork:
    """Small networks of every kind of layer, with weights that make some neurons fire and others not."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    bands, frames = draw(st.integers(10, 12)), draw(st.integers(8, 12))
    mode = draw(st.sampled_from(["constant", "frames"]))
    reset: Reset = draw(st.sampled_from(["subtract", "zero"]))

    def layer(name: str, weight_shape: tuple[int, ...], threshold: int, biased: bool, **fields: Any) -> Layer:
        out = weight_shape[0]
        return Layer(
            name=name,
            kind="conv" if len(weight_shape) == 4 else "dense",
            weight=(rng.integers(-127, 128, weight_shape) * rng.integers(0, 2, weight_shape)).astype(np.int8),
            bias=(rng.integers(-60, 90, out) * biased).astype(np.int32),
            threshold=rng.integers(threshold, 2 * threshold, out).astype(np.int32),
            beta_256=rng.integers(0, 257, draw(st.sampled_from([1, out]))).astype(np.int32),
            reset=reset,
            shift=draw(st.integers(-2, 3)),
            **fields,
        )

    biased = draw(st.booleans())
    first = layer("first", (3, 1, 3, 3), 9000, True, padding=(1, 1))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 3)) if mode == "constant" else 1)
    pool = draw(st.sampled_from(["none", "sum", "global_sum"]))
    second = layer(
        "second",
        (4, 3, draw(st.integers(1, 3)), draw(st.integers(1, 3)) if mode == "constant" and pool != "global_sum" else 1),
        60,
        biased,
        stride=stride,
        padding=(draw(st.integers(0, 1)), 0),
        pool=pool if mode == "constant" else "none",
        pool_size=(2, 2),
        max_pool=(draw(st.integers(1, 2)), 1),
    )
    shape = (3, bands, frames if mode == "constant" else 1)
    _, rows, columns = second.output_shape(shape)
    third = layer("third", (5, 4 * rows * columns), 80, biased)
    output = layer("output", (2, 5), 40, biased)
    steps = frames if mode == "frames" else draw(st.integers(1, 5))
    return IntegerNetwork((first, second, third, output), steps, (bands, frames), "band_median", mode)


@pytest.mark.slow
@settings(max_examples=150)
@given(network=networks(), windows=st.integers(1, 5))
def test_event_is_the_reference_for_any_network(network: IntegerNetwork, windows: int) -> None:
    features = images(windows, network.input_shape, seed=99)
    inference, operations = EventBackend(network, CURVE).count(features)
    trace = run(network, features, keep=True)
    np.testing.assert_array_equal(inference.spike_counts, trace.spike_counts)
    np.testing.assert_array_equal(inference.layer_spikes, trace.layer_spikes)
    np.testing.assert_array_equal(inference.score, CURVE.score(trace.margin))
    np.testing.assert_array_equal(operations.spikes, trace.layer_spikes.sum(axis=1))
    np.testing.assert_array_equal(operations.accumulates, counted_by_probe(network, trace.spikes))
    assert (operations.membrane_updates <= network.neurons * network.time_steps).all()


def counted_by_probe(network: IntegerNetwork, spikes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Weights other than zero that spikes meet: the reference's synapses with weights of 0 and 1, summed."""
    from dataclasses import replace

    from edge_daemon.model.network import synapses

    total = np.zeros(spikes[0].shape[1], np.int64)
    for layer, arriving in zip(network.layers[1:], spikes, strict=False):
        probe = replace(
            layer, weight=(layer.weight != 0).astype(np.int8), bias=layer.bias * 0, shift=0, max_pool=(1, 1)
        )
        for of_step in arriving:
            total += synapses(probe, of_step.astype(np.int64)).sum(axis=(1, 2, 3))
    return total


def chain(reset: Reset, weights: tuple[int, ...], steps: int, drive: int = 100) -> IntegerNetwork:
    """One neuron a layer (the output has two, of which the noise neuron hears nothing)."""

    def neuron(name: str, weight: np.ndarray, threshold: int) -> Layer:
        out = len(weight)
        return Layer(
            name=name,
            kind="dense",
            weight=weight.astype(np.int8),
            bias=np.zeros(out, np.int32),
            threshold=np.full(out, threshold, np.int32),
            beta_256=np.array([128], np.int32),
            reset=reset,
        )

    first = neuron("first", np.array([[1]]), drive + 1)
    middle = [neuron(f"n{i}", np.array([[w]]), 40) for i, w in enumerate(weights)]
    return IntegerNetwork((first, *middle, neuron("output", np.array([[0], [50]]), 49)), steps, (1, 1))


def test_counts_of_a_chain_by_hand() -> None:
    # Features of 100 and a threshold of 101: U = 100, 150 fires, (reset) 100, 150 fires, so spikes in steps 1, 3, 5.
    # The second neuron gets 30 in each: U = 30; leak 15, 7 + 30 → with floors 30 → 15 → 7 + 30 = 37; 18 → 9 + 30 = 39:
    # never above 40. It is touched in three steps and makes up one leak before each but the first: 3 + 2 updates.
    network = chain("zero", (30,), steps=6)
    backend = EventBackend(network, CURVE)
    inference, operations = backend.count(np.array([[[100]]], np.uint8))
    assert inference.layer_spikes.tolist() == [[3, 0, 0]]
    assert operations.multiply_accumulates.tolist() == [1]
    assert operations.accumulates.tolist() == [3]
    assert operations.membrane_updates.tolist() == [6 + 5 + 0]  # the first layer in every step, the output never
    assert operations.neuron_steps.tolist() == [4 * 6]
    assert operations.activation_sparsity().tolist() == [1 - 3 / 24]


def test_a_spike_without_a_new_event_is_not_missed() -> None:
    # 127 on a threshold of 40: fires, and after 63 − 40 = 23 rests; but 2 · 127 by two spikes would carry on. With
    # subtraction U = 127 fires in step 1; step 2 brings 63 − 40 = 23 without any event, and no spike.
    network = chain("subtract", (127,), steps=4)
    features = np.array([[[100]]], np.uint8)
    inference, operations = EventBackend(network, CURVE).count(features)
    trace = run(network, features, keep=True)
    assert trace.membranes[1].ravel().tolist() == [0, 127, 23, 138]
    assert inference.layer_spikes.tolist() == trace.layer_spikes.tolist()
    # touched in steps 1, 2 (reset due) and 3; nothing to make up
    assert operations.membrane_updates.tolist() == [4 + 3 + counted_updates_of_output(trace.spikes[1].ravel(), 4)]


def counted_updates_of_output(spikes: np.ndarray, steps: int) -> int:
    """Two output neurons: visited from the first arriving spike on, in every step until the end (caught up)."""
    return 2 * (steps - int(np.flatnonzero(spikes)[0]))


def test_silence_costs_the_first_layer_only() -> None:
    network = chain("zero", (30,), steps=5)
    inference, operations = EventBackend(network, CURVE).count(np.zeros((2, 1, 1), np.uint8))
    assert inference.layer_spikes.tolist() == [[0, 0, 0]] * 2
    assert operations.synaptic_operations.tolist() == [0, 0]
    assert operations.membrane_updates.tolist() == [5, 5]
    assert operations.activation_sparsity().tolist() == [1.0, 1.0]


def test_health_is_the_mean_of_what_was_counted(tiny_model: Path) -> None:
    backend = create(ModelFile.read(tiny_model), "event")
    assert isinstance(backend, EventBackend)
    assert backend.health()["windows"] == 0.0
    operations = [backend.count(images(n))[1] for n in (2, 40)]
    health = backend.health()
    assert health["windows"] == 42.0
    total = sum(int(part.synaptic_operations.sum()) for part in operations)
    assert health["synaptic_operations_per_window"] == pytest.approx(total / 42)
    sparsity = np.concatenate([part.activation_sparsity() for part in operations])
    assert health["activation_sparsity"] == pytest.approx(sparsity.mean())


def test_batches_do_not_matter(tiny_model: Path) -> None:
    backend, features = create(ModelFile.read(tiny_model), "event"), images(35)
    whole = backend.infer(features)
    single = [backend.infer(features[i : i + 1]) for i in range(35)]
    np.testing.assert_array_equal(whole.score, np.concatenate([part.score for part in single]))


def test_wrong_features_and_closed_backends_are_refused(tiny_model: Path) -> None:
    backend = create(ModelFile.read(tiny_model), "event")
    for wrong in (
        np.zeros((1, 50, 100), np.uint8),
        np.zeros((1, 50, 101), np.float32),
        np.zeros((0, 50, 101), np.uint8),
    ):
        with pytest.raises(BackendError, match="features must be uint8"):
            backend.infer(wrong)
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.infer(images(1))
