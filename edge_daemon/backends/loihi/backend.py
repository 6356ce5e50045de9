"""A simulator of Intel's Loihi: the chip's fixed-point synapses and neurons, for portable models.

The first layer takes real-valued input and runs on the host, which sends its spikes to the chip; all other layers are
on the chip. What the chip does to a layer in one time step, in whole numbers:

- weights of both signs share eight bits, so their lowest bit is lost: w ← 2·floor(w/2);
- weights of spikes that arrive are summed, and shifted left by six bits: u = Σw · 2⁶, 24 bits, wrapping round;
- the membrane decays in twelve bits and rounds towards zero: |v| ← (|v| · (4096 − dv)) >> 12, and is limited to
  24 bits: v ← decayed v + u;
- a neuron fires where v > vth · 2⁶ (vth has 17 bits), and its membrane becomes zero at once.

A model whose leak is one half, with at most seven time steps, never meets the rounding (six fraction bits allow six
exact halvings), so chip and reference agree spike for spike. Any other that rounds in either arithmetic is refused
(`reasons_against`), and so is one whose sums could leave the chip's 24 bits. Sources: M. Davies et al., Loihi, IEEE
Micro 38(1), 2018; the bit-accurate models of Intel's `lava-nc`, with which the long tests compare raster for raster.
One thing the chip would not give away so easily: scores need the output membranes of the last step as they are before
the reset.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends import (
    LEAK_BITS,
    UNIT_LEAK,
    BackendError,
    BackendOptions,
    Capabilities,
    Inference,
    IntegerNetwork,
    Layer,
    ModelFile,
    leak_fraction_bits,
    prepare,
    readout,
    step,
    synapses,
)
from edge_daemon.backends.loihi.mapping import map_network

ALIGN_BITS = 6
DECAY_BITS = 12
STATE_LIMIT = 1 << 23
"""Membranes and currents are 24 bits with sign."""
THRESHOLD_LIMIT = 1 << 17

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChipLayer:
    """A layer as the chip holds it.

    Attributes:
        synapses: the layer with the chip's weights, without bias and shift.
        decay: dv, 0…4095: what a membrane loses in a step, in 4096ths.
        threshold: vth, 0…131071.
        unit: membrane units of the chip in one of the model's: 2^(6 − shift), or twice that for doubled weights.
    """

    synapses: Layer
    decay: int
    threshold: int
    unit: float


@dataclass(frozen=True, slots=True)
class Raster:
    """What one layer on the chip did.

    Attributes:
        spikes: bool [T, N, channels, bands, frames].
        membranes: int64, the same shape, before the reset.
    """

    spikes: NDArray[np.bool_]
    membranes: NDArray[np.int64]


def chip_weights(weight: NDArray[np.int8]) -> NDArray[np.int8]:
    """Weights as the chip holds them: those of both signs lose their lowest bit, rounding down."""
    mixed = bool((weight < 0).any() and (weight > 0).any())
    return ((weight >> 1) << 1) if mixed else weight


def place(layer: Layer) -> ChipLayer:
    """Bring a layer to the chip, whether or not the chip's arithmetic rounds as the model's (`reasons_against`).

    Weights of both signs that are odd and fit 7 bits are doubled, and the threshold with them: none loses its last bit.

    Raises:
        BackendError: its thresholds, leak or shift cannot be expressed there, with the reason.
    """
    thresholds, leaks = np.unique(layer.threshold), np.unique(layer.beta_256)
    if len(thresholds) > 1 or len(leaks) > 1:
        raise BackendError(f"Layer {layer.name} has several thresholds or leaks, but a chip's layer has one.")
    threshold, leak = int(thresholds[0]), int(leaks[0])
    if layer.shift < 0 or threshold % (1 << layer.shift):
        raise BackendError(
            f"Layer {layer.name}: its threshold of {threshold} with a shift of {layer.shift} is not a whole number of"
            " weight units."
        )
    weight, doubled = layer.weight, 0
    if (chip_weights(weight) != weight).any() and int(weight.min()) >= -64 and int(weight.max()) < 64:
        weight, doubled = weight << 1, 1
    vth = threshold >> layer.shift << doubled
    if vth >= THRESHOLD_LIMIT:
        raise BackendError(f"Layer {layer.name}: its threshold needs more than the chip's 17 bits.")
    if leak == 0:
        raise BackendError(f"Layer {layer.name} keeps nothing between steps, but the chip's decay ends at 4095/4096.")
    bare = replace(layer, weight=chip_weights(weight), bias=np.zeros_like(layer.bias), shift=0)
    decay = (1 << DECAY_BITS) - leak * (1 << DECAY_BITS) // UNIT_LEAK
    return ChipLayer(bare, decay, vth, 2.0 ** (ALIGN_BITS + doubled - layer.shift))


def reasons_against(layer: Layer, chip: ChipLayer, shape: tuple[int, int, int], steps: int) -> list[str]:
    """Why a layer on the chip could differ from the reference, a sentence each; empty where it cannot for any input.

    The reference rounds a leaked membrane down to whole numbers, the chip towards zero to 64ths of a weight unit. They
    agree for certain only where neither rounds: a current has `shift` zero bits at its end in the one and six in the
    other, and each step after the first takes `leak_fraction_bits` of them.

    Args:
        layer: as the model has it.
        chip: as `place` made it.
        shape: (channels, bands, frames) of the spikes that arrive, before pooling.
        steps: time steps.
    """
    found = []
    needed = leak_fraction_bits(layer.beta_256) * (steps - 1)
    for whose, bits in (("the model", layer.shift), ("the chip", ALIGN_BITS)):
        if needed > bits:
            found.append(
                f"Layer {layer.name}: its leak of {int(layer.beta_256[0])}/{UNIT_LEAK} takes {needed} bits of fraction"
                f" in {steps} time steps, but {whose} has {bits}: its membranes are rounded, and the two arithmetics"
                " round differently."
            )
    # the most that can arrive in a step, and the most that a membrane keeps of the steps before
    low, high = _sum_bounds(chip.synapses, shape)
    current = max(-low, high) << ALIGN_BITS
    kept_low = kept_high = membrane = 0
    for _ in range(steps):
        lowest, highest = kept_low + (low << ALIGN_BITS), kept_high + (high << ALIGN_BITS)
        membrane = max(membrane, -lowest, highest)
        leak = int(layer.beta_256[0])
        kept_low = (lowest * leak) >> LEAK_BITS
        kept_high = (min(highest, chip.threshold << ALIGN_BITS) * leak) >> LEAK_BITS
    if max(current, membrane) >= STATE_LIMIT:
        found.append(
            f"Layer {layer.name}: its currents and membranes can reach {max(current, membrane)} of the chip's units,"
            f" but its 24 bits end at {STATE_LIMIT}."
        )
    return found


def _sum_bounds(layer: Layer, shape: tuple[int, int, int]) -> tuple[int, int]:
    """Least and greatest sum of weights that any spikes can make in one neuron; ≤ 0 and ≥ 0."""
    weight = layer.weight.reshape(layer.channels, -1).astype(np.int64) * layer.merged(shape)
    return int(np.minimum(weight, 0).sum(axis=1).min()), int(np.maximum(weight, 0).sum(axis=1).max())


def run_layer(layer: ChipLayer, spikes: NDArray[np.bool_]) -> Raster:
    """A layer's response to spikes bool [T, N, channels, bands, frames]."""
    steps, windows = spikes.shape[:2]
    sums = synapses(layer.synapses, spikes.reshape(steps * windows, *spikes.shape[2:]).astype(np.int64))
    sums = sums.reshape(steps, windows, *sums.shape[1:])
    membrane = np.zeros(sums.shape[1:], np.int64)
    fired, membranes = np.empty(sums.shape, np.bool_), np.empty(sums.shape, np.int64)
    for t, arriving in enumerate(sums):
        membrane = integrate(membrane, arriving, layer.decay)
        membranes[t], fired[t] = membrane, membrane > layer.threshold << ALIGN_BITS
        membrane = np.where(fired[t], 0, membrane)
    return Raster(fired, membranes)


