"""An integer network as an ONNX graph, built node by node and unrolled over time steps.

The graph computes layer by layer, not step by step: a layer's synapses have no memory, so they run once for all time
steps (the steps lie one behind the other along the batch axis), and only the neurons' few element-wise operations
are unrolled. The first layer's current does not change from step to step and is computed once. Channels come last:
a convolution of spikes is one matrix product then, and what neurons do is one run over all of them.

Integers are carried in float32 where `export.bounds` proves that every sum, partial sum and product stays below 2²⁴
(such float arithmetic is exact, in any order, on any processor); spikes of convolutions and of large dense layers are
multiplied as uint8 by int8 into int32, and membranes that float32 could not carry are float64, exact below 2⁵³. A
network that fits none of these is refused.
"""

from __future__ import annotations

from math import prod
from typing import assert_never

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edge_daemon.errors import ModelError
from edge_daemon.model.model_file import LayerDocument, ModelMetadata, NetworkDocument, write
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.neuron import UNIT_LEAK
from export.bounds import ranges
from export.nodes import Graph
from export.stem import prepare
from export.synapses import EXACT_FLOAT, carrier_of, check, synapses

OPSET = 18
IR_VERSION = 9


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
        raise ModelError("The metadata describes a different network.", "Make it with network_document(network).")
    return write(build(network, metadata).SerializeToString(), metadata)


def build(network: IntegerNetwork, metadata: ModelMetadata) -> onnx.ModelProto:
    """The graph alone; raises `ModelError` as `model_file` does."""
    graph = Graph()
    bands, frames = network.input_shape
    shapes = network.shapes()[1:]
    totals: list[str] = []
    most_spikes = [prod(shape) * network.time_steps for shape in shapes]
    spikes = membrane = ""
    for number, (layer, layer_range) in enumerate(zip(network.layers, ranges(network), strict=True)):
        check(layer, layer_range)
        if number == 0:
            currents = _first_currents(graph, network, synapses(graph, layer, prepare(graph, network), layer_range))
        else:
            current = synapses(graph, layer, spikes, layer_range)
            currents = graph.split(current, network.time_steps)
        width = prod(shapes[number]) // layer.channels
        spikes, membrane = _neurons(graph, layer, width, currents, carrier_of(layer_range))
        totals.append(_spike_total(graph, spikes, network.time_steps, most_spikes[number]))
    if max(most_spikes) >= EXACT_FLOAT:
        totals = [
            graph.cast(total, TensorProto.DOUBLE, _total_carrier(most))
            for total, most in zip(totals, most_spikes, strict=True)
        ]
    layer_spikes = graph.node("Cast", [graph.concat(totals, 1)], to=TensorProto.INT64)
    counts = _per_step_sum(graph, graph.floats(spikes), network.time_steps, network.layers[-1].channels)
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


def _first_currents(graph: Graph, network: IntegerNetwork, current: str) -> list[str]:
    """The first layer's current of each step; the same tensor T times where it is constant."""
    if network.input_mode == "constant":
        return [current] * network.time_steps
    channels, bands, frames = network.current_shape()
    pictures = graph.shape(current, [-1, bands, frames, channels])
    by_frame = graph.node("Transpose", [pictures], perm=[2, 0, 1, 3])
    return graph.split(graph.shape(by_frame, [-1, bands * channels]), network.time_steps)


def _neurons(graph: Graph, layer: Layer, width: int, currents: list[str], carrier: int) -> tuple[str, str]:
    """Spikes of all steps, bool [T·N, neurons], and the last membrane, in its carrier; `width` neurons a channel."""

    def array(part: str, values: NDArray[np.int32]) -> str:
        stored = graph.cast(graph.constant(values, f"{layer.name}.{part}"), carrier, TensorProto.INT32)
        return graph.tiled(stored, width if len(values) > 1 else 1)

    threshold = array("threshold", layer.threshold)
    leak = graph.node("Mul", [array("beta", layer.beta_256), graph.number(1.0 / UNIT_LEAK, carrier)])
    steps: list[str] = []
    membrane = currents[0]
    match layer.reset:
        case "subtract":
            loss = graph.node("Neg", [threshold])
            for current in currents:
                if steps:
                    reset = graph.node("Mul", [graph.node("Cast", [steps[-1]], to=carrier), loss])
                    membrane = graph.node("Sum", [_leak(graph, layer, membrane, leak), current, reset])
                steps.append(graph.node("Greater", [membrane, threshold]))
            return graph.concat(steps, 0), membrane
        case "zero":
            for current in currents:
                if steps:
                    # `Where` would say it better, but is six times slower than these two
                    kept = graph.node("Mul", [membrane, graph.node("Cast", [steps[-1]], to=carrier)])
                    membrane = graph.node("Add", [_leak(graph, layer, kept, leak), current])
                steps.append(graph.node("LessOrEqual", [membrane, threshold]))
            return graph.node("Not", [graph.concat(steps, 0)]), membrane
        case _:
            assert_never(layer.reset)


def _leak(graph: Graph, layer: Layer, membrane: str, leak: str) -> str:
    if (layer.beta_256 == UNIT_LEAK).all():
        return membrane
    return graph.node("Floor", [graph.node("Mul", [membrane, leak])])


def _total_carrier(most: int) -> int:
    """Element type that holds a sum of at most so many spikes exactly; float32 is the fast one."""
    return TensorProto.FLOAT if most < EXACT_FLOAT else TensorProto.DOUBLE


def _spike_total(graph: Graph, spikes: str, steps: int, most: int) -> str:
    """Spikes of a layer over neurons and steps, `most` at most, in their carrier [N, 1]."""
    carrier = _total_carrier(most)
    numbers = graph.floats(spikes) if carrier == TensorProto.FLOAT else graph.node("Cast", [spikes], to=carrier)
    return _per_step_sum(graph, graph.total(numbers, [1], keep=True), steps, 1)


def _per_step_sum(graph: Graph, tensor: str, steps: int, width: int) -> str:
    """Sum over steps, [N, width] from [T·N, width]."""
    return graph.total(graph.shape(tensor, [steps, -1, width]), [0])


def _score(graph: Graph, network: IntegerNetwork, metadata: ModelMetadata, counts: str, membrane: str) -> str:
    """Readout and calibration, as `model.network.readout` and `model.score_calibration` define them."""
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
