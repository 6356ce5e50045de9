"""Dense layers, whose weights stay bytes: the reference's integers by each way that a processor may have."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_daemon.backends.compiled.trial import proven
from edge_daemon.model.model_file import ModelFile, ModelMetadata
from edge_daemon.model.network import IntegerNetwork, Layer
from export.graph import model_file, network_document

agrees = runpy.run_path(str(Path(__file__).parent / "test_backend.py"))["agrees"]


@st.composite
def dense_networks(draw: Any) -> IntegerNetwork:
    """Two or three dense layers, few or many channels, often with the greatest weights there are."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 30))
    sizes = [
        shape[0] * shape[1],
        *draw(st.lists(st.sampled_from([1, 31, 32, 40, 96, 160, 300]), min_size=1, max_size=2)),
        2,
    ]
    least, most = draw(st.sampled_from([(-128, 128), (-128, -127), (127, 128), (-3, 4)]))

    def layer(number: int) -> Layer:
        arrives, out = sizes[number], sizes[number + 1]
        weight = rng.integers(least, most, (out, arrives)).astype(np.int8)
        beta = rng.integers(0, 257, draw(st.sampled_from([1, out]))).astype(np.int32)
        threshold = rng.integers(1, 40 * (255 if number == 0 else 1), out).astype(np.int32)
        bias = rng.integers(-90, 90, out).astype(np.int32)
        reset = draw(st.sampled_from(["subtract", "zero"]))
        return Layer(str(number), "dense", weight, bias, threshold, beta, reset, shift=draw(st.integers(-2, 3)))

    layers = tuple(layer(number) for number in range(len(sizes) - 1))
    stem = draw(st.sampled_from(["none", "band_mean", "band_median"]))
    return IntegerNetwork(layers, draw(st.integers(1, 4)), shape, stem)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(network=dense_networks(), windows=st.integers(1, 19), edges=st.booleans(), seed=st.integers(0, 99))
def test_dense_layers(way: None, network: IntegerNetwork, windows: int, edges: bool, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (windows, *network.input_shape)).astype(np.uint8)
    agrees(network, np.where(values < 128, 0, 255).astype(np.uint8) if edges else values)


@pytest.mark.slow
@pytest.mark.parametrize("weight", [-128, 127])
def test_more_spikes_than_sixteen_bits_add_up(way: None, weight: int) -> None:
    """A thousand channels fire at once, each with the greatest weight."""
    many, ones = 1000, np.ones(1000, np.int32)
    first = Layer("first", "dense", np.full((many, 6), 127, np.int8), 0 * ones, ones, 0 * ones, "zero")
    second = Layer(
        "second", "dense", np.full((160, many), weight, np.int8), 0 * ones[:160], ones[:160], 9 * ones[:160], "zero"
    )
    last = Layer("last", "dense", np.full((2, 160), 1, np.int8), 0 * ones[:2], ones[:2], 9 * ones[:2], "subtract")
    network = IntegerNetwork((first, second, last), 3, (2, 3))
    assert agrees(network, np.full((2, 2, 3), 255, np.uint8))[:, 0].tolist() == [3000, 3000]


@pytest.mark.slow
def test_a_large_model_is_scored_though_its_file_goes(
    built: Path, tiny_metadata: ModelMetadata, tmp_path: Path
) -> None:
    """The weights are in memory: another file in the place of the mapped one changes nothing that is heard."""
    rng, ones = np.random.default_rng(3), np.ones(2048, np.int32)
    first = Layer(
        "first", "dense", rng.integers(-127, 128, (2048, 5050)).astype(np.int8), ones, 99_000 * ones, ones, "zero"
    )
    last = Layer(
        "last", "dense", rng.integers(0, 10, (2, 2048)).astype(np.int8), ones[:2], 9 * ones[:2], ones[:2], "zero"
    )
    network, path = IntegerNetwork((first, last), 3, (50, 101)), tmp_path / "large.onnx"
    metadata = tiny_metadata.model_copy(update={"network": network_document(network)})
    path.write_bytes(model_file(network, metadata))
    model = ModelFile.read(path)
    assert model.contents.mapped == path
    backend = proven(model)
    assert backend is not None
    features = rng.integers(0, 256, (3, 50, 101)).astype(np.uint8)
    before = backend.infer(features)
    assert before.layer_spikes.all()
    path.write_bytes(b"another file")
    after = backend.infer(features)
    np.testing.assert_array_equal(after.score, before.score)
    np.testing.assert_array_equal(after.layer_spikes, before.layer_spikes)
