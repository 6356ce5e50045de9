"""Portable models as NIR, the exchange format that simulators and chips' tool chains read.

NIR (Pedersen et al., Neuromorphic intermediate representation, Nature Communications 2024) describes neurons by
differential equations, so only the reset to zero and an exact leak survive the crossing. With Euler steps of dt, its
LIF neuron is v ← v + dt/τ·(R·I − v), reset to zero. Our neuron U ← β·U + I is that with

    τ = dt / (1 − β),   R = 1,   W' = W / (1 − β),   b' = b / (1 − β).

All weights, biases and thresholds stay whole multiples of a power of two, so readers that compute in float32 get our
integers exactly; where `export.nir_exact` cannot prove that, the network is refused. Thresholds are written half a unit
higher: readers differ in whether U = θ fires, and halves never occur. Deep biases are refused: a chip that passes
spikes on one step later would apply them too early.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_never

import nir
import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import ModelError, StorageError
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.neuron import UNIT_LEAK
from export.nir_exact import leak_reasons, range_reasons

DT = 2.0**-13
"""Length of a time step, seconds (0.12 ms): NIR needs one, and readers that ask for dt must be given this one. A power
of two, so that τ and dt/τ are exact in float32 whichever of them a reader keeps."""
_EXACT = 1 << 24


def reasons_against(network: IntegerNetwork) -> list[str]:
    """Why a network cannot be written as NIR, a sentence each; empty where it can."""
    found = []
    if network.input_mode != "constant":
        found.append("Its frames are time steps; NIR has no such input.")
    for number, layer in enumerate(network.layers):
        beta = layer.beta_256.astype(np.int64)
        match layer.reset:
            case "subtract":
                found.append(f"Layer {layer.name} resets by subtraction; NIR's neurons reset to a fixed value.")
            case "zero":
                pass
            case _:
                assert_never(layer.reset)
        if layer.max_pool != (1, 1):
            found.append(f"Layer {layer.name} max-pools its current; NIR has no such node.")
        if number and layer.bias.any():
            found.append(f"Layer {layer.name} has biases; readers with a delay a layer apply them too early.")
        if (beta == UNIT_LEAK).any():
            found.append(f"Layer {layer.name} does not leak, so its time constant would be infinite.")
        found += leak_reasons(layer, network.time_steps)
        if layer.shift < 0 and number == 0:
            found.append(f"Layer {layer.name}: its current is rounded; NIR cannot round.")
    if not found:
        found = [reason for number in range(len(network.layers)) for reason in range_reasons(network, number)]
    return found


def to_nir(network: IntegerNetwork) -> Any:
    """The network as a NIR graph.

    Its input is the prepared feature image, [1, bands, frames] (`edge_daemon.model.network.prepare`: where there is a
    stem, the host computes it), given in every time step; fully connected networks take it flattened. Its output are
    the output neurons' spikes. A dense layer on a picture is written as a convolution with a kernel as large as the
    picture: readers do not agree on which axes a flattening node counts.

    Raises:
        ModelError: the network is not portable; every reason is named.
    """
    reasons = reasons_against(network)
    if reasons:
        raise ModelError(
            "This network cannot be written as NIR: " + " ".join(reasons),
            "Train a portable one: python -m train fit --set portable=true.",
        )
    shapes = network.shapes()
    flat = network.layers[0].kind == "dense"
    first = (int(np.prod(shapes[0])),) if flat else shapes[0]
    nodes: dict[str, Any] = {"input": nir.Input(input_type=np.array(first))}
    names = _names(network)
    edges: list[tuple[str, str]] = []
    last = "input"
    for layer, layer_names, before, after in zip(network.layers, names, shapes, shapes[1:], strict=False):
        leak = layer.beta_256.astype(np.float64) / UNIT_LEAK
        gain = (2.0**layer.shift / (1.0 - leak)) * np.ones(layer.channels)
        bias = (layer.bias * gain).astype(np.float32)
        if flat:
            weight = (layer.weight * gain[:, None]).astype(np.float32)
            synapses = nir.Affine(weight=weight, bias=bias) if bias.any() else nir.Linear(weight=weight)
        else:
            kernel, stride, padding = _convolution(layer, before)
            weight = (kernel * gain[:, None, None, None]).astype(np.float32)
            synapses = nir.Conv2d(
                input_shape=before[1:], weight=weight, stride=stride, padding=padding, dilation=1, groups=1, bias=bias
            )
        for name, node in zip(layer_names, (synapses, _neurons(layer, leak, after, flat)), strict=True):
            nodes[name] = node
            edges.append((last, name))
            last = name
    nodes["output"] = nir.Output(output_type=np.array(shapes[-1][:1] if flat else shapes[-1]))
    edges.append((last, "output"))
    metadata = {"dt": DT, "time_steps": network.time_steps, "reset": "zero", "stem": network.stem}
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata)


def write_nir(network: IntegerNetwork, path: Path) -> None:
    """Write the network as a NIR file, whole or not at all; raises `ModelError` as `to_nir` does."""
    graph = to_nir(network)
    fresh = path.with_name(f"{path.name}.tmp")
    try:
        nir.write(fresh, graph)
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", "Check folder and permissions.") from error


def _names(network: IntegerNetwork) -> list[tuple[str, str]]:
    """Names of each layer's two nodes: NAME and NAME_neurons, with underscores added where a name is taken."""
    taken = {"input", "output"}
    names = []
    for layer in network.layers:
        name = layer.name
        while name in taken or f"{name}_neurons" in taken:
            name += "_"
        names.append((name, f"{name}_neurons"))
        taken.update(names[-1])
    return names


