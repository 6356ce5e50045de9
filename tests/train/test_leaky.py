from typing import get_args

import pytest
import snntorch
import torch
from snntorch import surrogate

from edge_daemon.model.neuron import Reset
from train.networks.leaky import integrate


def snntorchs(
    currents: torch.Tensor, beta: torch.Tensor, steps: int, reset: Reset, slope: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by snnTorch's own neuron, a step a call."""
    neuron = snntorch.Leaky(beta=0.5, reset_mechanism=reset, spike_grad=surrogate.fast_sigmoid(slope=slope))
    neuron.beta = beta
    membrane, spikes = torch.zeros_like(currents[0]), []
    for step in range(steps):
        spike, membrane = neuron(currents[step if len(currents) > 1 else 0], membrane)
        spikes.append(spike)
    return torch.stack(spikes), membrane


@pytest.mark.parametrize("reset", get_args(Reset))
@pytest.mark.parametrize("shape", [(7, 5, 3, 2, 2), (1, 6, 40), (9, 1, 1)], ids=["each", "constant", "one neuron"])
@pytest.mark.parametrize("slope", [25.0, 2.0])
def test_spikes_and_gradients_are_snntorchs_bit_for_bit(reset: Reset, shape: tuple[int, ...], slope: float) -> None:
    steps = shape[0] if shape[0] > 1 else 12
    draw = torch.Generator().manual_seed(3)
    drawn = 2 * torch.randn(shape, generator=draw)
    found = []
    for neurons in (snntorchs, integrate):
        currents, beta = drawn.clone().requires_grad_(), torch.tensor(0.83, requires_grad=True)
        spikes, membrane = neurons(currents, beta, steps, reset, slope)
        pull = torch.Generator().manual_seed(4)
        value = (spikes * torch.randn(spikes.shape, generator=pull)).sum()
        (value + (membrane * torch.randn(membrane.shape, generator=pull)).sum()).backward()
        found.append((spikes, membrane, currents.grad, beta.grad))
    assert found[0][0].any(), "some neuron fires"
    for theirs, ours in zip(*found, strict=True):
        assert torch.equal(theirs, ours)


def test_a_hand_worked_neuron() -> None:
    """Current 0.8, leak 1/2: 0.8, then 0.4 + 0.8 = 1.2 fires; 0.6 + 0.8 − 1 = 0.4; then 0.2 + 0.8 = 1.0 does not."""
    spikes, membrane = integrate(torch.tensor([[[0.8]]]), torch.tensor(0.5), 4, "subtract", 25.0)
    assert spikes.flatten().tolist() == [0, 1, 0, 0]
    assert float(membrane) == pytest.approx(1.0)
