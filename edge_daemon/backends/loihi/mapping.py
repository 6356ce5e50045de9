"""What a network takes of a Loihi chip, in cores and synapses; `python -m edge_daemon.backends.loihi FILE` prints it.

The first layer stays on the host. The count is a lower bound for a chip that shares no weights between places: a
synapse for each connection, with its weight's bits alone; a compiler adds routing tables and leaves gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod

import numpy as np

from edge_daemon.backends import IntegerNetwork, Layer, synapses

WEIGHT_BITS = 8
STATE_BITS = 24 + 24
"""Current and membrane of a neuron."""


@dataclass(frozen=True, slots=True)
class Chip:
    """Limits of a chip.

    Attributes:
        cores: neuro-cores.
        core_neurons: neurons in a core.
        core_bytes: synaptic memory of a core.
        source: where the figures are from.
    """

    cores: int
    core_neurons: int
    core_bytes: int
    source: str


CHIPS = {
    "Loihi": Chip(128, 1024, 128 * 1024, "M. Davies et al., IEEE Micro 38(1), 2018"),
    "Loihi 2": Chip(128, 8192, 192 * 1024, "Intel Labs, Loihi 2 technology brief, 2021"),
}


@dataclass(frozen=True, slots=True)
class LayerMapping:
    """Neurons of a layer on the chip, the synapses that lead to them, and bits of both."""

    name: str
    neurons: int
    synapses: int

    @property
    def bits(self) -> int:
        """Weights and states."""
        return self.synapses * WEIGHT_BITS + self.neurons * STATE_BITS

    def cores(self, chip: Chip) -> int:
        """Cores that the layer needs, by neurons or by memory."""
        return max(ceil(self.neurons / chip.core_neurons), ceil(self.synapses * WEIGHT_BITS / 8 / chip.core_bytes))


@dataclass(frozen=True, slots=True)
class Mapping:
    """A network on a chip."""

    host_neurons: int
    layers: tuple[LayerMapping, ...]

    @property
    def neurons(self) -> int:
        """Neurons on the chip."""
        return sum(layer.neurons for layer in self.layers)

    @property
    def synapses(self) -> int:
        """Synapses on the chip."""
        return sum(layer.synapses for layer in self.layers)

    def cores(self, chip: str) -> int:
        """Cores of that chip, layers not sharing any."""
        return sum(layer.cores(CHIPS[chip]) for layer in self.layers)

    def lines(self) -> list[str]:
        """For a person."""
        lines = [f"host: first layer, {self.host_neurons:,} neurons, sends its spikes to the chip"]
        lines += [
            f"chip: {layer.name}, {layer.neurons:,} neurons, {layer.synapses:,} synapses, {layer.bits / 8000:,.1f} kB"
            for layer in self.layers
        ]
        for name, chip in CHIPS.items():
            needed = self.cores(name)
            verdict = "fits" if needed <= chip.cores else "does not fit"
            lines.append(f"{name}: {needed} of {chip.cores} cores, {verdict} ({chip.source})")
        return lines


def map_network(network: IntegerNetwork) -> Mapping:
    """Count what a network takes, the first layer left on the host."""
    shapes = network.shapes()
    layers = tuple(
        LayerMapping(layer.name, prod(after), count_synapses(layer, before))
        for layer, before, after in zip(network.layers[1:], shapes[1:-1], shapes[2:], strict=True)
    )
    return Mapping(prod(shapes[1]), layers)


def count_synapses(layer: Layer, shape: tuple[int, int, int]) -> int:
    """Connections with a weight other than zero, from neurons of that shape; pooled spikes count each."""
    probe = replace(
        layer, weight=(layer.weight != 0).astype(np.int8), bias=np.zeros_like(layer.bias), shift=0, max_pool=(1, 1)
    )
    return int(synapses(probe, np.ones((1, *shape), np.int64)).sum())