def _convolution(
    layer: Layer, shape: tuple[int, int, int]
) -> tuple[NDArray[np.int8], tuple[int, int], tuple[int, int]]:
    """Kernel, stride and padding that do a layer's work on the unpooled spikes, dense or not."""
    if layer.kind == "dense":
        channels, bands, frames = layer.pooled_shape(shape)
        weight, stride, padding = layer.weight.reshape(layer.channels, channels, bands, frames), (1, 1), (0, 0)
    else:
        weight, stride, padding = layer.weight, layer.stride, layer.padding
    if layer.pool == "none":
        return weight, stride, padding
    height, width = layer.pool_size if layer.pool == "sum" else (1, shape[2])
    if layer.kind == "conv" and (shape[1] % height or shape[2] % width) and padding != (0, 0):
        raise ModelError(f"Layer {layer.name}: its sum-pool leaves a remainder in front of padding; NIR cannot say so.")
    # A weight on a pooled sum is the same weight on each of its parts.
    weight = np.kron(weight, np.ones((1, 1, height, width), np.int8))
    if layer.kind == "dense":
        missing = ((0, 0), (0, 0), (0, shape[1] - weight.shape[2]), (0, shape[2] - weight.shape[3]))
        weight = np.pad(weight, missing)
    return weight, (stride[0] * height, stride[1] * width), (padding[0] * height, padding[1] * width)


def _neurons(layer: Layer, leak: NDArray[np.float64], shape: tuple[int, int, int], flat: bool) -> Any:
    full = shape[:1] if flat else shape

    def spread(values: NDArray[np.float64]) -> NDArray[np.float32]:
        shaped = np.broadcast_to(values, (layer.channels,)).reshape(-1, *[1] * (len(full) - 1))
        return np.ascontiguousarray(np.broadcast_to(shaped, full), np.float32)

    threshold = layer.threshold.astype(np.float64) + 0.5
    if threshold.max() >= _EXACT / 2:
        raise ModelError(f"Layer {layer.name}: a threshold of {threshold.max()} and a half is not exact in float32.")
    return nir.LIF(
        tau=spread(DT / (1.0 - leak)),
        r=spread(np.ones(1)),
        v_leak=spread(np.zeros(1)),
        v_threshold=spread(threshold),
        v_reset=spread(np.zeros(1)),
    )
