"""Quantisation-aware training: the integer network as something that gradients can pass through.

A trained spiking network is *folded* (normalisation goes into weights and thresholds, so that every threshold is 1) and
then rounded: weights to int8, thresholds and biases to integers, leaks to 256ths. The forward pass computes exactly the
integers of `edge_daemon.model.network`, written in torch; where it rounds, the gradient passes straight through
(Bengio, Léonard, Courville 2013), where it fires, the surrogate takes its place. A few epochs of that win back what
rounding cost. With `exact` the pass is done in double precision and agrees with the reference bit for bit.
"""

from __future__ import annotations

from math import ceil, floor, isfinite, log2
from typing import Any, assert_never, cast

import numpy as np
import torch
from snntorch import surrogate
from torch import Tensor, nn
from torch.nn import functional

from edge_daemon.errors import EdgeDaemonError
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.neuron import UNIT_LEAK
from train.networks.lif import INPUT_UNIT, SpikingLayer, SpikingNetwork, pool_spikes
from train.networks.normalise import fold
from train.networks.stem import prepare
from train.rounding import floor_straight, round_straight

HINT = "Try a lower schedule.rate, or a flatter surrogate (--set slope=2)."


class DivergedError(EdgeDaemonError):
    """Training gave numbers that are not finite; `fit` ends with it, a fold is recorded as not converged."""


WEIGHT_BITS = 8
WEIGHT_LIMIT = 127
"""Weights stay within ±127, so that their negatives exist too."""
THRESHOLD_BITS = 10
"""Thresholds of at least 2¹⁰ membrane units make the leak's rounding (one unit a step) negligible."""
EXACT_BITS = 24
"""float32 holds whole numbers exactly up to 2²⁴; membranes stay below, so that fast float kernels are exact."""
FEATURE_LIMIT = 255


