"""How often the layers of a network fire: what a network that does not learn is looked at for first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.device import device_of
from train.networks.lif import SpikingNetwork


@dataclass(frozen=True)
class LayerFiring:
    """Of each layer, input to output; empty where the network does not spike.

    Attributes:
        rates: spikes a neuron and step.
        silent: share of the neurons that no window made fire.
    """

    rates: list[float]
    silent: list[float]


@torch.no_grad()
def firing(network: nn.Module, features: NDArray[np.uint8]) -> LayerFiring:
    """How often a spiking network in real numbers fires; it is left in evaluation mode.

    Args:
        network: any; only a `SpikingNetwork` has something to tell.
        features: uint8 [N, bands, frames], as many windows as fit into one batch.
    """
    if not isinstance(network, SpikingNetwork) or not len(features):
        return LayerFiring([], [])
    network.eval()(torch.from_numpy(features).to(device_of(network)).float())
    return LayerFiring([round(x, 5) for x in network.spike_rates], [round(x, 4) for x in network.silent])
