"""The integer spiking network: layers of synapses and neurons as plain arrays, and its reference computation.

What the trainer hands over, what the exporter writes as a graph, what a backend for a chip reads: a list of layers,
each with its synapses (int8), its neurons (`edge_daemon.model.neuron`) and nothing else. `run` is the reference that
every other implementation is compared with; it favours clearness over speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.neuron import Reset, shift_current, step

Stem = Literal["none", "band_mean", "band_median"]
InputMode = Literal["constant", "frames"]
Pool = Literal["none", "sum", "global_sum"]
_AT_ONCE = 1 << 20  # weights of a dense layer that the reference multiplies at a time


@dataclass(frozen=True)
class Layer:
    """One layer: optional pooling of the arriving spikes, synapses, optional max-pool of the current, neurons.

    Attributes:
        name: unique within the network.
        kind: `conv` (2-D cross-correlation) or `dense` (on the flattened input, channel-major).
        weight: int8 [out, in, height, width] or [out, in].
        bias: int32 [out], added to the accumulated products.
        threshold: int32 [out], θ > 0, in membrane units.
        beta_256: int32 [1] or [out], leak k in 0…256.
        reset: reset rule.
        shift: the current is the accumulated sum times 2^shift, rounded down.
        stride: (bands, frames) step of the convolution.
        padding: (bands, frames) zeros added on both sides.
        max_pool: (bands, frames) of the max-pool of the current, (1, 1) for none; a remainder is left out.
        pool: what happens to the spikes before the synapses: `none`, `sum` over patches of `pool_size`,
            or `global_sum` over the frames (bands stay).
        pool_size: (bands, frames) of the patches of `sum`; a remainder is left out.
    """

    name: str
    kind: Literal["conv", "dense"]
    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    threshold: NDArray[np.int32]
    beta_256: NDArray[np.int32]
    reset: Reset
    shift: int = 0
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    max_pool: tuple[int, int] = (1, 1)
    pool: Pool = "none"
    pool_size: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        out = self.weight.shape[0]
        expected = 4 if self.kind == "conv" else 2
        _require(self.weight.dtype == np.int8, f"{self.name}: weights must be int8, not {self.weight.dtype}")
        _require(self.weight.ndim == expected, f"{self.name}: {self.kind} weights must have {expected} dimensions")
        _require(self.bias.shape == (out,), f"{self.name}: needs {out} biases, one per channel, not {self.bias.shape}")
        _require(self.threshold.shape == (out,), f"{self.name}: needs {out} thresholds, one per channel")
        _require(self.beta_256.shape in {(1,), (out,)}, f"{self.name}: needs one leak, or one per channel")
        _require(bool((self.threshold > 0).all()), f"{self.name}: thresholds must be above zero")
        _require(bool(((self.beta_256 >= 0) & (self.beta_256 <= 256)).all()), f"{self.name}: leak must be in 0…256")
        _require(-24 <= self.shift <= 24, f"{self.name}: shift {self.shift} is outside ±24")
        _require(self.kind == "conv" or self.max_pool == (1, 1), f"{self.name}: max-pool needs a convolution")

    @property
    def channels(self) -> int:
        """Output channels (conv) or neurons (dense)."""
        return int(self.weight.shape[0])

    def pooled_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(channels, bands, frames) that the synapses see, of an input of that shape."""
        channels, bands, frames = shape
        if self.pool == "sum":
            return channels, bands // self.pool_size[0], frames // self.pool_size[1]
        return (channels, bands, 1) if self.pool == "global_sum" else shape

    def merged(self, shape: tuple[int, int, int]) -> int:
        """How many spikes of one step the pooling adds up into one input of the synapses, at most."""
        return prod(self.pool_size) if self.pool == "sum" else shape[2] if self.pool == "global_sum" else 1

    def output_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(channels, bands, frames) of the neurons, for an input of that shape; dense layers give (out, 1, 1)."""
        channels, bands, frames = self.pooled_shape(shape)
        if self.kind == "dense":
            _require(
                channels * bands * frames == self.weight.shape[1],
                f"{self.name}: takes {self.weight.shape[1]} inputs, gets {channels * bands * frames}",
            )
            return self.channels, 1, 1
        _require(
            channels == self.weight.shape[1],
            f"{self.name}: takes {self.weight.shape[1]} channels, gets {channels}",
        )
        size = tuple(
            ((n + 2 * p - k) // s + 1) // m
            for n, p, k, s, m in zip(
                (bands, frames), self.padding, self.weight.shape[2:], self.stride, self.max_pool, strict=True
            )
        )
        _require(min(size) >= 1, f"{self.name}: nothing is left of an input of {bands} × {frames}")
        return self.channels, size[0], size[1]


@dataclass(frozen=True)
class IntegerNetwork:
    """A whole network and what it looks at.

    Attributes:
        layers: from input to output; the last one is dense, a neuron a label.
        time_steps: T ≥ 1; with input `frames`, the number of frames.
        input_shape: (bands, frames) of the features.
        stem: integer preparation of the features: `none`; `band_mean` or `band_median` subtracted from each band.
        input_mode: `constant`: the features drive the first layer in every step; `frames`: the first layer
            (a convolution that keeps the frames) is computed for all frames, and step t takes its frame t.
        call_label: index of the output neuron that stands for a call.
    """

    layers: tuple[Layer, ...]
    time_steps: int
    input_shape: tuple[int, int]
    stem: Stem = "none"
    input_mode: InputMode = "constant"
    call_label: int = 1

    def __post_init__(self) -> None:
        _require(len(self.layers) >= 1, "a network needs at least one layer")
        _require(self.time_steps >= 1, "a network needs at least one time step")
        _require(self.layers[-1].kind == "dense", "the last layer must be dense, one neuron per label")
        _require(0 <= self.call_label < self.layers[-1].channels, "the call's label must be one of the outputs")
        shapes = self.shapes()  # raises where layers do not fit each other
        if self.input_mode == "frames":
            frames = self.current_shape()[2]
            _require(frames == self.time_steps, f"{frames} frames of current for {self.time_steps} time steps")
        _require(len(shapes) == len(self.layers) + 1, "a shape a layer")

    def current_shape(self) -> tuple[int, int, int]:
        """(channels, bands, frames) of the first layer's current, all frames."""
        return self.layers[0].output_shape((1, *self.input_shape))

    def shapes(self) -> list[tuple[int, int, int]]:
        """(channels, bands, frames) of the input and of every layer's neurons."""
        shapes: list[tuple[int, int, int]] = [(1, *self.input_shape)]
        for number, layer in enumerate(self.layers):
            shape = layer.output_shape(shapes[-1])
            if number == 0 and self.input_mode == "frames":
                shape = (shape[0], shape[1], 1)
            shapes.append(shape)
        return shapes

    @property
    def neurons(self) -> int:
        """Neurons in all layers."""
        return sum(prod(shape) for shape in self.shapes()[1:])

    @property
    def parameters(self) -> int:
        """Weights and biases in all layers."""
        return sum(layer.weight.size + layer.bias.size for layer in self.layers)