def integrate(membrane: NDArray[np.int64], arriving: NDArray[np.int64], decay: int) -> NDArray[np.int64]:
    """One step of membranes, int64: decay in twelve bits towards zero, aligned input, limits of 24 bits."""
    current = arriving << ALIGN_BITS
    current = np.where(current > STATE_LIMIT, current - 2 * STATE_LIMIT, current)
    current = np.where(current <= -STATE_LIMIT, current + 2 * STATE_LIMIT, current)
    decayed = np.sign(membrane) * ((np.abs(membrane) * ((1 << DECAY_BITS) - decay)) >> DECAY_BITS)
    limited: NDArray[np.int64] = np.clip(decayed + current, 1 - STATE_LIMIT, STATE_LIMIT - 1)
    return limited


def run_chip(network: IntegerNetwork, chip: list[ChipLayer], features: NDArray[np.uint8]) -> list[Raster]:
    """Rasters of all layers, the host's first one included, for features uint8 [N, bands, frames]."""
    rasters = [_host(network, features)]
    for layer in chip:
        rasters.append(run_layer(layer, rasters[-1].spikes))
    return rasters


def _host(network: IntegerNetwork, features: NDArray[np.uint8]) -> Raster:
    """The first layer, in the reference's arithmetic."""
    layer, steps = network.layers[0], network.time_steps
    current = synapses(layer, prepare(features, network.stem))
    by_step = np.moveaxis(current, 3, 0)[..., None] if network.input_mode == "frames" else [current] * steps
    shape = (steps, *by_step[0].shape)
    spikes, membranes = np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    beta, threshold = (a.astype(np.int64)[:, None, None] for a in (layer.beta_256, layer.threshold))
    membrane, fired = membranes[0], spikes[0]
    for t in range(steps):
        membrane, fired = step(membrane, fired, by_step[t], beta, threshold, layer.reset)
        membranes[t], spikes[t] = membrane, fired
    return Raster(spikes, membranes)


