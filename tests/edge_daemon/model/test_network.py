"""The reference computation of integer networks, against hand-made cases and torch's convolution."""

from __future__ import annotations

import numpy as np
import pytest

from edge_daemon.model.network import IntegerNetwork, Layer, prepare, readout, run, synapses


def layer(weight: np.ndarray, **fields: object) -> Layer:
    out = weight.shape[0]
    defaults: dict[str, object] = {
        "name": "layer",
        "kind": "conv" if weight.ndim == 4 else "dense",
        "weight": weight.astype(np.int8),
        "bias": np.zeros(out, np.int32),
        "threshold": np.full(out, 10, np.int32),
        "beta_256": np.array([128], np.int32),
        "reset": "subtract",
    }
    return Layer(**(defaults | fields))  # type: ignore[arg-type]


def dense_network(**fields: object) -> IntegerNetwork:
    """Two inputs, two outputs; label 1 adds both inputs, label 0 takes the second from the first."""
    weights = np.array([[1, -1], [1, 1]])
    arguments: dict[str, object] = {"layers": (layer(weights),), "time_steps": 4, "input_shape": (1, 2)}
    return IntegerNetwork(**(arguments | fields))  # type: ignore[arg-type]


def test_a_small_network_by_hand() -> None:
    # x = (5, 3): currents 2 and 8. Label 0: 2, 3, 3, 3, no spike. Label 1: 8, 12 spike, 6+8−10=4, 2+8=10.
    trace = run(dense_network(), np.array([[[5, 3]]], np.uint8), keep=True)
    assert trace.membranes[0][:, 0, :, 0, 0].tolist() == [[2, 8], [3, 12], [3, 4], [3, 10]]
    assert trace.spike_counts.tolist() == [[0, 1]]
    assert trace.layer_spikes.tolist() == [[1]]
    # evidence: (3 + 0)/10 and (10 + 10·1)/10
    assert trace.margin.tolist() == [np.float32(2.0) - np.float32(0.3)]


def test_readout_takes_the_strongest_other_label() -> None:
    weights = np.array([[1, 0], [0, 1], [1, 1]])
    network = IntegerNetwork((layer(weights),), 1, (1, 2), call_label=0)
    margin = readout(network, np.array([[5, 7, 2]]), np.array([[0, 0, 1]], np.int32))
    assert margin.tolist() == [np.float32(0.5) - np.float32(1.2)]


def test_stems_by_hand() -> None:
    features = np.array([[[1, 2, 6], [0, 0, 255]]], np.uint8)
    assert prepare(features, "none")[0, 0].tolist() == [[1, 2, 6], [0, 0, 255]]
    assert prepare(features, "band_mean")[0, 0].tolist() == [[-2, -1, 3], [-85, -85, 170]]
    assert prepare(features, "band_median")[0, 0].tolist() == [[-1, 0, 4], [0, 0, 255]]


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
def test_convolution_is_torchs(stride: tuple[int, int], padding: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch (extra `train`)")
    rng = np.random.default_rng(0)
    weight, bias = rng.integers(-127, 128, (5, 3, 3, 5)), rng.integers(-99, 99, 5)
    x = rng.integers(-255, 256, (2, 3, 9, 11))
    found = synapses(
        layer(weight, bias=bias.astype(np.int32), threshold=np.ones(5, np.int32), stride=stride, padding=padding), x
    )
    expected = torch.nn.functional.conv2d(
        torch.tensor(x, dtype=torch.float64), torch.tensor(weight, dtype=torch.float64),
        torch.tensor(bias, dtype=torch.float64), stride=stride, padding=padding,
    )  # fmt: skip
    assert (found == expected.numpy()).all()


def test_pools_by_hand() -> None:
    x = np.arange(12).reshape(1, 1, 3, 4)  # rows 0–3, 4–7, 8–11; the third row is a remainder
    one = np.ones((1, 1, 1, 1))
    assert synapses(layer(one, max_pool=(2, 2)), x)[0, 0].tolist() == [[5, 7]]
    assert synapses(layer(one, pool="sum", pool_size=(2, 2)), x)[0, 0].tolist() == [[10, 18]]
    assert synapses(layer(one, pool="global_sum"), x)[0, 0].tolist() == [[6], [22], [38]]
    assert synapses(layer(one, shift=-1), x)[0, 0, 0].tolist() == [0, 0, 1, 1]


def test_frames_are_time_steps() -> None:
    # a 1×1 convolution with weight 1: the current of step t is the frame's value; β = 1/2
    first = layer(np.ones((1, 1, 1, 1)), threshold=np.array([10], np.int32))
    last = layer(np.array([[0], [1]]), threshold=np.array([1, 1], np.int32), beta_256=np.array([256], np.int32))
    network = IntegerNetwork((first, last), 3, (1, 3), input_mode="frames")
    trace = run(network, np.array([[[11, 0, 20]]], np.uint8), keep=True)
    # 11 fires; 5 + 0 − 10 = −5; floor(−2.5) + 20 = 17 fires
    assert trace.membranes[0].ravel().tolist() == [11, -5, 17]
    # the output gets one spike in steps 0 and 2: 1, 1, 2 → fires once, in the last step
    assert trace.membranes[1][:, 0, 1, 0, 0].tolist() == [1, 1, 2]
    assert trace.spike_counts.tolist() == [[0, 1]]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 2 inputs, gets 3"):
        dense_network(input_shape=(1, 3))
    with pytest.raises(ValueError, match="thresholds must be above zero"):
        layer(np.ones((1, 1)), threshold=np.zeros(1, np.int32))
    with pytest.raises(ValueError, match="the last layer must be dense"):
        IntegerNetwork((layer(np.ones((2, 1, 1, 1))),), 1, (1, 1))
    with pytest.raises(ValueError, match="leak must be in 0…256"):
        layer(np.ones((1, 1)), beta_256=np.array([257], np.int32))
    with pytest.raises(ValueError, match="3 frames of current for 4 time steps"):
        IntegerNetwork((layer(np.ones((1, 1, 1, 1))), layer(np.ones((2, 1)))), 4, (1, 3), input_mode="frames")


def test_counts_of_neurons_and_parameters() -> None:
    network = IntegerNetwork((layer(np.ones((3, 1, 2, 2))), layer(np.ones((2, 3 * 4 * 5)))), 4, (5, 6))
    assert network.shapes() == [(1, 5, 6), (3, 4, 5), (2, 1, 1)]
    assert network.neurons == 62
    assert network.parameters == 12 + 3 + 120 + 2
