"""`frames`: the spectrogram's frames are the spiking network's own time steps.

The study names a convolution followed by "inference in a 1-D SNN" as what to try next. Here a convolution over
frequency (and a few neighbouring frames) gives a current a frame; the neurons then hear the window as it passes, frame
after frame, and their membranes are the only memory. The leak therefore decides how many frames a neuron remembers.
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
    channels: int = 16,
    kernel: Sequence[int] = (7, 9),
    frame_stride: int = 2,
    hidden: Sequence[int] = (96, 48),
    stem: Stem = "band_median",
    beta: float = 0.8,
    learn_beta: bool = True,
    reset: Reset = "subtract",
    slope: float = 2.0,
    norm: Norm = "batch",
) -> SpikingNetwork:
    """The network, untrained.

    Args:
        input_shape: (bands, frames) of the features.
        channels: channels of the convolution.
        kernel: (bands, frames) of the convolution, odd.
        frame_stride: frames to a time step.
        hidden: neurons of the hidden layers.
        stem: preparation of the features.
        beta: leak.
        learn_beta: learn it, a leak a layer.
        reset: reset rule.
        slope: steepness of the surrogate.
        norm: normalisation of currents.
    """
    height, width = kernel
    first = LayerPlan(
        "conv",
        channels,
        (height, width),
        stride=(2, frame_stride),
        padding=(height // 2, width // 2),
        max_pool=(2, 1),
    )
    layers = (first, *(LayerPlan("dense", n) for n in hidden), LayerPlan("dense", 2))
    neuron = NeuronPlan(1, beta, learn_beta, reset, slope, norm)
    return SpikingNetwork(layers, neuron, input_shape, stem, input_mode="frames")
