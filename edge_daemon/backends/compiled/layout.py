"""A network as the kernel takes it, and the proof that no number in it can leave its type."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import BackendError
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.neuron import LEAK_BITS, UNIT_LEAK

LANES = 16
"""Channels are padded to whole vectors of so many; as in `network.h`."""
_LINE = 64
_TOGETHER = 32  # channels that `dense.c` adds up at a time
_AT_ONCE = 1 << 22  # weights that are added up at a time
_SWEPT = 3  # rows of a kernel that sweeps; as in `spike_sums.c`
_NEVER = 2**31 - 1  # threshold of padding
_STEMS = {"none": 0, "band_mean": 1, "band_median": 2}

_NUMBERS = (
    *("channels", "padded", "arriving_channels", "arriving_rows", "arriving_columns"),
    *("high", "wide", "row_step", "column_step", "above", "before"),
    *("sum_rows", "sum_columns", "max_rows", "max_columns", "out_rows", "out_columns", "event_row", "event_column"),
    *("shift", "zero_reset", "leaks", "narrow", "wide_membrane", "whole", "sweeps"),
)
_ARRAYS = ["weight", "table", "column_sum", "bias", "threshold", "leak", "reach_begins", "reach_sum", "reach_weight"]


class LayerLayout(ctypes.Structure):
    """`Layer` of `network.h`."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    )


