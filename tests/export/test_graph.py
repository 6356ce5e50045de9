"""The graph against the reference computation, for every kind of layer, and what it refuses to carry."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import onnxruntime
import pytest

from edge_daemon.bundle import ModelMetadata
from edge_daemon.errors import ModelError
from edge_daemon.frontend import LogMelSpec
from edge_daemon.network import InputMode, IntegerNetwork, Layer, Stem, run
from edge_daemon.neuron import Reset
from export.graph import model_file, network_document

BANDS, FRAMES = 12, 21
FRONTEND = LogMelSpec(window=800, bands=BANDS)  # 800 samples in hops of 40 make 21 frames


def layer(rng: np.random.Generator, name: str, shape: tuple[int, ...], threshold: int, **fields: Any) -> Layer:
    defaults: dict[str, Any] = {
        "bias": rng.integers(-30, 30, shape[0]).astype(np.int32),
        "beta_256": np.array([int(rng.integers(90, 250))], np.int32),
        "reset": "subtract",
    }
    return Layer(
        name=name,
        kind="conv" if len(shape) == 4 else "dense",
        weight=rng.integers(-127, 128, shape).astype(np.int8),
        threshold=(threshold + rng.integers(0, 30, shape[0])).astype(np.int32),
        **(defaults | fields),
    )


def check(network: IntegerNetwork, metadata: ModelMetadata, windows: int = 9) -> None:
    metadata = metadata.model_copy(update={"network": network_document(network), "frontend": FRONTEND})
    data = model_file(network, metadata)
    features = np.random.default_rng(3).integers(0, 256, (windows, BANDS, FRAMES)).astype(np.uint8)
    trace = run(network, features)
    assert (trace.layer_spikes.sum(axis=0) > 0).all(), "a silent layer would agree with anything"
    for level in (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    ):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        outputs = [session.run(None, {"features": features[i : i + 3]}) for i in range(0, windows, 3)]
        counts, score, spikes = (
            np.concatenate([output[i] for output in outputs])
            for i in [
                [o.name for o in session.get_outputs()].index(n) for n in ("spike_counts", "score", "layer_spikes")
            ]
        )
        np.testing.assert_array_equal(counts, trace.spike_counts)
        np.testing.assert_array_equal(spikes, trace.layer_spikes)
        np.testing.assert_array_equal(score, metadata.calibration.score(trace.margin))


@pytest.mark.parametrize(("reset", "stem"), list(product(["subtract", "zero"], ["none", "band_mean", "band_median"])))
def test_convolutions(tiny_metadata: ModelMetadata, reset: Reset, stem: Stem) -> None:
    rng = np.random.default_rng(0)
    layers = (
        layer(rng, "one", (5, 1, 3, 5), 900, reset=reset, padding=(1, 2), stride=(1, 2), shift=-4),
        layer(rng, "two", (6, 5, 3, 3), 150, reset=reset, padding=(1, 1), max_pool=(2, 2)),
        layer(rng, "three", (4, 6, 3, 3), 900, reset=reset, pool="sum", pool_size=(2, 2), padding=(1, 1), shift=1),
        layer(rng, "out", (2, 12), 200, reset=reset, pool="global_sum", beta_256=np.array([256], np.int32)),
    )
    check(IntegerNetwork(layers, 5, (BANDS, FRAMES), stem=stem), tiny_metadata)


def test_per_channel_leak_and_three_labels(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(1)
    layers = (
        layer(rng, "one", (4, 1, 3, 3), 3000, beta_256=np.array([0, 64, 200, 256], np.int32)),
        layer(rng, "out", (3, 4 * 10 * 19), 900),
    )
    check(IntegerNetwork(layers, 3, (BANDS, FRAMES), call_label=2),
          tiny_metadata.model_copy(update={"labels": ("a", "b", "c"), "call_label": 2}))  # fmt: skip


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_fully_connected(tiny_metadata: ModelMetadata, reset: Reset) -> None:
    rng = np.random.default_rng(2)
    layers = (
        layer(rng, "one", (300, BANDS * FRAMES), 4000, reset=reset, shift=-2),  # 75,600 weights: an int8 product
        layer(rng, "two", (230, 300), 700, reset=reset),  # and one on spikes
        layer(rng, "out", (2, 230), 500, reset=reset),
    )
    check(IntegerNetwork(layers, 6, (BANDS, FRAMES)), tiny_metadata)


def test_a_sum_too_long_for_float32_is_shifted_as_an_integer(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(4)
    wide = layer(rng, "one", (40, BANDS * FRAMES), 30, shift=-12, bias=np.full(40, 2**24, np.int32))
    check(IntegerNetwork((wide, layer(rng, "out", (2, 40), 300)), 3, (BANDS, FRAMES)), tiny_metadata)


@pytest.mark.parametrize("mode", ["frames"])
def test_frames_as_time_steps(tiny_metadata: ModelMetadata, mode: InputMode) -> None:
    rng = np.random.default_rng(12)
    layers = (
        layer(rng, "one", (6, 1, 5, 1), 20000, stride=(2, 1)),
        layer(rng, "two", (20, 24), 200),
        layer(rng, "out", (2, 20), 60),
    )
    check(IntegerNetwork(layers, FRAMES, (BANDS, FRAMES), input_mode=mode), tiny_metadata)


def test_numbers_that_could_leave_their_type_are_refused(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(6)

    def export(**fields: Any) -> None:
        layers = (layer(rng, "one", (4, 1, 3, 3), 900, **fields), layer(rng, "out", (2, 4 * 10 * 19), 900))
        check(IntegerNetwork(layers, 100, (BANDS, FRAMES)), tiny_metadata)

    with pytest.raises(ModelError, match=r"Layer one: its accumulated sum can reach \d+, and exact arithmetic ends"):
        export(bias=np.full(4, 2**24, np.int32))
    with pytest.raises(ModelError, match="Layer one: its leak product can reach"):
        export(shift=24, beta_256=np.array([255], np.int32))


def test_membranes_too_long_for_float32_are_carried_in_float64(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(8)
    for reset in ("subtract", "zero"):
        layers = (
            layer(rng, "one", (4, 1, 3, 3), 900 << 12, reset=reset, shift=12, beta_256=np.array([255], np.int32)),
            layer(rng, "out", (2, 4 * 10 * 19), 900 << 10, reset=reset, shift=10, beta_256=np.array([255], np.int32)),
        )
        check(IntegerNetwork(layers, 25, (BANDS, FRAMES)), tiny_metadata)


def test_metadata_of_another_network_is_refused(tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata) -> None:
    other = tiny_metadata.network.model_copy(update={"time_steps": 9})
    with pytest.raises(ModelError, match="another network"):
        model_file(tiny_network, tiny_metadata.model_copy(update={"network": other}))
