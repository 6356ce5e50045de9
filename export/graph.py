"""An integer network as an ONNX graph, built node by node and unrolled over time steps.

The graph computes layer by layer, not step by step: a layer's synapses have no memory, so they run once for all time
steps (the steps lie one behind the other along the batch axis), and only the neurons' few element-wise operations
are unrolled. The first layer's current does not change from step to step and is computed once.

Integers are carried in float32 where `export.bounds` proves that every sum, partial sum and product stays below 2²⁴
(such float arithmetic is exact, in any order, on any processor, and its kernels are the fast ones); large dense
layers multiply uint8 by int8 into int32, and membranes that float32 could not carry are float64, exact below 2⁵³. A
network that fits none of these is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_daemon.bundle import WEIGHT_OFFSET, LayerDocument, ModelMetadata, NetworkDocument, write
from edge_daemon.errors import ModelError
from edge_daemon.network import IntegerNetwork, Layer
from edge_daemon.neuron import UNIT_LEAK
from export.bounds import Range, ranges

OPSET = 18
IR_VERSION = 9
EXACT_FLOAT = 1 << 24
"""Integers of smaller magnitude are exact in float32."""
EXACT_DOUBLE = 1 << 53
EXACT_INT = 1 << 31
MANY_WEIGHTS = 1 << 16
"""Dense layers with more weights stay int8 in memory; smaller ones are faster as float32."""


def network_document(network: IntegerNetwork) -> NetworkDocument:
    """The network without its arrays, as the model file's metadata holds it."""
    return NetworkDocument(
        time_steps=network.time_steps,
        stem=network.stem,
        input_mode=network.input_mode,
        layers=tuple(
            LayerDocument(
                name=layer.name,
                kind=layer.kind,
                reset=layer.reset,
                shift=layer.shift,
                stride=layer.stride,
                padding=layer.padding,
                max_pool=layer.max_pool,
                pool=layer.pool,
                pool_size=layer.pool_size,
            )
            for layer in network.layers
        ),
    )


def model_file(network: IntegerNetwork, metadata: ModelMetadata) -> bytes:
    """The bytes of a model file: graph and metadata.

    Raises:
        ModelError: a number could leave the arithmetic that carries it, with the layer's name and the number.
    """
    if metadata.network != network_document(network):
        raise ModelError("The metadata describes another network.", "Make it with network_document(network).")
    return write(build(network, metadata).SerializeToString(), metadata)


def build(network: IntegerNetwork, metadata: ModelMetadata) -> onnx.ModelProto:
    """The graph alone; raises `ModelError` as `model_file` does."""
    graph = _Graph()
    bands, frames = network.input_shape
    batch_major = _first_current(graph, network, ranges(network)[0])
    totals: list[str] = []
    spikes = membrane = ""
    for number, (layer, layer_range) in enumerate(zip(network.layers, ranges(network), strict=True)):
        _check(layer, layer_range)
        if number == 0:
            currents = _first_currents(graph, network, batch_major)
        else:
            current = _synapses(graph, layer, spikes, layer_range)
            currents = graph.split(current, network.time_steps)
        steps, membrane = _neurons(graph, layer, currents, _carrier(layer_range))
        spikes = graph.concat(steps, 0)
        totals.append(_spike_total(graph, spikes, network.time_steps))
    layer_spikes = graph.node("Cast", [graph.concat(totals, 1)], to=TensorProto.INT64)
    counts = _per_step_sum(graph, spikes, network.time_steps, network.layers[-1].channels)
    score = _score(graph, network, metadata, counts, graph.cast(membrane, TensorProto.DOUBLE, 0))
    graph.output(layer_spikes, "layer_spikes")
    graph.output(graph.node("Cast", [counts], to=TensorProto.INT32), "spike_counts")
    graph.output(score, "score")
    labels = network.layers[-1].channels
    proto = helper.make_graph(
        graph.nodes,
        metadata.name,
        [helper.make_tensor_value_info("features", TensorProto.UINT8, ["N", bands, frames])],
        [
            helper.make_tensor_value_info("spike_counts", TensorProto.INT32, ["N", labels]),
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("layer_spikes", TensorProto.INT64, ["N", len(network.layers)]),
        ],
        graph.tensors,
    )
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="edge_daemon export"
    )
    onnx.checker.check_model(model)
    return model


