"""Synapses of a layer in an ONNX graph: in which arithmetic they are exact, and their nodes.

Integers are carried in float32 where `export.bounds` proves that every sum, partial sum and product stays below 2²⁴;
wide dense layers and convolutions of spikes multiply uint8 by int8 into int32. The kernels for that differ: two kinds
of processors add pairs of products in 16 bits, so inputs and weights are kept where no pair can leave those.
"""

from __future__ import annotations

from math import prod

import numpy as np
from onnx import TensorProto

from edge_daemon.errors import ModelError
from edge_daemon.model.network import Layer
from export.bounds import Range
from export.nodes import Graph
from export.patches import gathered_patches

EXACT_FLOAT = 1 << 24
"""Integers of smaller magnitude are exact in float32."""
EXACT_DOUBLE = 1 << 53
EXACT_INT = 1 << 31
MANY_WEIGHTS = 1 << 16
"""Dense layers with more weights stay int8 in memory; smaller ones are faster as float32."""
SAFE_BITS = 7
"""Bits of an input of a uint8 × int8 product: x86 processors without VNNI add pairs of products in 16 bits and saturate
there. Longer inputs are given in two parts."""
SAFE_WEIGHT = -127
"""Least weight of a uint8 × int8 product: ARM processors without dot products (Raspberry Pi 4 and older) take 128 from
the input, add pairs of products in 16 bits too, and two of −128 · −128 are one too many for those."""


def check(layer: Layer, bounds: Range) -> None:
    """Refuse what the arithmetic could not carry, for any input."""
    limit, accumulator = EXACT_FLOAT, bounds.accumulator
    if _is_integer_product(layer, bounds):
        # inputs below zero are lifted by the least one, in every synapse at worst
        weights = np.abs(layer.weight.reshape(layer.channels, -1))
        lifted = -bounds.input_low * int(weights.sum(axis=1, dtype=np.int64).max())
        limit, accumulator = EXACT_INT, accumulator + lifted
        if int(layer.weight.min()) < SAFE_WEIGHT:
            raise ModelError(
                f"Layer {layer.name} has weights of {layer.weight.min()}; some processors multiply them wrongly.",
                f"Keep its weights at {SAFE_WEIGHT} or above; `python -m train` does.",
            )
    for what, value, end in (
        ("accumulated sum", accumulator, limit),
        ("leak product", max(bounds.leak_product, bounds.membrane, bounds.current), EXACT_DOUBLE),
    ):
        if value >= end:
            raise ModelError(
                f"Layer {layer.name}: its {what} can reach {value}, but exact arithmetic ends at {end}.",
                "Train with fewer or smaller weights and biases, or a smaller shift of this layer.",
            )


def carrier_of(bounds: Range) -> int:
    """Element type that holds the layer's currents and membranes exactly."""
    return TensorProto.FLOAT if max(bounds.leak_product, bounds.membrane) < EXACT_FLOAT else TensorProto.DOUBLE


def _is_integer_product(layer: Layer, bounds: Range) -> bool:
    """Whether synapses run as int8 × uint8 → int32 instead of float32."""
    if _low_bits(bounds) > SAFE_BITS:
        return False
    if layer.kind == "conv":
        # Features are signed and few. Of spikes, the shipped networks' layers take a third to two thirds of the time
        # so; on pictures four times as large it is no faster, and the patches take a third more memory.
        return bounds.input_index > 0
    return layer.weight.size > MANY_WEIGHTS or bounds.accumulator >= EXACT_FLOAT


