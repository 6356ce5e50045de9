import pytest
import torch

from edge_daemon.errors import UsageError
from train.networks import build
from train.networks.chirp_bank import LENGTH, PITCH_HZ, RATE, chirp_bank


def test_chirps_lie_where_calls_are_and_are_the_seeds() -> None:
    torch.manual_seed(1)
    bank = chirp_bank(64, 4000)
    assert bank.norm(dim=1).numpy() == pytest.approx(LENGTH, rel=1e-4)
    power = torch.fft.rfft(bank).abs().square()
    hz = torch.fft.rfftfreq(4000, 1 / RATE)
    middle = (power * hz).sum(dim=1) / power.sum(dim=1)
    assert ((middle > PITCH_HZ[0] - 25) & (middle < PITCH_HZ[1] + 25)).all()
    assert middle.std() > 30, "they are spread"
    torch.manual_seed(1)
    assert torch.equal(chirp_bank(64, 4000), bank)
    assert not torch.equal(chirp_bank(64, 4000), bank)


def test_the_network_on_samples_may_begin_with_them() -> None:
    torch.manual_seed(2)
    network = build("mlp1d", (1, 400), {"hidden": [8, 4], "begin": "chirps"})
    assert network.layers[0].synapses.weight.norm(dim=1).detach().numpy() == pytest.approx(LENGTH, rel=1e-4)
    with pytest.raises(UsageError, match="white, chirps"):
        build("mlp1d", (1, 400), {"begin": "whales"})
