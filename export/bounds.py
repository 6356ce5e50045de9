"""Proof that no number in a network can leave its type, for any input.

Interval arithmetic on the actual weights: the least and greatest sum that synapses can accumulate, then the least
and greatest membrane that a neuron can reach within the time steps. The exporter refuses a network whose bounds do
not fit the arithmetic it would be run in: int32, or float32 where every integer below 2²⁴ is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.neuron import LEAK_BITS, Reset, shift_current


@dataclass(frozen=True)
class Range:
    """How far a layer's numbers can go for any input at all.

    Attributes:
        input_index: the layer's place, 0 for the first.
        input_shape: (channels, bands, frames) that arrive, before pooling.
        input_low: least value at the synapses, after pooling.
        input_high: greatest value at the synapses, after pooling.
        accumulator: greatest magnitude of an accumulated sum, partial sums in any order included.
        current: greatest magnitude of a current.
        membrane: greatest magnitude of a membrane, of the sums on the way to it, and of the read-out.
        leak_product: greatest magnitude of membrane × k, without the factors of two in k, which cost no accuracy.
    """

    input_index: int
    input_shape: tuple[int, int, int]
    input_low: int
    input_high: int
    accumulator: int
    current: int
    membrane: int
    leak_product: int


def ranges(network: IntegerNetwork) -> list[Range]:
    """Proven ranges of each layer."""
    result = []
    for number, (layer, shape) in enumerate(zip(network.layers, network.shapes()[:-1], strict=True)):
        low, high = input_bounds(network, number)
        least, greatest = accumulator_bounds(layer, low, high)
        currents = shift_current(least, layer.shift), shift_current(greatest, layer.shift)
        threshold = layer.threshold.astype(np.int64)
        beta = layer.beta_256.astype(np.int64)
        lowest, highest = membrane_bounds(*currents, beta, threshold, layer.reset, network.time_steps)
        membrane = _magnitude(lowest, highest)
        if number == len(network.layers) - 1:
            membrane = max(membrane, _magnitude(lowest, highest + network.time_steps * threshold))
        result.append(
            Range(
                input_index=number,
                input_shape=shape,
                input_low=low,
                input_high=high,
                accumulator=_magnitude(least, greatest),
                current=_magnitude(*currents),
                membrane=membrane,
                leak_product=_magnitude(lowest, highest) * max(_odd_part(int(k)) for k in beta),
            )
        )
    return result


def input_bounds(network: IntegerNetwork, number: int) -> tuple[int, int]:
    """Least and greatest value at the synapses of the layer at a place (0 for the first), after its pooling."""
    layer, shape = network.layers[number], network.shapes()[number]
    if number == 0:
        low, high = (0, 255) if network.stem == "none" else (-255, 255)
    else:
        low, high = 0, 1
    merged = layer.merged(shape)
    return low * merged, high * merged


def accumulator_bounds(layer: Layer, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Least and greatest accumulated sum, any partial sum included, for inputs within [low, high].

    Args:
        layer: the layer.
        low: least input value, ≤ 0.
        high: greatest input value, ≥ 0.

    Returns:
        int64 [out] each. Any order of summation stays inside: the negative terms alone, the positive terms alone.
    """
    weight = layer.weight.reshape(layer.channels, -1).astype(np.int64)
    up, down = np.maximum(weight, 0).sum(axis=1), np.minimum(weight, 0).sum(axis=1)
    bias = layer.bias.astype(np.int64)
    return up * low + down * high + np.minimum(bias, 0), up * high + down * low + np.maximum(bias, 0)


def membrane_bounds(
    current_low: NDArray[np.int64],
    current_high: NDArray[np.int64],
    beta_256: NDArray[np.int64],
    threshold: NDArray[np.int64],
    reset: Reset,
    steps: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest and highest value that a membrane, or a sum on the way to it, can take within a number of steps.

    Args:
        current_low: int64, least current of a step, ≤ 0.
        current_high: int64, greatest current of a step, ≥ 0.
        beta_256: int64, k in 0…256.
        threshold: int64, θ > 0.
        reset: the reset rule.
        steps: time steps, ≥ 1.

    Returns:
        Bounds int64, shaped as the broadcast arguments. They hold for every input, by induction over the steps: the
        leak is monotone in U, and a reset takes θ away only above θ (subtract) or puts U at 0 (zero).
    """
    low = np.zeros(np.broadcast(current_low, beta_256, threshold).shape, np.int64)
    high = low.copy()
    worst_low, worst_high = low.copy(), high.copy()
    for _ in range(steps):
        fired = high > threshold
        kept = (beta_256 * np.minimum(high, threshold)) >> LEAK_BITS
        leaked_low = (beta_256 * low) >> LEAK_BITS
        match reset:
            case "subtract":
                least_fired = ((beta_256 * (threshold + 1)) >> LEAK_BITS) - threshold
                most_fired = ((beta_256 * high) >> LEAK_BITS) - threshold
                leaked_low = np.where(fired, np.minimum(leaked_low, least_fired), leaked_low)
                kept = np.where(fired, np.maximum(kept, most_fired), kept)
            case "zero":
                pass  # a neuron that fired begins again at 0, which both bounds have anyway
            case _:
                assert_never(reset)
        low, high = np.minimum(leaked_low, 0) + current_low, np.maximum(kept, 0) + current_high
        # an implementation may add the current before it takes the threshold away, or the other way round
        worst_low = np.minimum(worst_low, np.minimum(low, current_low - threshold))
        worst_high = np.maximum(worst_high, np.where(fired, high + threshold, high))
    return worst_low, worst_high


def _magnitude(low: NDArray[np.int64], high: NDArray[np.int64]) -> int:
    return int(max(-low.min(), high.max(), 0))


def _odd_part(k: int) -> int:
    while k and k % 2 == 0:
        k //= 2
    return k