class NetworkLayout(ctypes.Structure):
    """`Network` of `network.h`."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("layers", "steps", "bands", "frames", "stem", "by_frame")),
        ("layer", ctypes.POINTER(LayerLayout)),
        ("set", ctypes.c_void_p),
    )


class LaidOutNetwork:
    """A network in memory as the kernel takes it.

    Where a dense layer can be most of a model its weights stay bytes; all others are 16 bits wide.

    Args:
        network: the network.

    Attributes:
        layout: for the kernel; valid as long as this object is there.
        layers: of it.

    Raises:
        BackendError: a layer is of a kind that the kernel does not know, or its sums could leave 32 bits.
    """

    def __init__(self, network: IntegerNetwork) -> None:
        self._arrays: list[NDArray[np.generic]] = []  # what the layout points to
        shapes = network.shapes()
        layers = (LayerLayout * len(network.layers))()
        for number, layer in enumerate(network.layers):
            inside = shapes[number + 1] if number or network.input_mode != "frames" else network.current_shape()
            self._lay_out(layers[number], network, number, layer, shapes[number], inside)
            layers[number].out_columns = shapes[number + 1][2]
            if number:
                _say_where_events_begin(layers[number - 1], layers[number])
        self.layers = layers
        self.layout = NetworkLayout(
            len(layers),
            network.time_steps,
            *network.input_shape,
            _STEMS[network.stem],
            int(network.input_mode == "frames"),
            ctypes.cast(layers, ctypes.POINTER(LayerLayout)),
            self._kept(_set_bits()),
        )

    def _lay_out(
        self,
        laid: LayerLayout,
        network: IntegerNetwork,
        number: int,
        layer: Layer,
        shape: tuple[int, int, int],
        inside: tuple[int, int, int],
    ) -> None:
        """Fill one layer in; `inside` is the shape of its currents."""
        if number == 0 and layer.pool != "none":
            raise BackendError(f"The layer {layer.name} pools its input, which the kernel does in later layers only.")
        pooled = layer.pooled_shape(shape)
        weight = layer.weight.reshape(layer.channels, *pooled) if layer.kind == "dense" else layer.weight
        high, wide = weight.shape[2:]
        padded = -(-layer.channels // LANES) * LANES
        bounds = _Bounds(network, number, layer, shape)
        narrow = bounds.sum < 1 << 15
        numbers: dict[str, Any] = {
            "channels": layer.channels,
            "padded": padded,
            "arriving_channels": shape[0],
            "arriving_rows": shape[1],
            "arriving_columns": shape[2],
            "high": high,
            "wide": wide,
            "row_step": layer.stride[0],
            "column_step": layer.stride[1],
            "above": layer.padding[0] if layer.kind == "conv" else 0,
            "before": layer.padding[1] if layer.kind == "conv" else 0,
            "sum_rows": inside[1] * layer.max_pool[0],
            "sum_columns": inside[2] * layer.max_pool[1],
            "max_rows": layer.max_pool[0],
            "max_columns": layer.max_pool[1],
            "out_rows": inside[1],
            "event_row": 1,
            "shift": layer.shift,
            "zero_reset": layer.reset == "zero",
            "leaks": bool((layer.beta_256 != UNIT_LEAK).any()) * (1 if bounds.product < 1 << 31 else 2),
            "narrow": narrow,
            "wide_membrane": bounds.membrane >= 1 << 31,
            "whole": bounds.sum >= 1 << 24,
            "sweeps": number > 0 and narrow and _sweeps(layer) and shape[2] * shape[0] * padded < 1 << 31,
        }
        for name, value in numbers.items():
            setattr(laid, name, int(value))
        arrays: dict[str, NDArray[np.generic]] = {
            "bias": _padded(layer.bias, layer.channels, padded, 0),
            "threshold": _padded(layer.threshold, layer.channels, padded, _NEVER),
            "leak": _padded(layer.beta_256, layer.channels, padded, UNIT_LEAK),
        }
        if number == 0 and layer.kind == "dense":
            table = np.ascontiguousarray(layer.weight.T)  # as it is in a model file, so not a second time in memory
            self._arrays.append(table)
            laid.table = table.ctypes.data
            arrays["column_sum"] = _row_sums(layer.weight)
        elif layer.kind == "dense" and shape[1:] == (1, 1) and layer.channels % _TOGETHER == 0:
            laid.table = self._kept(layer.weight.T)
        else:
            # a spike adds what lies together: the weights of one place in the kernel and one channel that arrives
            table = np.zeros((high, wide, shape[0], padded), np.int16)
            table[..., : layer.channels] = weight.transpose(2, 3, 1, 0)
            laid.weight = self._kept(table)
        if number and not laid.sweeps:
            begins, sums, taps = _reach(layer, shape, (high, wide), (laid.sum_rows, laid.sum_columns))
            arrays |= {
                "reach_begins": begins,
                "reach_sum": sums * padded,
                "reach_weight": taps * (shape[0] * padded),
            }
        for name, array in arrays.items():
            setattr(laid, name, self._kept(array.astype(np.int32)))

    def _kept(self, array: NDArray[np.generic]) -> int:
        """Keep an array where no vector of it lies in two lines of a cache; its address."""
        memory = np.empty(array.nbytes + _LINE, np.uint8)
        begin = -memory.ctypes.data % _LINE
        memory[begin : begin + array.nbytes] = array.reshape(-1).view(np.uint8)
        self._arrays.append(memory)
        return memory.ctypes.data + begin


def _say_where_events_begin(before: LayerLayout, laid: LayerLayout) -> None:
    """What an event of the layer before says: the row of weights that it adds, and perhaps from which column."""
    before.event_row = laid.channels if laid.table else laid.padded
    before.event_column = laid.arriving_channels * laid.padded if laid.sweeps else 0


def _sweeps(layer: Layer) -> bool:
    """Whether its sums can be made column after column."""
    plain = layer.kind == "conv" and layer.pool == "none" and layer.stride == (1, 1)
    return plain and layer.weight.shape[2] == _SWEPT and layer.padding[0] < _SWEPT


def _reach(
    layer: Layer, shape: tuple[int, int, int], kernel: tuple[int, int], sums: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Which sums the spikes of each place reach, and by which place of the kernel.

    Args:
        layer: its synapses.
        shape: (channels, bands, frames) that arrive, before pooling.
        kernel: (bands, frames).
        sums: (bands, frames) of those that are used.

    Returns:
        int64 [places + 1], where a place's entries begin; the sum, and the place of the kernel, int64 [n] each.
    """
    row, column = np.divmod(np.arange(shape[1] * shape[2]), shape[2])
    whole = layer.pooled_shape(shape)
    if layer.pool == "sum":
        row, column = row // layer.pool_size[0], column // layer.pool_size[1]
    elif layer.pool == "global_sum":
        column = np.zeros_like(column)
    there = (row < whole[1]) & (column < whole[2])  # a remainder is left out
    padding, stride = (layer.padding, layer.stride) if layer.kind == "conv" else ((0, 0), (1, 1))
    tap = np.arange(kernel[0] * kernel[1])
    y, y_left = np.divmod(row[:, None] + padding[0] - tap // kernel[1], stride[0])
    x, x_left = np.divmod(column[:, None] + padding[1] - tap % kernel[1], stride[1])
    hit = there[:, None] & (y_left == 0) & (x_left == 0) & (y >= 0) & (x >= 0) & (y < sums[0]) & (x < sums[1])
    begins = np.concatenate((np.zeros(1, np.int64), np.cumsum(hit.sum(axis=1))))
    place, taps = np.nonzero(hit)
    return begins, y[place, taps] * sums[1] + x[place, taps], taps


class _Bounds:
    """Greatest magnitudes for any input.

    Attributes:
        sum: of what synapses add up, in any order.
        membrane: of a membrane.
        product: of its product with the leak.

    Raises:
        BackendError: a sum or a current could leave 32 bits, or a membrane 64.
    """

    def __init__(self, network: IntegerNetwork, number: int, layer: Layer, shape: tuple[int, int, int]) -> None:
        # 255 and no more, but a dense first layer's values are raised by 256 on the way
        most = 256 if number == 0 else layer.merged(shape)
        weights = _row_sums(layer.weight.reshape(layer.channels, -1), magnitude=True)
        self.sum = int(weights.max()) * most
        biased = int((weights * most + np.abs(layer.bias.astype(np.int64))).max())
        current = biased << max(0, layer.shift)
        self.membrane = network.time_steps * (current + int(layer.threshold.max()))
        self.product = self.membrane << LEAK_BITS
        if max(biased, current) >= 1 << 31 or self.product >= 1 << 62:
            raise BackendError(
                f"The layer {layer.name} can add up to {max(biased, current):,}, more than the kernel's 32 bits hold.",
                "Use the backend onnx.",
            )


def _row_sums(weight: NDArray[np.int8], *, magnitude: bool = False) -> NDArray[np.int64]:
    """Sums of the weights of each channel, or of their magnitudes, of int8 [channels, n]: int64 [channels]."""
    total, step = np.zeros(len(weight), np.int64), max(1, _AT_ONCE // len(weight))
    for begin in range(0, weight.shape[1], step):
        part = weight[:, begin : begin + step].astype(np.int16)
        total += (np.abs(part) if magnitude else part).sum(axis=1, dtype=np.int64)
    return total


def _padded(values: NDArray[np.int32], channels: int, padded: int, rest: int) -> NDArray[np.int32]:
    """One value a channel, and `rest` for padding."""
    filled = np.full(padded, rest, np.int32)
    filled[:channels] = values
    return filled


def _set_bits() -> NDArray[np.uint32]:
    """Of each byte the bits that are set, uint32 [256, 8], filled up."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    return np.argsort(1 - bits, axis=1, kind="stable").astype(np.uint32)
