"""The integer neuron: leaky integrate-and-fire in whole numbers.

A neuron keeps one number, its membrane U. Each time step it leaks a little, adds the current I that arrives through
its synapses, and fires a spike when U passes the threshold θ; the step after a spike it is reset. In real numbers
(snnTorch's `Leaky`, delayed reset)::

    subtract:  U[t+1] = β·U[t] + I[t+1] − S[t]·θ          zero:  U[t+1] = β·(1 − S[t])·U[t] + I[t+1]
    S[t+1]  = 1 where U[t+1] > θ, else 0

Here every quantity is an integer: the leak is k/256 with k = round(256·β), and a product with it is rounded down::

    β·U  ≡  floor(k·U / 256)  =  (k·U) >> 8

This page is the only definition. The trainer's quantised forward pass, the ONNX graph, the event-driven backend and
the chip simulators all compute these integers, so a window gives the same spikes on every machine, bit for bit.
"""

from __future__ import annotations

from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

Reset = Literal["subtract", "zero"]
"""The reset rules. Who decides by them does so in a `match` with `assert_never`: mypy finds what a new one needs."""

LEAK_BITS = 8
"""The leak is a fraction of 2⁸."""
UNIT_LEAK = 1 << LEAK_BITS
"""k of a neuron that does not leak."""


def shift_current(accumulated: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """Bring accumulated products to the membrane's unit: times 2^shift, rounded down.

    Args:
        accumulated: int64, sums of weight × input.
        shift: bits; positive gives the membrane fraction bits, negative takes accuracy away.
    """
    return accumulated << shift if shift >= 0 else accumulated >> -shift


def leak_fraction_bits(beta_256: NDArray[np.int32]) -> int:
    """Bits of fraction that a product with the leak gains: 8 less the zeros at the end of k; 0 where k is 0 or 256.

    A whole number with so many zero bits at its end is leaked without rounding. The most that any of the leaks needs.
    """
    return max((LEAK_BITS - min(LEAK_BITS, (k & -k).bit_length() - 1) if k else 0) for k in beta_256.tolist())


def step(
    membrane: NDArray[np.int64],
    spikes: NDArray[np.bool_],
    current: NDArray[np.int64],
    beta_256: NDArray[np.int64],
    threshold: NDArray[np.int64],
    reset: Reset,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """One time step of neurons.

    Args:
        membrane: int64, U after the step before (zeros at first).
        spikes: bool, S of the step before (False at first).
        current: int64, I of this step.
        beta_256: int64, k in 0…256, broadcastable.
        threshold: int64, θ > 0, broadcastable.
        reset: what a spike does to the membrane in the step after it.

    Returns:
        membrane and spikes of this step, shaped as `current`.
    """
    match reset:
        case "subtract":
            after = ((beta_256 * membrane) >> LEAK_BITS) + current - spikes * threshold
        case "zero":
            after = ((beta_256 * np.where(spikes, 0, membrane)) >> LEAK_BITS) + current
        case _:
            assert_never(reset)
    return after, after > threshold
