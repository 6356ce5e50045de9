"""Spiking layers and networks in real numbers: snnTorch's leaky integrate-and-fire neurons behind ordinary synapses.

A window's features are presented as a constant current for T time steps (or, with input mode `frames`, frame by
frame). A layer's spikes of step t reach the next layer in the same step, so a whole layer can be computed for all
steps before the next one begins, its synapses for all steps at once. The threshold is 1 everywhere; normalisation
decides how strong a current is. The integer network (`edge_daemon.model.network`) is this network rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

import snntorch as snn
import torch
from snntorch import surrogate
from torch import Tensor, nn
from torch.nn import functional

from edge_daemon.model.network import InputMode, Stem
from edge_daemon.model.neuron import Reset
from train.networks.leaky import integrate
from train.networks.normalise import ScaleNorm
from train.networks.plan import LayerPlan
from train.networks.stem import prepare

Norm = Literal["batch", "scale", "none"]

INPUT_UNIT = 64.0
"""Features are divided by this, so that a typical change within a band is about 1."""
PORTABLE_BETA = 0.5


@dataclass(frozen=True)
class NeuronPlan:
    """How a network's neurons work and learn.

    Attributes:
        time_steps: T ≥ 1; with input `frames` it is the number of frames of current.
        beta: leak, the share of the membrane kept from step to step, 0…1.
        learn_beta: each layer learns its own leak, starting from `beta`.
        reset: `subtract` or `zero`.
        slope: steepness of the fast-sigmoid surrogate, 1/(1 + slope·|U − θ|)² in place of the step's derivative.
        norm: normalisation of the currents of every layer but the output.
        portable: the profile that chips share: reset to zero, no bias after the first layer, β = 1/2, no max-pool.
        weight_bits: effective bits of the integer network's weights, 2…8: weights of fewer bits than 8 are multiples
            of a power of two.
    """

    time_steps: int = 4
    beta: float = 0.5
    learn_beta: bool = True
    reset: Reset = "subtract"
    slope: float = 2.0
    norm: Norm = "batch"
    portable: bool = False
    weight_bits: int = 8

    def __post_init__(self) -> None:
        if self.time_steps < 1:
            raise ValueError("a network needs at least one time step")
        if not 0 <= self.beta <= 1:
            raise ValueError("beta must be between 0 and 1")
        if not 2 <= self.weight_bits <= 8:
            raise ValueError("weights must have 2 to 8 bits")
        if self.reset not in get_args(Reset):  # snnTorch knows others, the integer neuron does not
            raise ValueError(f"the reset rule must be one of {', '.join(get_args(Reset))}")
        if self.portable and (self.reset != "zero" or self.learn_beta or self.beta != PORTABLE_BETA):
            raise ValueError("a portable network must reset to zero and have a fixed leak of 1/2")


class SpikingLayer(nn.Module):
    """Synapses, normalisation and neurons of one layer.

    Args:
        plan: what the layer computes.
        neuron: how its neurons work.
        shape: (channels, bands, frames) of its input.
        first: the layer sees features, not spikes.
        last: output layer: no normalisation.
    """

    def __init__(
        self, plan: LayerPlan, neuron: NeuronPlan, shape: tuple[int, int, int], first: bool, last: bool
    ) -> None:
        super().__init__()
        self.plan, self.neuron_plan = plan, neuron
        with_bias = first or not neuron.portable
        self.norm: nn.Module | None = None
        if not last and neuron.norm != "none":
            batch = neuron.norm == "batch" and with_bias
            self.norm = nn.BatchNorm2d(plan.channels) if batch else ScaleNorm(plan.channels)
        bias = with_bias and not isinstance(self.norm, nn.BatchNorm2d)
        self.synapses = synapses(plan, shape, bias)
        self.neurons = snn.Leaky(
            beta=neuron.beta,
            learn_beta=neuron.learn_beta,
            reset_mechanism=neuron.reset,
            spike_grad=surrogate.fast_sigmoid(slope=neuron.slope),
        )

    def currents(self, x: Tensor) -> Tensor:
        """Currents [M, channels, bands, frames] that spikes or features [M, …] cause."""
        x = apply_synapses(self.plan, self.synapses, pool_spikes(self.plan, x))
        if self.norm is not None:
            x = self.norm(x)
        return functional.max_pool2d(x, self.plan.max_pool) if self.plan.max_pool != (1, 1) else x

    def integrate(self, currents: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Spikes [T, N, …] and last membranes [N, …] of neurons under currents [T or 1, N, …]."""
        plan = self.neuron_plan
        leak = self.neurons.beta.clamp(0, 1).reshape(())
        return integrate(currents, leak, steps, plan.reset, plan.slope)


