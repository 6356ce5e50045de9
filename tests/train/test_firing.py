import numpy as np
import pytest
import torch

from train.firing import firing
from train.networks import build


def test_rates_and_silent_neurons_are_counted() -> None:
    """Two of three neurons fire, at every step; what comes after them hears nothing but their spikes."""
    network = build("mlp2d", (1, 2), {"hidden": [3], "time_steps": 4, "beta": 0.0})
    with torch.no_grad():
        for layer, bias in zip(network.layers, ([2.0, 2.0, 0.5], [0.0, 0.0]), strict=True):
            layer.synapses.weight.zero_()
            layer.synapses.bias.copy_(torch.tensor(bias))
    found = firing(network, np.zeros((5, 1, 2), np.uint8))
    # with no leak kept, a spike takes one threshold from the next step: 2, 2 − 1 = 1 (not above 1), 2, 1
    assert found.rates == pytest.approx([2 * 2 / (3 * 4), 0.0], abs=1e-4)
    assert found.silent == pytest.approx([1 / 3, 1.0], abs=1e-4)


def test_a_network_without_spikes_has_nothing_to_tell() -> None:
    assert firing(build("cnn", (50, 101)), np.zeros((2, 50, 101), np.uint8)).rates == []