@dataclass
class _Graph:
    """Nodes and tensors under construction; every method returns the name of what it made."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)
    _constants: dict[tuple[str, bytes, tuple[int, ...]], str] = field(default_factory=dict)
    _count: int = 0

    def node(self, op: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> str:
        return self.node_many(op, inputs, outputs, **attributes)[0]

    def node_many(self, op: str, inputs: list[str], outputs: int, **attributes: Any) -> list[str]:
        names = [f"{op.lower()}_{self._count}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self._count += 1
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names

    def constant(self, value: NDArray[np.generic] | np.generic | float, name: str = "") -> str:
        array = np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        key = (str(array.dtype), array.tobytes(), array.shape)
        if not name and key in self._constants:
            return self._constants[key]
        name = name or f"constant_{len(self.tensors)}"
        self._constants.setdefault(key, name)
        self.tensors.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def number(self, value: float, carrier: int) -> str:
        return self.constant(np.array(value, np.float32 if carrier == TensorProto.FLOAT else np.float64))

    def cast(self, tensor: str, to: int, found: int) -> str:
        return tensor if to == found else self.node("Cast", [tensor], to=to)

    def floats(self, integers: str) -> str:
        return self.node("Cast", [integers], to=TensorProto.FLOAT)

    def shape(self, tensor: str, shape: list[int]) -> str:
        return self.node("Reshape", [tensor, self.constant(np.array(shape, np.int64))])

    def concat(self, parts: list[str], axis: int) -> str:
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, axis=axis)

    def split(self, tensor: str, parts: int) -> list[str]:
        return [tensor] if parts == 1 else self.node_many("Split", [tensor], parts, axis=0, num_outputs=parts)

    def total(self, tensor: str, axes: list[int], keep: bool = False) -> str:
        return self.node("ReduceSum", [tensor, self.constant(np.array(axes, np.int64))], keepdims=int(keep))

    def output(self, tensor: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [tensor], [name]))


def _check(layer: Layer, bounds: Range) -> None:
    """Refuse what the arithmetic could not carry, whatever the input."""
    limit = EXACT_INT if _is_integer_product(layer, bounds) else EXACT_FLOAT
    for what, value, end in (
        ("accumulated sum", bounds.accumulator, limit),
        ("leak product", max(bounds.leak_product, bounds.membrane, bounds.current), EXACT_DOUBLE),
    ):
        if value >= end:
            raise ModelError(
                f"Layer {layer.name}: its {what} can reach {value}, and exact arithmetic ends at {end}.",
                "Train with fewer or smaller weights and biases, or a smaller shift of this layer.",
            )


def _carrier(bounds: Range) -> int:
    """Element type that holds the layer's currents and membranes exactly."""
    return TensorProto.FLOAT if max(bounds.leak_product, bounds.membrane) < EXACT_FLOAT else TensorProto.DOUBLE


def _is_integer_product(layer: Layer, bounds: Range) -> bool:
    """Whether synapses run as int8 × uint8 → int32 instead of float32."""
    if layer.kind != "dense" or bounds.input_low < 0 or bounds.input_high > 255:
        return False
    return layer.weight.size > MANY_WEIGHTS or bounds.accumulator >= EXACT_FLOAT


