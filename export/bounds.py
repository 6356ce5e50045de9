"""Proof that no number in a network can leave its type, whatever the input.

Interval arithmetic on the actual weights: the least and greatest sum that synapses can accumulate, then the least
and greatest membrane that a neuron can reach within the time steps. The exporter refuses a network whose bounds do
not fit the arithmetic it would be run in: int32, or float32 where every integer below 2²⁴ is exact.
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from edge_daemon.network import IntegerNetwork, Layer
from edge_daemon.neuron import LEAK_BITS, Reset, shift_current


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


def input_bounds(network: IntegerNetwork) -> list[tuple[int, int]]:
    """Least and greatest value that arrives at each layer's synapses."""
    bounds = [(0, 255) if network.stem == "none" else (-255, 255)]
    shapes = network.shapes()
    for layer, shape in zip(network.layers[1:], shapes[1:], strict=False):
        merged = prod(layer.pool_size) if layer.pool == "sum" else shape[2] if layer.pool == "global_sum" else 1
        bounds.append((0, merged))
    return bounds


def state_bounds(network: IntegerNetwork) -> list[tuple[int, int]]:
    """Least and greatest membrane of each layer, or sum on the way to it, for any input at all."""
    result = []
    for layer, (low, high) in zip(network.layers, input_bounds(network), strict=True):
        least, greatest = accumulator_bounds(layer, low, high)
        lowest, highest = membrane_bounds(
            shift_current(least, layer.shift),
            shift_current(greatest, layer.shift),
            layer.beta_256.astype(np.int64),
            layer.threshold.astype(np.int64),
            layer.reset,
            network.time_steps,
        )
        result.append((int(lowest.min()), int(highest.max())))
    return result


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
        current_low: int64, least current of a step, ≤ 0 allowed.
        current_high: int64, greatest current of a step.
        beta_256: int64, k in 0…256.
        threshold: int64, θ > 0.
        reset: the reset rule.
        steps: time steps, ≥ 1.

    Returns:
        Bounds int64, shaped as the broadcast arguments. They hold for every input, and are proved by induction: the
        leak is monotone in U, a reset only takes away θ > 0 (subtract) or puts U at 0 (zero).
    """
    low = np.zeros(np.broadcast(current_low, beta_256, threshold).shape, np.int64)
    high = low.copy()
    worst_low, worst_high = low.copy(), high.copy()
    for _ in range(steps):
        fired = high > threshold
        leaked_low, leaked_high = (beta_256 * low) >> LEAK_BITS, (beta_256 * high) >> LEAK_BITS
        if reset == "subtract":
            # Only a membrane above θ is reset, so the least after a reset starts from just above θ.
            after_reset = ((beta_256 * (threshold + 1)) >> LEAK_BITS) - threshold
            leaked_low = np.where(fired, np.minimum(leaked_low, after_reset), leaked_low)
            leaked_high = np.where(
                fired,
                np.maximum((beta_256 * np.minimum(high, threshold)) >> LEAK_BITS, leaked_high - threshold),
                leaked_high,
            )
        else:
            leaked_high = (beta_256 * np.minimum(high, threshold)) >> LEAK_BITS
            leaked_low, leaked_high = np.minimum(leaked_low, 0), np.maximum(leaked_high, 0)
        low, high = leaked_low + current_low, leaked_high + current_high
        # an implementation may add the current before it takes the reset away: cover that sum too
        worst_low = np.minimum(worst_low, low)
        worst_high = np.maximum(worst_high, np.where(fired, high + threshold, high))
    return worst_low, worst_high
