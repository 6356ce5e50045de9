"""The graph against the reference computation, for every kind of layer, and what it refuses to carry."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import onnxruntime
import pytest

from edge_daemon.errors import ModelError
from edge_daemon.model.frontend import LogMelSpec
from edge_daemon.model.model_file import ModelMetadata
from edge_daemon.model.network import InputMode, IntegerNetwork, Layer, Stem, run
from edge_daemon.model.neuron import Reset
from export.graph import model_file, network_document

BANDS, FRAMES = 12, 21
STEMS: tuple[Stem, ...] = ("none", "band_mean", "band_median")
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


def noise(windows: int = 9) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (windows, BANDS, FRAMES)).astype(np.uint8)


def check(network: IntegerNetwork, metadata: ModelMetadata, features: np.ndarray | None = None) -> None:
    metadata = metadata.model_copy(update={"network": network_document(network), "frontend": FRONTEND})
    data = model_file(network, metadata)
    features = noise() if features is None else features
    trace = run(network, features)
    assert (trace.layer_spikes.sum(axis=0) > 0).all(), "a silent layer would agree with anything"
    for level in (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    ):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        outputs = [session.run(None, {"features": features[i : i + 3]}) for i in range(0, len(features), 3)]
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


@pytest.mark.parametrize("stem", ["band_mean", "band_median"])
def test_stems_of_difficult_pictures(tiny_metadata: ModelMetadata, stem: Stem) -> None:
    rng = np.random.default_rng(7)
    quiet, loud = np.zeros((BANDS, FRAMES)), np.full((BANDS, FRAMES), 255)
    # half of 21 frames: 10 or 11 of the greater value decide which of two values is the median
    two_values = [np.where(np.arange(FRAMES) < n, low, high) + quiet for n in (10, 11) for low, high in ((0, 1), (0, 255), (127, 128), (254, 255))]  # fmt: skip  # noqa: E501
    pictures = [quiet, loud, *two_values, rng.integers(126, 130, (BANDS, FRAMES)), rng.integers(0, 2, (BANDS, FRAMES))]
    features = np.stack([rng.permuted(picture, axis=1) for picture in pictures]).astype(np.uint8)
    layers = (
        # every difference of a feature from its band's level counts: a leakless neuron for each
        layer(rng, "one", (3, 1, 1, 1), 1, bias=np.zeros(3, np.int32)),
        layer(rng, "out", (2, 3 * BANDS * FRAMES), 200),
    )
    check(IntegerNetwork(layers, 2, (BANDS, FRAMES), stem=stem), tiny_metadata, features)


def test_integer_products_of_pooled_spikes(tiny_metadata: ModelMetadata, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of spikes as the input of a product, some greater than a pair of 16 bits allows in one piece."""
    monkeypatch.setattr("export.synapses.MANY_WEIGHTS", 0)
    rng = np.random.default_rng(9)
    for bits in (7, 2):
        monkeypatch.setattr("export.synapses.SAFE_BITS", bits)
        for pool in ({"pool": "sum", "pool_size": (2, 2)}, {"pool": "global_sum"}):
            inputs = 5 * (6 * 10 if pool["pool"] == "sum" else BANDS)
            layers = (
                layer(rng, "one", (5, 1, 3, 3), 900, padding=(1, 1)),
                layer(rng, "out", (2, inputs), 300, bias=np.full(2, 20_000, np.int32), **pool),
            )
            check(IntegerNetwork(layers, 3, (BANDS, FRAMES)), tiny_metadata)