@dataclass(frozen=True)
class Trace:
    """What a network did with windows.

    Attributes:
        spike_counts: int32 [N, labels], spikes of each output neuron over all steps.
        margin: float32 [N], the call's evidence over the noise's, in thresholds (logit before calibration).
        layer_spikes: int64 [N, layers], spikes of each layer over all steps.
        spikes: bool [T, N, channels, bands, frames] of each layer, if asked for.
        membranes: int64, the same shapes, if asked for.
    """

    spike_counts: NDArray[np.int32]
    margin: NDArray[np.float32]
    layer_spikes: NDArray[np.int64]
    spikes: tuple[NDArray[np.bool_], ...] = ()
    membranes: tuple[NDArray[np.int64], ...] = ()


def prepare(features: NDArray[np.uint8], stem: Stem) -> NDArray[np.int64]:
    """The stem: features as integers, each band's own level over the window taken away if asked for.

    Args:
        features: uint8 [N, bands, frames].
        stem: `none`, `band_mean` (mean rounded half up) or `band_median` (lower median).

    Returns:
        int64 [N, 1, bands, frames], within ±255.
    """
    x = features.astype(np.int64)
    frames = x.shape[2]
    if stem == "band_mean":
        x = x - (x.sum(axis=2, keepdims=True) + frames // 2) // frames
    elif stem == "band_median":
        x = x - np.sort(x, axis=2)[:, :, (frames - 1) // 2, None]
    return x[:, None]


def synapses(layer: Layer, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Currents that an input causes in a layer's neurons.

    Args:
        layer: the layer.
        x: int64 [N, channels, bands, frames], spikes or prepared features.

    Returns:
        int64 [N, *output_shape].
    """
    if layer.pool == "sum":
        x = _patches(x, layer.pool_size).sum(axis=(4, 5))
    elif layer.pool == "global_sum":
        x = x.sum(axis=3, keepdims=True)
    # float64 holds these integers exactly (below 2⁵³) and has a fast product
    if layer.kind == "dense":
        flat, product = x.reshape(len(x), -1).astype(np.float64), np.zeros((len(x), layer.channels))
        step = max(1, _AT_ONCE // layer.channels)  # so that a large layer is never there in float64
        for begin in range(0, flat.shape[1], step):
            part = slice(begin, begin + step)
            product += flat[:, part] @ layer.weight[:, part].T.astype(np.float64)
        acc = np.rint(product).astype(np.int64) + layer.bias
        return shift_current(acc, layer.shift)[:, :, None, None]
    (ph, pw), (sh, sw) = layer.padding, layer.stride
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    views = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), layer.weight.shape[2:], axis=(2, 3))
    product = np.tensordot(views[:, :, ::sh, ::sw], layer.weight.astype(np.float64), axes=([1, 4, 5], [1, 2, 3]))
    acc = np.rint(product).astype(np.int64).transpose(0, 3, 1, 2) + layer.bias[:, None, None]
    current = shift_current(acc, layer.shift)
    return _patches(current, layer.max_pool).max(axis=(4, 5)) if layer.max_pool != (1, 1) else current


def run(network: IntegerNetwork, features: NDArray[np.uint8], keep: bool = False) -> Trace:
    """Reference computation of a network.

    Args:
        network: the network.
        features: uint8 [N, bands, frames].
        keep: also return every layer's spikes and membranes.
    """
    steps, n = network.time_steps, len(features)
    first = synapses(network.layers[0], prepare(features, network.stem))
    if network.input_mode == "frames":
        currents = np.moveaxis(first, 3, 0)[..., None]
    else:
        currents = np.broadcast_to(first, (steps, *first.shape))
    totals, all_spikes, all_membranes = [], [], []
    spikes = np.empty(0, np.bool_)
    for number, layer in enumerate(network.layers):
        if number:
            arriving = spikes.reshape(steps * n, *spikes.shape[2:]).astype(np.int64)
            current = synapses(layer, arriving)
            currents = current.reshape(steps, n, *current.shape[1:])
        membranes, spikes = _integrate(layer, currents)
        totals.append(spikes.sum(axis=(0, 2, 3, 4), dtype=np.int64))
        if keep:
            all_spikes.append(spikes)
            all_membranes.append(membranes)
    counts = spikes.sum(axis=0, dtype=np.int32)[:, :, 0, 0]
    return Trace(
        spike_counts=counts,
        margin=readout(network, membranes[-1, :, :, 0, 0], counts),
        layer_spikes=np.stack(totals, axis=1),
        spikes=tuple(all_spikes),
        membranes=tuple(all_membranes),
    )


def readout(network: IntegerNetwork, membrane: NDArray[np.int64], counts: NDArray[np.int32]) -> NDArray[np.float32]:
    """The call's evidence over the strongest other label's, in thresholds.

    Args:
        network: for thresholds and labels.
        membrane: int64 [N, labels], the output neurons' membranes after the last step.
        counts: int32 [N, labels], their spikes.

    Returns:
        float32 [N]: (U + θ·count)/θ of the call less the greatest of the others. A count alone ties; the membrane
        says how near the next spike is. One float32 division a label, so the result is the same everywhere.
    """
    threshold = network.layers[-1].threshold.astype(np.int64)
    evidence = (membrane + threshold * counts).astype(np.float32) / threshold.astype(np.float32)
    others = np.delete(evidence, network.call_label, axis=1)
    margin: NDArray[np.float32] = evidence[:, network.call_label] - others.max(axis=1)
    return margin


def _integrate(layer: Layer, currents: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Membranes and spikes [T, N, channels, bands, frames] of neurons under given currents."""
    beta = layer.beta_256.astype(np.int64)[:, None, None]
    threshold = layer.threshold.astype(np.int64)[:, None, None]
    membrane, spike = np.zeros(currents.shape[1:], np.int64), np.zeros(currents.shape[1:], np.bool_)
    membranes, spikes = np.empty(currents.shape, np.int64), np.empty(currents.shape, np.bool_)
    for t, current in enumerate(currents):
        membrane, spike = step(membrane, spike, current, beta, threshold, layer.reset)
        membranes[t], spikes[t] = membrane, spike
    return membranes, spikes


def _patches(x: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.int64]:
    """Non-overlapping patches [N, C, bands, frames, height, width]; a remainder is left out."""
    n, c, bands, frames = x.shape
    rows, columns = bands // size[0], frames // size[1]
    cut = x[:, :, : rows * size[0], : columns * size[1]]
    return cut.reshape(n, c, rows, size[0], columns, size[1]).transpose(0, 1, 2, 4, 3, 5)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
