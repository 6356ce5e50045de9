"""`mlp1d`: the study's fully connected network on the waveform, 4000-2048-512-64-2.

The study prints 8,000 inputs, but 2 s at 2 kHz are 4,000 samples: we follow the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch

from edge_daemon.model.network import Stem
from edge_daemon.model.neuron import Reset
from train.networks import mlp2d
from train.networks.chirp_bank import chirp_bank
from train.networks.lif import Norm, SpikingNetwork

Begin = Literal["white", "chirps"]


def build(
    input_shape: tuple[int, int],
    *,
    hidden: Sequence[int] = (2048, 512, 64),
    stem: Stem = "none",
    time_steps: int = 10,
    beta: float = 0.9,
    learn_beta: bool = False,
    reset: Reset = "subtract",
    slope: float = 25.0,
    norm: Norm = "none",
    begin: Begin = "white",
) -> SpikingNetwork:
    """The network, untrained; arguments as in `mlp2d.build`, input (1, samples).

    With the stem `band_median` the waveform is measured from its zero line: features are 0…255, and a constant of 128
    on every input would otherwise drown what differs between windows. `begin` says what the first layer's weights are
    before training: white noise, as torch and the study have it, or a `chirp_bank`.
    """
    if begin not in get_args(Begin):
        raise ValueError(f"begin must be one of {', '.join(get_args(Begin))}")
    network = mlp2d.build(
        input_shape,
        hidden=hidden,
        stem=stem,
        time_steps=time_steps,
        beta=beta,
        learn_beta=learn_beta,
        reset=reset,
        slope=slope,
        norm=norm,
    )
    if begin == "chirps":
        weight = network.spiking_layers()[0].synapses.weight
        with torch.no_grad():
            weight.copy_(chirp_bank(*weight.shape))
    return network