@pytest.mark.slow
def test_a_max_pools_remainder_is_not_computed(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(10)
    for size, stride, padding, pool in product([(3, 3), (5, 4)], [(1, 1), (2, 2), (2, 3)], [(0, 0), (2, 1)], [(2, 2), (3, 4), (1, 5)]):  # fmt: skip  # noqa: E501
        first = layer(rng, "one", (3, 1, *size), 300, stride=stride, padding=padding, max_pool=pool)
        try:
            shape = first.output_shape((1, BANDS, FRAMES))
        except ValueError:  # nothing is left of the picture
            continue
        last = layer(rng, "out", (2, int(np.prod(shape))), 300, bias=np.full(2, 20_000, np.int32))
        check(IntegerNetwork((first, last), 2, (BANDS, FRAMES)), tiny_metadata)


@pytest.mark.slow
def test_convolutions_of_spikes_of_every_shape(tiny_metadata: ModelMetadata) -> None:
    """Kernels, strides, paddings and max-pools of a layer whose inputs are spikes: a product of patches."""
    rng = np.random.default_rng(11)
    first = layer(rng, "one", (5, 1, 3, 3), 900, padding=(1, 1))
    for size, stride, padding, pool in product([(1, 1), (3, 2), (2, 5)], [(1, 1), (2, 3)], [(0, 0), (1, 2)], [(1, 1), (2, 2), (3, 1)]):  # fmt: skip  # noqa: E501
        second = layer(rng, "two", (4, 5, *size), 60, stride=stride, padding=padding, max_pool=pool)
        shape = second.output_shape((5, BANDS, FRAMES))
        last = layer(rng, "out", (2, int(np.prod(shape))), 300, bias=np.full(2, 20_000, np.int32))
        check(IntegerNetwork((first, second, last), 2, (BANDS, FRAMES)), tiny_metadata)


@pytest.mark.parametrize("bits", [7, 2, 1])
@pytest.mark.parametrize("shift", [1, -2])
def test_convolutions_of_pooled_spikes(
    tiny_metadata: ModelMetadata, monkeypatch: pytest.MonkeyPatch, bits: int, shift: int
) -> None:
    """Sums of 6 spikes fit 7 bits as they are, take two parts of 2, and with 1 are left to floats."""
    monkeypatch.setattr("export.synapses.SAFE_BITS", bits)
    rng = np.random.default_rng(14)
    layers = (
        layer(rng, "one", (5, 1, 3, 3), 900, padding=(1, 1)),
        layer(rng, "two", (6, 5, 3, 3), 120, pool="sum", pool_size=(2, 3), padding=(1, 0), max_pool=(2, 1), shift=shift,
              beta_256=np.array([0, 64, 100, 200, 255, 256], np.int32)),
        layer(rng, "out", (2, 6 * 3 * 5), 200, bias=np.full(2, 20_000, np.int32)),
    )  # fmt: skip
    check(IntegerNetwork(layers, 3, (BANDS, FRAMES)), tiny_metadata)


def test_per_channel_leak_and_three_labels(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(1)
    layers = (
        layer(rng, "one", (4, 1, 3, 3), 3000, beta_256=np.array([0, 64, 200, 256], np.int32)),
        layer(rng, "out", (3, 4 * 10 * 19), 900),
    )
    check(IntegerNetwork(layers, 3, (BANDS, FRAMES), call_label=2),
          tiny_metadata.model_copy(update={"labels": ("a", "b", "c"), "call_label": 2}))  # fmt: skip


@pytest.mark.parametrize(("reset", "stem"), list(product(["subtract", "zero"], ["none", "band_mean", "band_median"])))
def test_fully_connected(tiny_metadata: ModelMetadata, reset: Reset, stem: Stem) -> None:
    rng = np.random.default_rng(2)
    layers = (
        layer(rng, "one", (300, BANDS * FRAMES), 4000, reset=reset, shift=-2),  # 75,600 weights: an int8 product
        layer(rng, "two", (230, 300), 700, reset=reset),  # and one on spikes
        layer(rng, "out", (2, 230), 500, reset=reset),
    )
    check(IntegerNetwork(layers, 6, (BANDS, FRAMES), stem=stem), tiny_metadata)


def test_extreme_inputs_of_integer_products(tiny_metadata: ModelMetadata) -> None:
    """Pairs of the largest products: where 16 bits saturate, they would here."""
    rng = np.random.default_rng(13)
    signs = np.repeat(rng.choice([-127, 127], (300, BANDS * FRAMES // 2)), 2, axis=1).astype(np.int8)
    wide = replace(layer(rng, "one", (300, BANDS * FRAMES), 4000, shift=-2), weight=signs)
    features = np.stack([np.full((BANDS, FRAMES), value) for value in (0, 1, 127, 128, 254, 255)]).astype(np.uint8)
    edges = np.where(np.arange(FRAMES) < FRAMES // 3, 255, np.zeros((BANDS, 1))).astype(np.uint8)
    for stem in STEMS:
        out = layer(rng, "out", (2, 300), 500, bias=np.full(2, 400, np.int32))
        network = IntegerNetwork((wide, out), 3, (BANDS, FRAMES), stem=stem)
        check(network, tiny_metadata, np.concatenate([features, edges[None], 255 - edges[None]]))


def test_a_sum_too_long_for_float32_is_shifted_as_an_integer(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(4)
    wide = layer(rng, "one", (40, BANDS * FRAMES), 30, shift=-12, bias=np.full(40, 2**24, np.int32))
    check(IntegerNetwork((wide, layer(rng, "out", (2, 40), 300)), 3, (BANDS, FRAMES)), tiny_metadata)


@pytest.mark.parametrize("mode", ["frames"])
def test_frames_as_time_steps(tiny_metadata: ModelMetadata, mode: InputMode) -> None:
    rng = np.random.default_rng(12)
    layers = (
        layer(rng, "one", (6, 1, 5, 1), 20000, stride=(2, 1)),
        layer(rng, "two", (20, 6, 3, 1), 200, padding=(1, 0)),
        layer(rng, "three", (20, 80), 200),
        layer(rng, "out", (2, 20), 60),
    )
    check(IntegerNetwork(layers, FRAMES, (BANDS, FRAMES), input_mode=mode), tiny_metadata)


def test_numbers_that_could_leave_their_type_are_refused(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(6)

    def export(**fields: Any) -> None:
        layers = (layer(rng, "one", (4, 1, 3, 3), 900, **fields), layer(rng, "out", (2, 4 * 10 * 19), 900))
        check(IntegerNetwork(layers, 100, (BANDS, FRAMES)), tiny_metadata)

    with pytest.raises(ModelError, match=r"Layer one: its accumulated sum can reach \d+, but exact arithmetic ends"):
        export(bias=np.full(4, 2**24, np.int32))
    with pytest.raises(ModelError, match="Layer one: its leak product can reach"):
        export(shift=24, beta_256=np.array([255], np.int32))


def test_a_weight_that_some_processors_get_wrong_is_refused(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(6)
    wide = layer(rng, "one", (300, BANDS * FRAMES), 4000)
    wide.weight[7, 9] = -128
    with pytest.raises(ModelError, match="Layer one has weights of -128"):
        check(IntegerNetwork((wide, layer(rng, "out", (2, 300), 500)), 2, (BANDS, FRAMES)), tiny_metadata)


def test_membranes_too_long_for_float32_are_carried_in_float64(tiny_metadata: ModelMetadata) -> None:
    rng = np.random.default_rng(8)
    for reset in ("subtract", "zero"):
        layers = (
            layer(rng, "one", (4, 1, 3, 3), 900 << 12, reset=reset, shift=12, beta_256=np.array([255], np.int32)),
            layer(rng, "out", (2, 4 * 10 * 19), 900 << 10, reset=reset, shift=10, beta_256=np.array([255], np.int32)),
        )
        check(IntegerNetwork(layers, 25, (BANDS, FRAMES)), tiny_metadata)


def test_spikes_that_float32_could_not_count_are_counted(tiny_metadata: ModelMetadata) -> None:
    """17,891,055 spikes: more than 2²⁴, and an odd number."""
    rng = np.random.default_rng(14)
    channels, bands, frames, steps = 257, 64, 64, 17
    layers = (
        # a spike of every channel in each step wherever the picture is not black
        layer(rng, "one", (channels, 1, 1, 1), 1, bias=np.zeros(channels, np.int32), beta_256=np.array([0], np.int32)),
        layer(rng, "two", (3, channels, bands, frames), 1, bias=np.full(3, 9_000_000, np.int32)),
        layer(rng, "out", (2, 3), 40),
    )
    layers[0].weight[:], layers[0].threshold[:], layers[1].weight[:] = 1, 10, 0
    network = IntegerNetwork((replace(layers[0], reset="zero"), *layers[1:]), steps, (bands, frames))
    metadata = tiny_metadata.model_copy(update={"network": network_document(network)})
    session = onnxruntime.InferenceSession(model_file(network, metadata), providers=["CPUExecutionProvider"])
    picture = np.full((1, bands, frames), 255, np.uint8)
    picture[0, 5, 7] = 0
    (found,) = session.run(["layer_spikes"], {"features": picture})
    assert found[0, 0] == channels * (bands * frames - 1) * steps == 17_891_055
    assert 0 < found[0, 1] <= 3 * steps


def test_metadata_of_another_network_is_refused(tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata) -> None:
    other = tiny_metadata.network.model_copy(update={"time_steps": 9})
    with pytest.raises(ModelError, match="a different network"):
        model_file(tiny_network, tiny_metadata.model_copy(update={"network": other}))