def _prepare(graph: _Graph, network: IntegerNetwork) -> str:
    """The stem, float32 [N, bands, frames]."""
    x = graph.floats("features")
    frames = network.input_shape[1]
    if network.stem == "band_mean":
        total = graph.total(x, [2], keep=True)
        raised = graph.node("Add", [total, graph.constant(float(frames // 2))])
        # (total + half)/frames is at least 1/frames away from the next integer, so rounding cannot cross it
        mean = graph.node("Floor", [graph.node("Div", [raised, graph.constant(float(frames))])])
        x = graph.node("Sub", [x, mean])
    elif network.stem == "band_median":
        k = graph.constant(np.array([(frames - 1) // 2 + 1], np.int64))
        # the greatest of the k smallest; selecting them is quicker than sorting them
        smallest = graph.node_many("TopK", [x, k], 2, axis=2, largest=0, sorted=0)[0]
        median = graph.node("ReduceMax", [smallest, graph.constant(np.array([2], np.int64))], keepdims=1)
        x = graph.node("Sub", [x, median])
    return x


def _first_current(graph: _Graph, network: IntegerNetwork, bounds: Range) -> str:
    layer = network.layers[0]
    if _is_integer_product(layer, bounds):
        return _synapses(graph, layer, "features", bounds)
    return _synapses(graph, layer, graph.shape(_prepare(graph, network), [-1, 1, *network.input_shape]), bounds)


def _first_currents(graph: _Graph, network: IntegerNetwork, current: str) -> list[str]:
    """The first layer's current of each step; the same tensor T times where it is constant."""
    if network.input_mode == "constant":
        return [current] * network.time_steps
    channels, bands, _ = network.current_shape()
    by_frame = graph.node("Transpose", [current], perm=[3, 0, 1, 2])
    return graph.split(graph.shape(by_frame, [-1, channels, bands, 1]), network.time_steps)


def _synapses(graph: _Graph, layer: Layer, x: str, bounds: Range) -> str:
    """Current of a layer for all steps at once, in its carrier, [T·N, …]."""
    carrier = _carrier(bounds)
    if layer.pool == "sum":
        x = _sum_pool(graph, x, layer, bounds)
    elif layer.pool == "global_sum":
        x = graph.total(x, [3], keep=True)
    bias = graph.constant(layer.bias, f"{layer.name}.bias")
    if layer.kind == "conv":
        weight = graph.floats(graph.constant(layer.weight, f"{layer.name}.weight"))
        (ph, pw), size = layer.padding, list(layer.weight.shape[2:])
        inputs = [x, weight, graph.floats(bias)]
        current = graph.node("Conv", inputs, kernel_shape=size, strides=list(layer.stride), pads=[ph, pw, ph, pw])
        if layer.max_pool != (1, 1):
            pool = list(layer.max_pool)
            current = graph.node("MaxPool", [current], kernel_shape=pool, strides=pool)
        return _shift(graph, current, layer.shift, carrier)
    stored = layer.weight.T
    if _is_integer_product(layer, bounds) and bounds.input_high > 1:
        stored = (stored.astype(np.int16) + WEIGHT_OFFSET).astype(np.uint8)
    weight = graph.constant(stored, f"{layer.name}.weight")
    x = graph.node("Flatten", [x], axis=1)
    if not _is_integer_product(layer, bounds):
        product = graph.node("MatMul", [x, graph.floats(weight)])
        return _shift(graph, graph.node("Add", [product, graph.floats(bias)]), layer.shift, carrier)
    if bounds.input_index > 0:
        x = graph.node("Cast", [x], to=TensorProto.UINT8)
    operands = [x, weight]
    if stored.dtype == np.uint8:
        # The u8 × s8 kernels of x86 processors without VNNI add pairs of products in 16 bits and saturate there;
        # u8 × u8 does not. Spikes of 0 and 1 cannot get that far.
        operands += [graph.constant(np.array(0, np.uint8)), graph.constant(np.array(WEIGHT_OFFSET, np.uint8))]
    accumulated = graph.node("Add", [graph.node("MatMulInteger", operands), bias])
    return _shift(graph, accumulated, layer.shift, carrier, TensorProto.INT32)


def _sum_pool(graph: _Graph, x: str, layer: Layer, bounds: Range) -> str:
    channels, bands, frames = bounds.input_shape
    height, width = layer.pool_size
    rows, columns = bands // height, frames // width
    if (rows * height, columns * width) != (bands, frames):
        ends = graph.constant(np.array([rows * height, columns * width], np.int64))
        starts, axes = graph.constant(np.array([0, 0], np.int64)), graph.constant(np.array([2, 3], np.int64))
        x = graph.node("Slice", [x, starts, ends, axes])
    return graph.total(graph.shape(x, [-1, channels, rows, height, columns, width]), [3, 5])


def _shift(graph: _Graph, accumulated: str, shift: int, carrier: int, found: int = TensorProto.FLOAT) -> str:
    """Current in its carrier, of accumulated sums that came as `found`."""
    # int32 sums may be too long for float32 until they are shifted
    wide = TensorProto.DOUBLE if found == TensorProto.INT32 and shift < 0 else carrier
    current = graph.cast(accumulated, wide, found)
    if shift:
        current = graph.node("Mul", [current, graph.number(2.0**shift, wide)])
    if shift < 0:
        current = graph.node("Floor", [current])
    return graph.cast(current, carrier, wide)


def _neurons(graph: _Graph, layer: Layer, currents: list[str], carrier: int) -> tuple[list[str], str]:
    """Spikes of each step (float32, 0 or 1) and the last membrane, in its carrier."""
    per_channel = [-1, 1, 1] if layer.kind == "conv" else [-1]

    def array(part: str, values: NDArray[np.int32]) -> str:
        stored = graph.constant(values, f"{layer.name}.{part}")
        return graph.shape(graph.cast(stored, carrier, TensorProto.INT32), per_channel)

    threshold = array("threshold", layer.threshold)
    leak = graph.node("Mul", [array("beta", layer.beta_256), graph.number(1.0 / UNIT_LEAK, carrier)])
    spikes: list[str] = []
    membrane = fired = ""
    for current in currents:
        if not spikes:
            membrane = current
        elif layer.reset == "subtract":
            leaked = graph.node("Add", [_leak(graph, layer, membrane, leak), current])
            membrane = graph.node("Sub", [leaked, graph.node("Mul", [fired, threshold])])
        else:
            # `Where` would say it better, but is six times slower than these two
            kept = graph.node("Sub", [membrane, graph.node("Mul", [membrane, fired])])
            membrane = graph.node("Add", [_leak(graph, layer, kept, leak), current])
        above = graph.node("Greater", [membrane, threshold])
        fired = graph.cast(above, carrier, TensorProto.BOOL)
        spikes.append(graph.cast(above, TensorProto.FLOAT, TensorProto.BOOL) if carrier != TensorProto.FLOAT else fired)
    return spikes, membrane


def _leak(graph: _Graph, layer: Layer, membrane: str, leak: str) -> str:
    if (layer.beta_256 == UNIT_LEAK).all():
        return membrane
    return graph.node("Floor", [graph.node("Mul", [membrane, leak])])


def _spike_total(graph: _Graph, spikes: str, steps: int) -> str:
    """Spikes of a layer over neurons and steps, float32 [N, 1]."""
    flat = graph.node("Flatten", [spikes], axis=1)
    return _per_step_sum(graph, graph.total(flat, [1], keep=True), steps, 1)


def _per_step_sum(graph: _Graph, tensor: str, steps: int, width: int) -> str:
    """Sum over steps, [N, width] from [T·N, width]."""
    return graph.total(graph.shape(tensor, [steps, -1, width]), [0])


def _score(graph: _Graph, network: IntegerNetwork, metadata: ModelMetadata, counts: str, membrane: str) -> str:
    """Readout and calibration, as `edge_daemon.network.readout` and `edge_daemon.calibration` define them."""
    last = network.layers[-1]
    wide = graph.cast(counts, TensorProto.DOUBLE, TensorProto.FLOAT)
    drive = graph.node("Add", [membrane, graph.node("Mul", [wide, graph.constant(last.threshold.astype(np.float64))])])
    evidence = graph.node("Div", [graph.floats(drive), graph.constant(last.threshold.astype(np.float32))])
    labels = last.channels
    call = graph.node("Gather", [evidence, graph.constant(np.array(network.call_label, np.int64))], axis=1)
    rest = np.array([label for label in range(labels) if label != network.call_label], np.int64)
    others = graph.node("Gather", [evidence, graph.constant(rest)], axis=1)
    best = graph.node("ReduceMax", [others, graph.constant(np.array([1], np.int64))], keepdims=0)
    margin = graph.node("Sub", [call, best])
    heights, slopes = metadata.calibration.tables()
    pieces = float(len(heights))
    place = graph.node("Sub", [margin, graph.constant(float(metadata.calibration.low))])
    place = graph.node("Mul", [place, graph.constant(float(1.0 / metadata.calibration.spacing))])
    place = graph.node("Clip", [place, graph.constant(0.0), graph.constant(pieces)])
    piece = graph.node("Min", [graph.node("Floor", [place]), graph.constant(pieces - 1.0)])
    index = graph.node("Cast", [piece], to=TensorProto.INT64)
    rise = graph.node("Mul", [graph.node("Gather", [graph.constant(slopes), index]), graph.node("Sub", [place, piece])])
    return graph.node("Add", [graph.node("Gather", [graph.constant(heights), index]), rise])
