"""Leaky integrate-and-fire neurons over all time steps of a window at once.

The numbers are snnTorch's (`snn.Leaky`: delayed reset, fast-sigmoid surrogate, no gradient through the reset), bit for
bit, forwards and backwards; tests compare them. Its own neuron is a step a call, each of a dozen operations that are
kept for the gradient; here a step is four, and all that is kept are the membranes. A sweep of the study's grid goes
through a hundred million of these.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from edge_daemon.model.neuron import Reset

THRESHOLD = 1.0


def integrate(currents: Tensor, beta: Tensor, steps: int, reset: Reset, slope: float) -> tuple[Tensor, Tensor]:
    """Neurons under currents, from rest.

    Args:
        currents: float [T, N, …], or [1, N, …]: the same current at every step.
        beta: leak, float [], 0…1.
        steps: T.
        reset: reset rule.
        slope: of the surrogate.

    Returns:
        Spikes float [T, N, …] and membranes after the last step [N, …].
    """
    spikes, membrane = _Integration.apply(currents, beta, steps, reset == "zero", slope)  # type: ignore[no-untyped-call]
    return spikes, membrane


class _Integration(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, currents: Tensor, beta: Tensor, steps: int, to_zero: bool, slope: float
    ) -> tuple[Tensor, Tensor]:
        shape = (steps, *currents.shape[1:])
        membranes, spikes = currents.new_empty(shape), currents.new_empty(shape)
        for t in range(steps):
            now = membranes[t]
            if t == 0:
                now.copy_(currents[0])
            else:
                torch.mul(membranes[t - 1], beta, out=now)
                if to_zero:
                    now.mul_(1 - spikes[t - 1])
                now.add_(currents[t if len(currents) > 1 else 0])
                if not to_zero:
                    now.sub_(spikes[t - 1])
            torch.gt(now - THRESHOLD, 0, out=spikes[t])
        ctx.save_for_backward(membranes, beta)
        ctx.constant, ctx.to_zero, ctx.slope = len(currents) == 1, to_zero, slope
        return spikes, membranes[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_spikes: Tensor, to_membrane: Tensor) -> tuple[Tensor | None, ...]:
        membranes, beta = ctx.saved_tensors
        steps = len(membranes)
        to_currents = torch.zeros_like(membranes[:1]) if ctx.constant else torch.empty_like(membranes)
        to_beta = torch.zeros_like(beta) if ctx.needs_input_grad[1] else None
        later = to_membrane  # what comes back to a membrane from the step after it
        for t in reversed(range(steps)):
            now = membranes[t] - THRESHOLD
            steepness = now.abs_().mul_(ctx.slope).add_(1.0).square_()
            here = to_spikes[t] / steepness
            here += later
            if ctx.constant:
                to_currents[0] += here
            else:
                to_currents[t] = here
            if t == 0:
                break
            before = membranes[t - 1]
            kept = 1.0 - (before - THRESHOLD > 0).to(here.dtype) if ctx.to_zero else None
            if to_beta is not None:
                to_beta += (here * (before if kept is None else before * kept)).sum()
            later = here * beta if kept is None else here * beta * kept
        return to_currents, to_beta, None, None, None