class QuantisedLayer(nn.Module):
    """One layer in whole numbers.

    Args:
        layer: the trained layer in real numbers.
        input_limit: greatest magnitude of its input (255 for features; 1, or the pooled spikes, for spikes).
        input_unit: what the float network divides its input by.
        steps: T.
        input_zero: level of the input that the float network takes for zero; it goes into the bias.

    Raises:
        DivergedError: a number of the trained layer is not finite.
    """

    def __init__(
        self, layer: SpikingLayer, input_limit: int, input_unit: float, steps: int, input_zero: float = 0.0
    ) -> None:
        super().__init__()
        self.plan, self.neuron_plan = layer.plan, layer.neuron_plan
        channels, portable = layer.plan.channels, layer.neuron_plan.portable
        scale, offset = fold(layer.norm, channels)
        weight = layer.synapses.weight.detach()
        bias = layer.synapses.bias
        folded = weight * scale.reshape(-1, *[1] * (weight.ndim - 1)) / input_unit
        offset = offset if bias is None else offset + scale * bias.detach()
        offset = offset - input_zero * folded.flatten(1).sum(dim=1)
        self.biased = bias is not None or bool(offset.any())
        # Kept in the float network's unit, so that a learning rate means the same in every layer.
        self.input_unit = input_unit
        self.weight = nn.Parameter(folded * input_unit)
        self.bias = nn.Parameter(offset.clone(), requires_grad=self.biased)
        self.beta = nn.Parameter(
            layer.neurons.beta.detach().clone().reshape(-1)[:1], requires_grad=layer.neuron_plan.learn_beta
        )
        self.grain = 1 << (WEIGHT_BITS - layer.neuron_plan.weight_bits)
        peak = folded.abs().flatten(1).amax(dim=1).clamp_min(1e-6)
        if portable:
            peak = peak.max().expand(channels)
        reach = folded.abs().flatten(1).sum(dim=1) * input_limit + offset.abs()
        if not (reach.isfinite().all() and self.beta.isfinite().all()):
            raise DivergedError("A layer contains numbers that are not finite, which cannot be rounded.", HINT)
        shift = self._choose_shift(peak, reach, steps)
        # A threshold that is a whole number of accumulator units can be written without the shift, too.
        unit = 2.0 ** max(shift, 0) if portable else 1.0
        threshold = ((2.0**shift) * WEIGHT_LIMIT / peak / unit).floor().clamp_min(1.0) * unit
        self.register_buffer("shift", torch.tensor(shift))
        self.register_buffer("threshold", threshold)
        self.shift: Tensor
        self.threshold: Tensor
        self.fire = surrogate.fast_sigmoid(slope=layer.neuron_plan.slope)

    def _choose_shift(self, peak: Tensor, reach: Tensor, steps: int) -> int:
        """Bits by which currents are shifted: enough for the threshold, not so many that a membrane can reach 2²⁴."""
        if self.neuron_plan.portable:
            return steps - 1  # T − 1 fraction bits make a leak of one half exact in every step
        wanted = ceil(log2(2**THRESHOLD_BITS / float((WEIGHT_LIMIT / peak).min())))
        beta = float(self.beta.detach().clamp(0, 1))
        memory = min(steps, 1 / max(1 - beta, 1e-3))
        largest = float(((reach * memory + 2) * WEIGHT_LIMIT / peak).max())
        if not isfinite(largest):
            raise DivergedError("A layer's currents are not finite and cannot be rounded.", HINT)
        # one bit of room: training moves weights and leaks
        return min(wanted, floor(EXACT_BITS - 1 - log2(largest)))

    def units(self) -> Tensor:
        """Accumulator units to a threshold of 1, float [channels]."""
        return self.threshold * 2.0 ** -int(self.shift)

    def integer_weight(self) -> Tensor:
        """Whole numbers within ±127, float32, shaped as the weights."""
        units = self.units().reshape(-1, *[1] * (self.weight.ndim - 1)) / self.grain
        limit = WEIGHT_LIMIT // self.grain
        return round_straight((self.weight * (units / self.input_unit)).clamp(-limit, limit)) * self.grain

    def integer_bias(self) -> Tensor:
        """Whole accumulator units, float32 [channels]."""
        return round_straight(self.bias * self.units())

    def leak(self) -> Tensor:
        """k of 256ths, float32 [1]."""
        return round_straight(self.beta.clamp(0, 1) * UNIT_LEAK)

    def currents(self, x: Tensor) -> Tensor:
        """Currents in membrane units, [M, channels, bands, frames]; x in whole numbers sets the precision."""
        weight, bias = self.integer_weight().to(x.dtype), self.integer_bias().to(x.dtype)
        x = pool_spikes(self.plan, x)
        if self.plan.kind == "dense":
            x = functional.linear(x.flatten(1), weight, bias)[:, :, None, None]
        else:
            x = x.contiguous(memory_format=torch.channels_last)
            x = functional.conv2d(x, weight, bias, self.plan.stride, self.plan.padding)
        shift = int(self.shift)
        if shift:
            x = x * 2.0**shift
        if shift < 0:
            x = floor_straight(x)
        return functional.max_pool2d(x, self.plan.max_pool) if self.plan.max_pool != (1, 1) else x

    def integrate(self, currents: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Spikes [T, N, …] and last membranes [N, …] under currents [T or 1, N, …]."""
        leak = self.leak().to(currents.dtype)
        threshold = self.threshold.to(currents.dtype)[:, None, None]
        reset = self.neuron_plan.reset
        membrane = spike = torch.zeros_like(currents[0])
        spikes = []
        for t in range(steps):
            current = currents[t if len(currents) > 1 else 0]
            match reset:
                case "subtract":
                    membrane = floor_straight(membrane * leak / UNIT_LEAK) + current - spike.detach() * threshold
                case "zero":
                    membrane = floor_straight(membrane * (1 - spike.detach()) * leak / UNIT_LEAK) + current
                case _:
                    assert_never(reset)
            spike = self.fire((membrane - threshold) / threshold)
            spikes.append(spike)
        return torch.stack(spikes), membrane

    def take(self, layer: Layer) -> None:
        """Take over the whole numbers of a layer of the same plan; `integer_layer` gives them back exactly."""
        with torch.no_grad():
            self.shift.fill_(layer.shift)
            self.threshold.copy_(torch.from_numpy(layer.threshold.astype(np.float32)))
            units = self.units()
            weight = torch.from_numpy(layer.weight.astype(np.float32))
            self.weight.copy_(weight * self.input_unit / units.reshape(-1, *[1] * (weight.ndim - 1)))
            self.bias.copy_(torch.from_numpy(layer.bias.astype(np.float32)) / units)
            self.biased = self.biased or bool(layer.bias.any())
            self.beta.copy_(torch.from_numpy(layer.beta_256[:1].astype(np.float32)) / UNIT_LEAK)
        self.bias.requires_grad_(self.biased)

    def integer_layer(self, name: str) -> Layer:
        """The layer as the contract has it."""
        plan = self.plan
        return Layer(
            name=name,
            kind=plan.kind,
            weight=_integers(self.integer_weight(), np.int8),
            bias=_integers(self.integer_bias(), np.int32),
            threshold=_integers(self.threshold, np.int32),
            beta_256=_integers(self.leak(), np.int32),
            reset=self.neuron_plan.reset,
            shift=int(self.shift),
            stride=plan.stride,
            padding=plan.padding,
            max_pool=plan.max_pool,
            pool=plan.pool,
            pool_size=plan.pool_size,
        )


class QuantisedNetwork(nn.Module):
    """A spiking network in whole numbers, trainable.

    Args:
        network: the network in real numbers; it is left as it is.
    """

    def __init__(self, network: SpikingNetwork) -> None:
        super().__init__()
        self.plans, self.neuron_plan = network.plans, network.neuron_plan
        self.input_shape, self.time_steps = network.input_shape, network.time_steps
        self.stem, self.input_mode = network.stem, network.input_mode
        layers: list[QuantisedLayer] = []
        shape: tuple[int, int, int] = (1, *network.input_shape)
        for number, layer in enumerate(network.spiking_layers()):
            limit = FEATURE_LIMIT if number == 0 else _pooled(layer, shape)
            unit = INPUT_UNIT if number == 0 else 1.0
            zero = network.zero if number == 0 else 0.0
            layers.append(QuantisedLayer(layer, limit, unit, self.time_steps, zero))
            shape = layer.plan.output_shape(shape)
            if number == 0 and self.input_mode == "frames":
                shape = (shape[0], shape[1], 1)
        self.layers = nn.ModuleList(layers)

    def take(self, network: IntegerNetwork) -> None:
        """Take over the whole numbers of an integer network of the same plans."""
        for layer, known in zip(self.quantised_layers(), network.layers, strict=True):
            layer.take(known)

    def quantised_layers(self) -> list[QuantisedLayer]:
        """The layers, input to output."""
        return cast(list[QuantisedLayer], list(self.layers))

    def forward(self, features: Tensor, exact: bool = False) -> Tensor:
        """Evidence for each label in thresholds, float [N, labels].

        Args:
            features: float [N, bands, frames], whole numbers 0…255.
            exact: double precision: every integer exactly as in `edge_daemon.model.network.run`.
        """
        membrane, spikes = self.output(features, exact)
        threshold = self.quantised_layers()[-1].threshold.to(membrane.dtype)
        total = membrane + spikes.sum(dim=0) * threshold
        return (total / threshold).float() if not exact else total.float() / threshold.float()

    def output(self, features: Tensor, exact: bool = False) -> tuple[Tensor, Tensor]:
        """The output layer's last membranes [N, labels] and spikes [T, N, labels]."""
        membranes, spikes = self.trace(features, exact)
        return membranes[-1].flatten(1), spikes[-1].flatten(2)

    def trace(self, features: Tensor, exact: bool = False) -> tuple[list[Tensor], list[Tensor]]:
        """Every layer's last membranes [N, …] and spikes [T, N, …]."""
        n = len(features)
        x = prepare(features.double() if exact else features, self.stem)
        membranes, trains = [], []
        for number, layer in enumerate(self.quantised_layers()):
            current = layer.currents(x)
            if number == 0 and self.input_mode == "frames":
                current = current.movedim(3, 0)[..., None]
            else:
                current = current.reshape(-1, n, *current.shape[1:])
            spikes, membrane = layer.integrate(current, self.time_steps)
            membranes.append(membrane)
            trains.append(spikes)
            x = spikes.flatten(0, 1)
        return membranes, trains


def to_integer_network(network: QuantisedNetwork) -> IntegerNetwork:
    """The arrays that the exporter and the reference take."""
    return IntegerNetwork(
        layers=tuple(layer.integer_layer(f"layer{n}") for n, layer in enumerate(network.quantised_layers())),
        time_steps=network.time_steps,
        input_shape=network.input_shape,
        stem=network.stem,
        input_mode=network.input_mode,
    )


def _pooled(layer: SpikingLayer, shape: tuple[int, int, int]) -> int:
    """Greatest value that reaches a layer's synapses when all its inputs spike."""
    if layer.plan.pool == "sum":
        return layer.plan.pool_size[0] * layer.plan.pool_size[1]
    return shape[2] if layer.plan.pool == "global_sum" else 1


def _integers(x: Tensor, dtype: Any) -> Any:
    whole = x.detach().to(torch.float64).numpy()
    if not np.array_equal(whole, np.rint(whole)):
        raise ValueError("a quantised network contains a number that is not whole")
    return whole.astype(dtype)