class LoihiBackend:
    """Runs a portable model on the simulated chip.

    Args:
        model: the model.

    Raises:
        BackendError: a layer cannot be brought to the chip.
    """

    name = "loihi"
    Options: type[BackendOptions] = BackendOptions
    capabilities = Capabilities(
        resets=frozenset({"zero"}), max_pool=False, deep_bias=False, weight_bits=7, max_neurons=131_072
    )

    def __init__(self, model: ModelFile) -> None:
        self._network = model.network(own=True)
        if len(self._network.layers) < 2:
            raise BackendError("The first layer runs on the host, so this model leaves no layer for the chip.")
        self._calibration = model.metadata.calibration
        deeper = self._network.layers[1:]
        self._chip: list[ChipLayer] | None = [place(layer) for layer in deeper]
        reasons = [
            reason
            for layer, chip, shape in zip(deeper, self._chip, self._network.shapes()[1:-1], strict=True)
            for reason in reasons_against(layer, chip, shape, self._network.time_steps)
        ]
        if reasons:
            raise BackendError(
                f"The chip would not produce this model's spikes: {' '.join(reasons)}",
                "Train a portable model with at most seven time steps (python -m train fit --set portable=true).",
            )
        self.mapping = map_network(self._network)
        self._windows = 0
        for line in self.mapping.lines():
            _log.info("%s", line)

    @classmethod
    def create(cls, model: ModelFile, options: BackendOptions) -> Self:  # noqa: ARG003 - it has none
        """Bring a model to the chip; raises `BackendError` where it does not fit."""
        return cls(model)

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames].

        Raises:
            BackendError: closed, or the features do not have the model's shape.
        """
        if self._chip is None:
            raise BackendError("The backend was closed.")
        shape = self._network.input_shape
        if features.dtype != np.uint8 or features.shape[1:] != shape or not len(features):
            raise BackendError(f"Inference failed: features must be uint8 [N ≥ 1, {shape[0]}, {shape[1]}].")
        rasters = run_chip(self._network, self._chip, features)
        counts = rasters[-1].spikes.sum(axis=0, dtype=np.int32)[:, :, 0, 0]
        # back in the model's units; exact where the model's arithmetic is
        last = np.floor(rasters[-1].membranes[-1, :, :, 0, 0] / self._chip[-1].unit).astype(np.int64)
        score = self._calibration.score(readout(self._network, last, counts))
        spikes = np.stack([raster.spikes.sum(axis=(0, 2, 3, 4), dtype=np.int64) for raster in rasters], axis=1)
        self._windows += len(features)
        return Inference(score, counts, spikes)

    def health(self) -> Mapping[str, float]:
        """Windows so far, and what the model takes of a chip."""
        return {
            "windows": float(self._windows),
            "chip_neurons": float(self.mapping.neurons),
            "chip_synapses": float(self.mapping.synapses),
            "chip_cores": float(self.mapping.cores("Loihi 2")),
        }

    def close(self) -> None:
        """Drop the layers."""
        self._chip = None
