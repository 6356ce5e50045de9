"""Synapses of a layer in an ONNX graph: in which arithmetic they are exact, and their nodes.

Integers are carried in float32 where `export.bounds` proves that every sum, partial sum and product stays below 2²⁴;
wide dense layers multiply uint8 by int8 into int32. The kernels for that differ: two kinds of processors add pairs of
products in 16 bits, so inputs and weights are kept where no pair can leave those.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from edge_daemon.errors import ModelError
from edge_daemon.network import Layer
from export.bounds import Range
from export.nodes import Graph

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
    """Refuse what the arithmetic could not carry, whatever the input."""
    limit, accumulator = EXACT_FLOAT, bounds.accumulator
    if _is_integer_product(layer, bounds):
        # inputs below zero are lifted by the least one, in every synapse at worst
        lifted = -bounds.input_low * int(np.abs(layer.weight).sum(axis=1, dtype=np.int64).max())
        limit, accumulator = EXACT_INT, accumulator + lifted
        if int(layer.weight.min()) < SAFE_WEIGHT:
            raise ModelError(
                f"Layer {layer.name} has weights of {layer.weight.min()}; some processors' int8 products err on them.",
                f"Keep its weights at {SAFE_WEIGHT} or above; `python -m train` does.",
            )
    for what, value, end in (
        ("accumulated sum", accumulator, limit),
        ("leak product", max(bounds.leak_product, bounds.membrane, bounds.current), EXACT_DOUBLE),
    ):
        if value >= end:
            raise ModelError(
                f"Layer {layer.name}: its {what} can reach {value}, and exact arithmetic ends at {end}.",
                "Train with fewer or smaller weights and biases, or a smaller shift of this layer.",
            )


def carrier_of(bounds: Range) -> int:
    """Element type that holds the layer's currents and membranes exactly."""
    return TensorProto.FLOAT if max(bounds.leak_product, bounds.membrane) < EXACT_FLOAT else TensorProto.DOUBLE


def _is_integer_product(layer: Layer, bounds: Range) -> bool:
    """Whether synapses run as int8 × uint8 → int32 instead of float32."""
    if layer.kind != "dense" or _low_bits(bounds) > SAFE_BITS:
        return False
    return layer.weight.size > MANY_WEIGHTS or bounds.accumulator >= EXACT_FLOAT


def synapses(graph: Graph, layer: Layer, x: str, bounds: Range) -> str:
    """Current of a layer for all steps at once, in its carrier, [T·N, …], of features or of spikes (bool)."""
    carrier = carrier_of(bounds)
    bias = graph.constant(layer.bias, f"{layer.name}.bias")
    if _is_integer_product(layer, bounds):
        accumulated = graph.node("Add", [_integer_product(graph, layer, x, bounds), bias])
        return _shift(graph, accumulated, layer.shift, carrier, TensorProto.INT32)
    if bounds.input_index > 0:
        x = graph.floats(x)
    x = _pooled(graph, x, layer, bounds)
    if layer.kind == "dense":
        weight = graph.floats(graph.constant(layer.weight.T, f"{layer.name}.weight"))
        product = graph.node("MatMul", [graph.node("Flatten", [x], axis=1), weight])
        return _shift(graph, graph.node("Add", [product, graph.floats(bias)]), layer.shift, carrier)
    weight = graph.floats(graph.constant(layer.weight, f"{layer.name}.weight"))
    size, pads = list(layer.weight.shape[2:]), _pads(layer, bounds.input_shape)
    inputs = [x, weight, graph.floats(bias)]
    current = graph.node("Conv", inputs, kernel_shape=size, strides=list(layer.stride), pads=pads)
    if layer.max_pool != (1, 1):
        pool = list(layer.max_pool)
        current = graph.node("MaxPool", [current], kernel_shape=pool, strides=pool)
    return _shift(graph, current, layer.shift, carrier)


def _integer_product(graph: Graph, layer: Layer, x: str, bounds: Range) -> str:
    """Sums of int8 weights × whole inputs, int32 [T·N, out]; x as for `synapses`."""
    if layer.pool != "none":
        x = _pooled(graph, graph.floats(x), layer, bounds)
    x = graph.node("Flatten", [x], axis=1)
    weight = graph.constant(layer.weight.T, f"{layer.name}.weight")
    least, bits = bounds.input_low, _low_bits(bounds)
    if least == 0 and bits == 0:
        return graph.node("MatMulInteger", [graph.node("Cast", [x], to=TensorProto.UINT8), weight])
    x = graph.floats(x)
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


def _pooled(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    """Sums of float32 spikes over patches or frames; x itself where nothing is pooled."""
    if layer.pool == "sum":
        return _sum_pool(graph, x, layer, bounds)
    return graph.total(x, [3], keep=True) if layer.pool == "global_sum" else x


def _pads(layer: Layer, shape: tuple[int, int, int]) -> list[int]:
    """Padding of a convolution: what a max-pool would leave out as a remainder is not computed."""
    begins, ends = layer.padding, list(layer.padding)
    if layer.max_pool != (1, 1):
        used = (n * m for n, m in zip(layer.output_shape(shape)[1:], layer.max_pool, strict=True))
        sizes = zip(used, layer.stride, layer.weight.shape[2:], layer.pooled_shape(shape)[1:], begins, strict=True)
        ends = [max(0, (n - 1) * stride + kernel - size - begin) for n, stride, kernel, size, begin in sizes]
    return [*begins, *ends]


def _sum_pool(graph: Graph, x: str, layer: Layer, bounds: Range) -> str:
    channels, bands, frames = bounds.input_shape
    height, width = layer.pool_size
    rows, columns = bands // height, frames // width
    if (rows * height, columns * width) != (bands, frames):
        ends = graph.constant(np.array([rows * height, columns * width], np.int64))
        starts, axes = graph.constant(np.array([0, 0], np.int64)), graph.constant(np.array([2, 3], np.int64))
        x = graph.node("Slice", [x, starts, ends, axes])
    return graph.total(graph.shape(x, [-1, channels, rows, height, columns, width]), [3, 5])


def _shift(graph: Graph, accumulated: str, shift: int, carrier: int, found: int = TensorProto.FLOAT) -> str:
    """Current in its carrier, of accumulated sums that came as `found`."""
    # int32 sums may be too long for float32 until they are shifted
    wide = TensorProto.DOUBLE if found == TensorProto.INT32 and shift < 0 else carrier
    current = graph.cast(accumulated, wide, found)
    if shift:
        current = graph.node("Mul", [current, graph.number(2.0**shift, wide)])
    if shift < 0:
        current = graph.node("Floor", [current])
    return graph.cast(current, carrier, wide)
