"""`conv`: the compact convolutional spiking network that is shipped.

The first layer looks at the picture once with large, strided kernels (its input is constant, so its product is the
same in every time step) and the deeper ones at spikes. The read-out sums each channel's spikes over the frames but
keeps the bands apart: *when* in the window the call comes does not matter, how high it is does.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_daemon.model.network import Stem
from edge_daemon.model.neuron import Reset
from train.networks.lif import NeuronPlan, Norm, SpikingNetwork
from train.networks.plan import LayerPlan


def plans(channels: Sequence[int] = (16, 24, 48, 48), portable: bool = False, labels: int = 2) -> tuple[LayerPlan, ...]:
    """Layers of the network, from features to the labels.

    Args:
        channels: channels of the four convolutions.
        portable: strides in place of max-pools, for chips that know no maximum.
        labels: outputs.
    """
    a, b, c, d = channels
    if portable:
        return (
            LayerPlan("conv", a, (5, 5), stride=(2, 2), padding=(2, 2)),
            LayerPlan("conv", b, (3, 3), stride=(2, 2), padding=(1, 1)),
            LayerPlan("conv", c, (3, 3), stride=(2, 2), padding=(1, 1)),
            LayerPlan("conv", d, (3, 3), stride=(2, 2), padding=(1, 1)),
            LayerPlan("dense", labels, pool="global_sum"),
        )
    return (
        LayerPlan("conv", a, (5, 5), stride=(2, 2), padding=(2, 2), max_pool=(2, 2)),
        LayerPlan("conv", b, (3, 3), padding=(1, 1), max_pool=(2, 2)),
        LayerPlan("conv", c, (3, 3), padding=(1, 1), max_pool=(2, 2)),
        LayerPlan("conv", d, (3, 3), padding=(1, 1)),
        LayerPlan("dense", labels, pool="global_sum"),
    )


def build(
    input_shape: tuple[int, int],
    *,
    channels: Sequence[int] = (16, 24, 48, 48),
    portable: bool = False,
    weight_bits: int | None = None,
    stem: Stem = "band_median",
    time_steps: int = 4,
    beta: float = 0.5,
    learn_beta: bool | None = None,
    reset: Reset | None = None,
    slope: float = 2.0,
    norm: Norm = "batch",
    labels: int = 2,
) -> SpikingNetwork:
    """The network, untrained.

    Args:
        input_shape: (bands, frames) of the features.
        channels: channels of the four convolutions.
        portable: the profile that neuromorphic chips share (see `NeuronPlan`).
        weight_bits: effective bits of integer weights; by default 8, portable 7, because chips that hold weights of
            both signs in 8 bits lose the lowest one.
        stem: preparation of the features.
        time_steps: T.
        beta: leak.
        learn_beta: learn it, a leak a layer; by default unless portable.
        reset: reset rule; by default `subtract`, portable `zero`.
        slope: steepness of the surrogate.
        norm: normalisation of currents.
        labels: outputs: noise, call and, with 3, other whales.
    """
    neuron = NeuronPlan(
        time_steps=time_steps,
        beta=beta,
        learn_beta=not portable if learn_beta is None else learn_beta,
        reset=reset or ("zero" if portable else "subtract"),
        slope=slope,
        norm=norm,
        portable=portable,
        weight_bits=weight_bits or (7 if portable else 8),
    )
    return SpikingNetwork(plans(channels, portable, labels), neuron, input_shape, stem)
