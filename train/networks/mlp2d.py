"""`mlp2d`: the study's fully connected network on a spectrogram, inputs-4096-512-64-2.

The study prints both 103 × 135 and 14,175 = 105 × 135 inputs for its spectrogram; 103 × 135 = 13,905 is what its
front end gives (see `StftSpec`) and what we follow. Any other feature shape sets the number of inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_daemon.model.network import Stem
from edge_daemon.model.neuron import Reset
from train.networks.lif import NeuronPlan, Norm, SpikingNetwork
from train.networks.plan import LayerPlan


def build(
    input_shape: tuple[int, int],
    *,
    hidden: Sequence[int] = (4096, 512, 64),
    stem: Stem = "none",
    time_steps: int = 10,
    beta: float = 0.9,
    learn_beta: bool = False,
    reset: Reset = "subtract",
    slope: float = 25.0,
    norm: Norm = "none",
    zero: float = 0.0,
) -> SpikingNetwork:
    """The network, untrained.

    Args:
        input_shape: (bands, frames) of the features.
        hidden: neurons of the hidden layers.
        stem: preparation of the features.
        time_steps: T, the study's num_steps.
        beta: leak; the study tries 0.7, 0.8, 0.9, 0.95 and learned.
        learn_beta: learn it, a leak a layer.
        reset: reset rule.
        slope: steepness of the surrogate; snnTorch's default is 25.
        norm: normalisation of currents; the study has none.
        zero: level of the features that is taken for zero. Where it is 0, features are all positive: what they have in
            common drowns what tells them apart, and one step of training can push a neuron's current over several
            thresholds, to where a steep surrogate has no gradient.
    """
    layers = tuple(LayerPlan("dense", n) for n in (*hidden, 2))
    neuron = NeuronPlan(time_steps, beta, learn_beta, reset, slope, norm)
    return SpikingNetwork(layers, neuron, input_shape, stem, zero=zero)
