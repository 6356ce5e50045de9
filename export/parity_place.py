"""Where two implementations of a network part: the first layer, time step and neuron whose spikes differ.

Totals tell that a window went wrong, and all that follows a wrong spike is wrong too. So the one window is run again
with all spikes kept, on both sides, and compared from the first layer on, step by step: the first difference is where
the defect is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, run

Spikes = Callable[[NDArray[np.uint8]], Sequence[NDArray[np.bool_]]]
"""Spikes of every layer, bool [T, N, …] each, for features uint8 [N, bands, frames]."""


def first_difference(network: IntegerNetwork, window: NDArray[np.uint8], spikes: Spikes) -> str:
    """The first neuron that spikes in one of the two alone, as the end of a sentence; empty where none does.

    Args:
        network: for the reference.
        window: uint8 [1, bands, frames].
        spikes: of the other implementation.
    """
    trace = run(network, window, keep=True)
    for number, found in enumerate(spikes(window)):
        layer, expected = network.layers[number], trace.spikes[number]
        differing = np.argwhere(found.reshape(expected.shape) != expected)
        if len(differing):
            place = tuple(int(index) for index in differing[0])
            step, _, channel, band, frame = place
            only = "the reference alone spikes" if expected[place] else "the reference does not spike"
            membrane, threshold = trace.membranes[number][place], layer.threshold[channel]
            return (
                f" It arose in layer {layer.name} at step {step}, channel {channel}, band {band}, frame {frame}:"
                f" {only}, at a membrane of {membrane} and a threshold of {threshold}."
            )
    return ""


def graph_spikes(model: ModelFile, network: IntegerNetwork, optimised: bool) -> Spikes:
    """Spikes of a model file's graph, its inner tensors made outputs.

    Args:
        model: the file.
        network: for the time steps.
        optimised: whether ONNX Runtime may optimise; a defect of its optimiser may vanish with the new outputs.
    """
    proto = onnx.load_from_string(bytes(model.data))
    names = _spike_tensors(proto)
    proto.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.BOOL, None) for name in names)
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def spikes(features: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
        found = session.run(names, {"features": features})
        shapes = [
            (bands, frames, channels) for channels, bands, frames in network.shapes()[1:]
        ]  # as the graph has them
        return [
            np.moveaxis(part.reshape(network.time_steps, len(features), *shape), -1, 2)
            for part, shape in zip(found, shapes, strict=True)
        ]

    return spikes


def _spike_tensors(proto: onnx.ModelProto) -> list[str]:
    """Names of the tensors whose sums are the output `layer_spikes`: upwards from there to what is cast to numbers."""
    makers = {name: node for node in proto.graph.node for name in node.output}
    cast = makers[makers["layer_spikes"].input[0]]
    joint = makers[cast.input[0]]
    names = []
    for total in joint.input if joint.op_type == "Concat" else [cast.input[0]]:
        node = makers[total]
        while node.op_type != "Cast" or node.input[0] not in makers or makers[node.input[0]].op_type == "ReduceSum":
            node = makers[node.input[0]]
        names.append(node.input[0])
    return names
