"""Whether a backend can run a network, and if not, every reason why.

A chip has its rules: some reset to zero only, some know no maximum, all have a last neuron. The model file says what
the network needs, the backend's `Capabilities` what it has; where they disagree the model is refused before anything
is computed, in sentences that a modeller can act on.
"""

from __future__ import annotations

from math import prod

import numpy as np

from edge_daemon.backends.base import Capabilities
from edge_daemon.model.network import IntegerNetwork, Layer


def unmet_requirements(network: IntegerNetwork, capabilities: Capabilities) -> list[str]:
    """Reasons why the network cannot be honoured, one sentence each; empty where it can.

    Args:
        network: what is to be run.
        capabilities: what the backend has.
    """
    found: dict[str, list[str]] = {}  # layers by reason: a rule that all of them break is told once
    shapes = network.shapes()
    for number, (layer, before, after) in enumerate(zip(network.layers, shapes[:-1], shapes[1:], strict=True)):
        for reason in _of_layer(layer, number, before, after, capabilities):
            found.setdefault(reason, []).append(layer.name)
    return [f"{_subject(layers, len(network.layers))} {reason}." for reason, layers in found.items()]


def _subject(layers: list[str], of: int) -> str:
    if len(layers) == 1:
        return f"Layer {layers[0]}"
    if len(layers) == of:
        return "Every layer"
    return f"Each of the layers {', '.join(layers[:-1])} and {layers[-1]}"


def _of_layer(
    layer: Layer, number: int, before: tuple[int, int, int], after: tuple[int, int, int], can: Capabilities
) -> list[str]:
    reasons = []
    if layer.reset not in can.resets:
        known = " or ".join(sorted(can.resets))
        reasons.append(f"resets by the rule '{layer.reset}', but the backend supports only '{known}'")
    if layer.kind not in can.layer_kinds:
        reasons.append(f"is of kind '{layer.kind}', which the backend does not support")
    if layer.max_pool != (1, 1) and not can.max_pool:
        reasons.append("max-pools its currents, which the backend cannot do; use strides instead")
    if number and layer.bias.any() and not can.deep_bias:
        reasons.append("has biases, which the backend allows only in the first layer")
    if (bits := weight_bits(layer)) > can.weight_bits:
        reasons.append(f"has weights of {bits} effective bits, but the backend supports {can.weight_bits}")
    if can.max_neurons is not None and (neurons := prod(after)) > can.max_neurons:
        reasons.append(f"has {neurons} neurons, but the backend supports {can.max_neurons} per layer")
    if can.max_fan_in is not None and (synapses := fan_in(layer, before)) > can.max_fan_in:
        reasons.append(f"has {synapses} synapses per neuron, but the backend supports {can.max_fan_in}")
    return reasons


def weight_bits(layer: Layer) -> int:
    """Effective bits of a layer's signed weights: multiples of a power of two need as many bits fewer."""
    weight = layer.weight  # may be tens of megabytes: no copies
    if not weight.any():
        return 1
    used = int(np.bitwise_or.reduce(weight, axis=None))
    grain = used & -used  # lowest bit that any weight has
    low, high = int(weight.min()) // grain, int(weight.max()) // grain
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1


def fan_in(layer: Layer, shape: tuple[int, int, int]) -> int:
    """Synapses of one neuron, spikes summed by a pool counted each; `shape` as for `Layer.pooled_shape`."""
    merged = layer.merged(shape)
    return merged * int(prod(layer.weight.shape[1:]))