def synapses(graph: Graph, layer: Layer, x: str, bounds: Range) -> str:
    """Current of a layer for all steps at once, in its carrier, [T·N, neurons], channels last.

    Args:
        graph: takes the nodes.
        layer: the layer.
        x: features, float32 [N, bands, frames], or spikes, bool [T·N, neurons] of the layer before.
        bounds: proven ranges.
    """
    x = _inputs(graph, x, layer, bounds)
    if _is_integer_product(layer, bounds):
        x = _factors(graph, x, layer, bounds)
        sums = (
            _patch_product(graph, x, layer, bounds) if layer.kind == "conv" else _dense_product(graph, x, layer, bounds)
        )
        bias = graph.constant(layer.bias, f"{layer.name}.bias")
        neurons = prod(layer.output_shape(bounds.input_shape))
        sums = graph.node("Add", [sums, graph.tiled(bias, neurons // layer.channels)])
        return _shift(graph, sums, layer.shift, bounds, TensorProto.INT32)
    x = x if _are_numbers(layer, bounds) else graph.floats(x)
    sums = _convolution(graph, x, layer, bounds) if layer.kind == "conv" else _dense(graph, x, layer)
    return _shift(graph, sums, layer.shift, bounds)


def _are_numbers(layer: Layer, bounds: Range) -> bool:
    """Whether inputs are float32 (features, or sums of spikes) and not bool."""
    return bounds.input_index == 0 or layer.pool != "none"


def _inputs(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    """What the synapses see, after pooling: [T·N, inputs] for a dense layer, [T·N, bands, frames, channels] for others.

    A dense layer counts its inputs channels first.
    """
    channels, bands, frames = bounds.input_shape
    if layer.pool != "none":
        x = x if bounds.input_index == 0 else graph.floats(x)
        pool = (1, frames) if layer.pool == "global_sum" else layer.pool_size
        x = _sum_pool(graph, x, bounds.input_shape, pool)
    channels, bands, frames = layer.pooled_shape(bounds.input_shape)
    if layer.kind == "dense" and channels > 1 and bands * frames > 1:
        x = graph.node("Transpose", [graph.shape(x, [-1, bands, frames, channels])], perm=[0, 3, 1, 2])
    return graph.shape(x, [-1, channels * bands * frames] if layer.kind == "dense" else [-1, bands, frames, channels])


def _sum_pool(graph: Graph, x: str, shape: tuple[int, int, int], pool: tuple[int, int]) -> str:
    """Sums of float32 inputs over patches, channels last; what is left over at the ends is left out."""
    channels, bands, frames = shape
    rows, columns = bands // pool[0], frames // pool[1]
    x = graph.shape(x, [-1, bands, frames, channels])
    if (rows * pool[0], columns * pool[1]) != (bands, frames):
        ends = graph.constant(np.array([rows * pool[0], columns * pool[1]], np.int64))
        starts, axes = graph.constant(np.array([0, 0], np.int64)), graph.constant(np.array([1, 2], np.int64))
        x = graph.node("Slice", [x, starts, ends, axes])
    return graph.total(graph.shape(x, [-1, rows, pool[0], columns, pool[1], channels]), [2, 4])


def _dense(graph: Graph, x: str, layer: Layer) -> str:
    """Sums of float32 inputs, [T·N, out]."""
    weight = graph.floats(graph.constant(layer.weight.T, f"{layer.name}.weight"))
    bias = graph.floats(graph.constant(layer.bias, f"{layer.name}.bias"))
    return graph.node("Add", [graph.node("MatMul", [x, weight]), bias])


def _convolution(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    """Sums of float32 inputs, the greatest of each max-pool, [T·N, neurons]."""
    channels, bands, frames = layer.pooled_shape(bounds.input_shape)
    weight = graph.floats(graph.constant(layer.weight, f"{layer.name}.weight"))
    bias = graph.floats(graph.constant(layer.bias, f"{layer.name}.bias"))
    size, pads = list(layer.weight.shape[2:]), _pads(layer, bounds.input_shape)
    one = channels == 1
    x = graph.shape(x, [-1, 1, bands, frames]) if one else graph.node("Transpose", [x], perm=[0, 3, 1, 2])
    sums = graph.node("Conv", [x, weight, bias], kernel_shape=size, strides=list(layer.stride), pads=pads)
    if layer.max_pool != (1, 1):
        pool = list(layer.max_pool)
        sums = graph.node("MaxPool", [sums], kernel_shape=pool, strides=pool)
    sums = graph.node("Transpose", [sums], perm=[0, 2, 3, 1])
    return graph.shape(sums, [-1, prod(layer.output_shape(bounds.input_shape))])


def _factors(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    """Inputs as they go into an integer product: uint8 where they fit, else float32."""
    if bounds.input_low == 0 and _low_bits(bounds) == 0:
        return graph.node("Cast", [x], to=TensorProto.UINT8)
    return x if _are_numbers(layer, bounds) else graph.floats(x)


def _dense_product(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    """Sums of whole inputs without bias, int32 [T·N, out]."""
    return _integer_product(graph, x, graph.constant(layer.weight.T, f"{layer.name}.weight"), layer, bounds)


def _patch_product(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    """Sums of a convolution without bias, the greatest of each max-pool, int32 [T·N, neurons].

    One product with the patches as its rows: to copy them takes little time while they are bytes, and the product of
    bytes is several times as fast as a convolution of floats.
    """
    channels = layer.pooled_shape(bounds.input_shape)[0]
    (above, before), width = layer.padding, channels * prod(layer.weight.shape[2:])
    if above or before:
        x = graph.node("Pad", [x, graph.constant(np.array([0, above, before, 0] * 2, np.int64))])
    patches = gathered_patches(graph, x, layer, bounds.input_shape)
    weight = graph.constant(layer.weight, f"{layer.name}.weight")
    weight = graph.shape(graph.node("Transpose", [weight], perm=[2, 3, 1, 0]), [width, layer.channels])
    sums = _integer_product(graph, patches, weight, layer, bounds)
    merged, neurons = prod(layer.max_pool), prod(layer.output_shape(bounds.input_shape))
    if merged == 1:
        return graph.shape(sums, [-1, neurons])
    runs = graph.shape(sums, [-1, merged, neurons])
    return graph.node("ReduceMax", [runs, graph.constant(np.array([1], np.int64))], keepdims=0)


def _integer_product(graph: Graph, x: str, weight: str, layer: Layer, bounds: Range) -> str:
    """Sums int32 [rows, out] of inputs as `_factors` gives them, [rows, in], and int8 weights [in, out]."""
    least, bits = bounds.input_low, _low_bits(bounds)
    if least == 0 and bits == 0:
        return graph.node("MatMulInteger", [x, weight])
    if least:
        x = graph.node("Sub", [x, graph.constant(float(least))])
    # x = 2^bits · upper + lower, as two rows of one product: the weights, which are what takes time, are read once
    upper = graph.node("Floor", [graph.node("Mul", [x, graph.constant(2.0**-bits)])])
    lower = graph.node("Sub", [x, graph.node("Mul", [upper, graph.constant(2.0**bits)])])
    rows = graph.node("Cast", [graph.concat([upper, lower], 0)], to=TensorProto.UINT8)
    sums = graph.split(graph.node("MatMulInteger", [rows, weight]), 2)
    product = graph.node("Add", [graph.node("Mul", [sums[0], graph.constant(np.array(1 << bits, np.int32))]), sums[1]])
    if least:
        shifted_by = least * layer.weight.sum(axis=1, dtype=np.int32)
        product = graph.node("Add", [product, graph.constant(shifted_by.astype(np.int32))])
    return product


def _low_bits(bounds: Range) -> int:
    """Bits to split off an input, measured from its least value, so that what is left is safe in a product."""
    return max(0, (bounds.input_high - bounds.input_low).bit_length() - SAFE_BITS)


def _pads(layer: Layer, shape: tuple[int, int, int]) -> list[int]:
    """Padding of a convolution: what a max-pool would leave out as a remainder is not computed."""
    begins, ends = layer.padding, list(layer.padding)
    if layer.max_pool != (1, 1):
        used = (n * m for n, m in zip(layer.output_shape(shape)[1:], layer.max_pool, strict=True))
        sizes = zip(used, layer.stride, layer.weight.shape[2:], layer.pooled_shape(shape)[1:], begins, strict=True)
        ends = [max(0, (n - 1) * stride + kernel - size - begin) for n, stride, kernel, size, begin in sizes]
    return [*begins, *ends]


def _shift(graph: Graph, sums: str, shift: int, bounds: Range, found: int = TensorProto.FLOAT) -> str:
    """Current in its carrier, of accumulated sums that came as `found`."""
    carrier = carrier_of(bounds)
    # int32 sums may be too long for float32 until they are shifted
    wide = TensorProto.DOUBLE if shift < 0 and bounds.accumulator >= EXACT_FLOAT else carrier
    current = graph.cast(sums, wide, found)
    if shift:
        current = graph.node("Mul", [current, graph.number(2.0**shift, wide)])
    if shift < 0:
        current = graph.node("Floor", [current])
    return graph.cast(current, carrier, wide)