class SpikingNetwork(nn.Module):
    """Layers of spiking neurons, from features to the evidence for each label.

    Args:
        plans: the layers; the last one is dense, a neuron a label.
        neuron: how neurons work.
        input_shape: (bands, frames) of the features.
        stem: preparation of the features.
        input_mode: `constant` or `frames`.
        zero: level of the prepared features that is taken for zero, the same in every window; with a dense first layer
            only, where it is nothing but another bias.

    In evaluation mode `spike_rates` are the spikes a neuron and step of each layer in the last batch, and `silent` the
    share of each layer's neurons that none of its windows made fire.
    """

    def __init__(
        self,
        plans: tuple[LayerPlan, ...],
        neuron: NeuronPlan,
        input_shape: tuple[int, int],
        stem: Stem = "none",
        input_mode: InputMode = "constant",
        zero: float = 0.0,
    ) -> None:
        super().__init__()
        if zero and plans[0].kind != "dense":
            raise ValueError("only a network whose first layer is dense can take another level for zero")
        if neuron.portable and any(plan.max_pool != (1, 1) for plan in plans):
            raise ValueError("a portable network cannot have a max-pool")
        self.neuron_plan, self.stem, self.input_mode = neuron, stem, input_mode
        self.zero = zero
        self.plans, self.input_shape, self.time_steps = plans, input_shape, neuron.time_steps
        layers: list[SpikingLayer] = []
        shape: tuple[int, int, int] = (1, *input_shape)
        for number, plan in enumerate(plans):
            layers.append(SpikingLayer(plan, neuron, shape, number == 0, number == len(plans) - 1))
            shape = plan.output_shape(shape)
            if number == 0 and input_mode == "frames":
                self.time_steps = shape[2]
                shape = (shape[0], shape[1], 1)
        self.layers = nn.ModuleList(layers)
        self.spike_rates: list[float] = []
        self.silent: list[float] = []

    def spiking_layers(self) -> list[SpikingLayer]:
        """The layers, input to output."""
        return cast(list[SpikingLayer], list(self.layers))

    def forward(self, features: Tensor) -> Tensor:
        """Evidence for each label in thresholds: the output's last membrane plus its spike count.

        Training's loss is cross-entropy with this sum as logits (`train.loop`): spike-count cross-entropy, and the
        last membrane U[T] besides. In thresholds, as θ = 1: evidence = U[T]/θ + Σ_t S[t]. Counts alone are whole
        numbers 0…T: at T = 4 most windows would tie, which neither a gradient nor a ranking (AUC, operating
        threshold) can tell apart; where an output neuron never fires, a count has the surrogate's gradient only. The
        membrane adds what is left towards the next spike, or, below zero, how much spoke against one. With reset by
        subtraction and no leak the sum is the whole charge received, plus a spike of the last step, whose reset would
        come one step later. The integer network and the exported graph score windows by the same sum
        (`edge_daemon.model.network`).

        Args:
            features: float [N, bands, frames], 0…255.

        Returns:
            float [N, labels].
        """
        n, steps = len(features), self.time_steps
        x = (prepare(features, self.stem) - self.zero) / INPUT_UNIT
        self.spike_rates, self.silent = [], []
        for number, layer in enumerate(self.spiking_layers()):
            current = layer.currents(x)
            if number == 0 and self.input_mode == "frames":
                current = current.movedim(3, 0)[..., None]
            else:
                current = current.reshape(-1, n, *current.shape[1:])
            spikes, membrane = layer.integrate(current, steps)
            if not self.training:
                self.spike_rates.append(float(spikes.mean()))
                self.silent.append(float((spikes.sum(dim=(0, 1)) == 0).float().mean()))
            x = spikes.flatten(0, 1)
        evidence: Tensor = (membrane + spikes.sum(dim=0)).flatten(1)
        return evidence


def synapses(plan: LayerPlan, shape: tuple[int, int, int], bias: bool) -> nn.Conv2d | nn.Linear:
    """Fresh synapses of a layer whose input has that (channels, bands, frames)."""
    if plan.kind == "dense":
        return nn.Linear(plan.fan_in(shape), plan.channels, bias=bias)
    return nn.Conv2d(shape[0], plan.channels, plan.kernel, plan.stride, plan.padding, bias=bias)


def pool_spikes(plan: LayerPlan, x: Tensor) -> Tensor:
    """Spikes (or activations) as the synapses see them: sums over patches or over all frames, or themselves."""
    if plan.pool == "sum":
        return functional.avg_pool2d(x, plan.pool_size) * float(plan.pool_size[0] * plan.pool_size[1])
    return x.sum(dim=3, keepdim=True) if plan.pool == "global_sum" else x


def apply_synapses(plan: LayerPlan, module: nn.Module, x: Tensor) -> Tensor:
    """Products [N, channels, bands, frames] of synapses with their input."""
    if plan.kind == "dense":
        flat: Tensor = module(x.flatten(1))
        return flat[:, :, None, None]
    # channels last is about twice as fast here on processors with narrow layers
    product: Tensor = module(x.contiguous(memory_format=torch.channels_last))
    return product
