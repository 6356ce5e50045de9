"""Counted operations and their energy, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_daemon.model.energy import FLOAT32, INTEGER, Operations, dense_operations, first_layer_products, joined
from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.model.network import IntegerNetwork, Layer


def layer(name: str, weight: np.ndarray, threshold: int = 100, **fields: object) -> Layer:
    out = len(weight)
    return Layer(
        name=name,
        kind="conv" if weight.ndim == 4 else "dense",
        weight=weight.astype(np.int8),
        bias=np.zeros(out, np.int32),
        threshold=np.full(out, threshold, np.int32),
        beta_256=np.array([128], np.int32),
        reset="zero",
        **fields,  # type: ignore[arg-type]
    )


def one(**counts: int) -> Operations:
    return Operations(**{name: np.array([count]) for name, count in counts.items()})


def test_energy_is_count_times_horowitz() -> None:
    counts = one(multiply_accumulates=1000, accumulates=500, membrane_updates=10, spikes=3, neuron_steps=12)
    assert counts.energy_pj(FLOAT32)[0] == pytest.approx(1000 * 4.6 + 500 * 0.9 + 10 * 4.6)
    assert counts.energy_pj(INTEGER)[0] == pytest.approx(1000 * 0.3 + 500 * 0.1 + 10 * 3.2)
    assert counts.activation_sparsity()[0] == pytest.approx(0.75)
    assert counts.synaptic_operations[0] == 1500


def test_dense_operations_count_the_first_layer_once() -> None:
    # 6 × 8 picture, stride 2: 3 × 4 places × 5 channels × 9 products; then 5 · 3 · 4 × 2 products in each of 3 steps
    network = IntegerNetwork(
        layers=(
            layer("first", np.ones((5, 1, 3, 3)), stride=(2, 2), padding=(1, 1)),
            layer("output", np.ones((2, 60))),
        ),
        time_steps=3,
        input_shape=(6, 8),
    )
    dense = dense_operations(network)
    assert dense.multiply_accumulates.tolist() == [3 * 4 * 5 * 9 + 3 * 60 * 2]
    assert dense.membrane_updates.tolist() == [(60 + 2) * 3]
    assert dense.accumulates.tolist() == [0]


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3)])
def test_first_layer_counts_neither_zero_inputs_nor_zero_weights(stride: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    weight = rng.integers(-1, 2, (4, 1, 3, 5))
    features = rng.integers(0, 3, (6, 9, 11)).astype(np.uint8)
    first = layer("first", weight, stride=stride, padding=(1, 2))
    _, rows, columns = first.output_shape((1, 9, 11))
    network = IntegerNetwork(
        layers=(first, layer("output", np.ones((2, 4 * rows * columns)))), time_steps=1, input_shape=(9, 11)
    )
    padded = np.pad(features, ((0, 0), (1, 1), (2, 2)))
    expected = [
        sum(
            np.count_nonzero(picture[y * stride[0] :, x * stride[1] :][:3, :5] * weight[:, 0])
            for y in range(rows)
            for x in range(columns)
        )
        for picture in padded
    ]
    assert first_layer_products(network, features).tolist() == expected


def test_first_layer_of_a_dense_network() -> None:
    network = IntegerNetwork(
        layers=(layer("output", np.array([[1, 0, 2, 3], [0, 0, 0, 4]])),), time_steps=1, input_shape=(2, 2)
    )
    features = np.array([[[5, 5], [0, 5]], [[0, 0], [0, 0]]], np.uint8)
    assert first_layer_products(network, features).tolist() == [3, 0]


def test_batches_are_joined_in_order() -> None:
    parts = [
        one(multiply_accumulates=n, accumulates=2 * n, membrane_updates=3, spikes=1, neuron_steps=4) for n in (1, 2)
    ]
    assert joined(parts).accumulates.tolist() == [2, 4]


def test_the_published_tables_are_those_of_the_models_in_the_package() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "energy.md").read_text()
    models = sorted(default_model_path().parent.glob("right_whale*.onnx"))
    assert models
    for model in models:
        model_file = ModelFile.read(model)
        expected = f"`{model_file.metadata.name}` {model_file.metadata.version}", f"Model {model_file.digest[:12]};"
        assert all(text in page for text in expected), "run: python tests/benchmarks/bench_energy.py --write"
