"""Whether a NIR file's reader that computes in float32 gets our integers exactly: proved, or refused with the reason.

A reader keeps v and steps v ← v + (1 − β)·(W'·x − v), with W' = W/(1 − β). Every number on the way is a whole multiple
of a power of two (its unit), and float32 holds it exactly while it is less than 2²⁴ units:

- 1 − β must be a power of two, 2⁻ᵖ: else neither W' nor the product with 1 − β is exact;
- sums of weights × inputs, in any order, are whole numbers (times a power of two): the accumulator below 2²⁴;
- a current is a multiple of 2^shift, and each step after the first divides the membrane's unit by 2ᵖ, which must not go
  below 1, where the reference would round. In step t both W'·x − v, of the unit of the step before, and the new v stay
  below 2²⁴ of their units.
"""

from __future__ import annotations

import numpy as np

from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.neuron import UNIT_LEAK, leak_fraction_bits, shift_current
from export.bounds import accumulator_bounds, input_bounds, membrane_bounds
from export.synapses import EXACT_FLOAT


def leak_reasons(layer: Layer, steps: int) -> list[str]:
    """Why a layer's leak cannot be had without rounding, a sentence each; empty where it can."""
    found = []
    parts = sorted({UNIT_LEAK - k for k in layer.beta_256.tolist() if k < UNIT_LEAK})  # 256·(1 − β)
    if uneven := [part for part in parts if part & (part - 1)]:
        found.append(
            f"Layer {layer.name}: 1 − β is {uneven[0]}/{UNIT_LEAK}, not a power of 2; weights/(1 − β) are not exact in"
            " float32."
        )
    if leak_fraction_bits(layer.beta_256) * (steps - 1) > max(layer.shift, 0):
        found.append(f"Layer {layer.name}: its leak is rounded within {steps} steps; NIR cannot round.")
    return found


def range_reasons(network: IntegerNetwork, number: int) -> list[str]:
    """Why numbers in a layer could leave what float32 holds exactly, in one sentence; empty where none can.

    Args:
        network: one that resets to zero, and whose leaks give no `leak_reasons`.
        number: the layer's place, 0 for the first.
    """
    layer, steps = network.layers[number], network.time_steps
    name, fraction = f"Layer {layer.name}", leak_fraction_bits(layer.beta_256)
    least, greatest = accumulator_bounds(layer, *input_bounds(network, number))
    accumulator = int(max(-least.min(), greatest.max(), 0))
    if accumulator >= EXACT_FLOAT:
        return [f"{name}: its accumulated sum can reach {accumulator}, but float32 is exact only below {EXACT_FLOAT}."]
    low, high = shift_current(least, layer.shift), shift_current(greatest, layer.shift)
    beta, threshold = layer.beta_256.astype(np.int64), layer.threshold.astype(np.int64)
    drive = int(max(-low.min(), high.max(), 0)) << fraction  # W'·x
    before = 0  # greatest membrane of the step before
    for step in range(1, steps + 1):
        lowest, highest = membrane_bounds(low, high, beta, threshold, layer.reset, step)
        after = int(max(-lowest.min(), highest.max(), 0))
        # what enters a step has the unit of the membrane before; the first step begins at 0, and W' has p bits more
        units = layer.shift - fraction * (step - 2), layer.shift - fraction * (step - 1)
        for value, unit in zip((drive + before, after), units, strict=True):
            if value >= EXACT_FLOAT << max(unit, 0):
                return [
                    f"{name}: a membrane, or a sum on the way to it, can reach {value} in step {step}, but float32 is"
                    f" exact only below {EXACT_FLOAT << max(unit, 0)} there."
                ]
        before = after
    return []
