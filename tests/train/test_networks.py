import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from edge_daemon.errors import UsageError
from edge_daemon.model.network import prepare as reference_prepare
from train.networks import NAMES, build, conv
from train.networks.lif import NeuronPlan, SpikingLayer
from train.networks.normalise import ScaleNorm, fold
from train.networks.plan import LayerPlan
from train.networks.stem import prepare
from train.networks.template import ridge


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_gives_two_labels(name: str) -> None:
    shape = (1, 400) if name == "mlp1d" else (50, 101)
    settings = {"hidden": [32, 16, 8], "time_steps": 3} if name.startswith("mlp") else {}
    features = torch.randint(0, 256, (3, *shape)).float()
    assert build(name, shape, settings)(features).shape == (3, 2)


@pytest.mark.slow
def test_the_studys_layer_sizes() -> None:
    weights = [layer.synapses.weight.shape for layer in build("mlp2d", (103, 135)).layers]
    assert weights == [(4096, 13905), (512, 4096), (64, 512), (2, 64)]
    weights = [layer.synapses.weight.shape for layer in build("mlp1d", (1, 4000)).layers]
    assert weights == [(2048, 4000), (512, 2048), (64, 512), (2, 64)]


def test_conv_has_at_most_one_percent_of_the_fully_connected_networks_weights() -> None:
    assert parameters(build("conv", (50, 101))) <= 0.01 * parameters(build("mlp2d", (50, 101)))


def test_cnn_is_as_large_as_conv() -> None:
    # the leaks are the spiking network's only extra parameters, one a layer
    assert parameters(build("conv", (50, 101))) - parameters(build("cnn", (50, 101))) == len(conv.plans())


@pytest.mark.parametrize("stem", ["none", "band_mean", "band_median"])
@pytest.mark.parametrize("frames", [7, 8])
def test_stem_is_the_integer_one(stem: str, frames: int) -> None:
    features = np.random.default_rng(1).integers(0, 256, (5, 6, frames), dtype=np.uint8)
    ours = prepare(torch.from_numpy(features).float(), stem).numpy()
    assert np.array_equal(ours, reference_prepare(features, stem))


@pytest.mark.parametrize(
    ("reset", "membranes", "spikes"),
    [
        # U = β·U + I − S·θ with β = 1/2, I = 0.8, θ = 1
        ("subtract", [0.8, 1.2, 0.4, 1.0, 1.3, 0.45], [0, 1, 0, 0, 1, 0]),
        # U = β·(1 − S)·U + I
        ("zero", [0.8, 1.2, 0.8, 1.2, 0.8, 1.2], [0, 1, 0, 1, 0, 1]),
    ],
)
def test_hand_computed_neuron(reset: str, membranes: list[float], spikes: list[int]) -> None:
    neuron = NeuronPlan(time_steps=6, beta=0.5, learn_beta=False, reset=reset, norm="none")
    layer = SpikingLayer(LayerPlan("dense", 1), neuron, (1, 1, 1), first=True, last=True)
    current = torch.full((1, 1, 1, 1, 1), 0.8)
    found = [layer.integrate(current, steps) for steps in range(1, 7)]
    assert [float(m) for _, m in found] == pytest.approx(membranes, abs=1e-6)
    assert found[-1][0].flatten().tolist() == spikes


def test_folded_normalisation_is_the_normalisation() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 3, 4, 5) * 3 + 1
    for norm in (torch.nn.BatchNorm2d(3), ScaleNorm(3)):
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([0.5, -2.0, 1.0]))
            for _ in range(5):
                norm(x)
        norm.eval()
        scale, offset = fold(norm, 3)
        assert torch.allclose(norm(x), x * scale[:, None, None] + offset[:, None, None], atol=1e-5)


def test_scale_norm_makes_the_mean_square_one() -> None:
    x = torch.randn(16, 2, 8, 8) * torch.tensor([4.0, 0.1])[None, :, None, None]
    assert ScaleNorm(2)(x).square().mean(dim=(0, 2, 3)).tolist() == pytest.approx([1.0, 1.0], rel=1e-2)


def test_portable_network_has_no_deep_bias_and_no_maximum() -> None:
    network = build("conv", (50, 101), {"portable": True})
    assert len(network.plans) == len(network.layers) > 1
    assert all(plan.max_pool == (1, 1) for plan in network.plans)
    for layer in network.layers[1:]:
        assert layer.synapses.bias is None
        assert not isinstance(layer.norm, torch.nn.BatchNorm2d)
    assert not any(layer.neurons.beta.requires_grad for layer in network.layers)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("nonesuch", {}),
        ("conv", {"colour": "blue"}),
        ("conv", {"portable": True, "reset": "subtract"}),
        ("conv", {"reset": "none"}),
        ("conv", {"time_steps": 0}),
        ("conv", {"beta": 1.5}),
    ],
)
def test_what_cannot_be_built_is_explained(name: str, settings: dict) -> None:
    with pytest.raises(UsageError):
        build(name, (50, 101), settings)


def test_template_finds_rising_among_falling_ridges() -> None:
    network = build("template", (50, 101), {"slopes": [-0.4, 0.4]})
    pictures, labels = torch.full((40, 50, 101), 100.0), []
    rng = np.random.default_rng(0)
    for picture in pictures:
        slope, row, column = rng.choice([-0.4, 0.4]), rng.integers(5, 30), rng.integers(5, 70)
        picture[row : row + 15, column : column + 25] += 100 * ridge(float(slope)) * 5
        labels.append(slope > 0)
    fits = network.fits(pictures.clamp(0, 255)).detach().numpy()
    kinds = len(network.names)
    best = fits[:, : 3 * kinds].reshape(40, 3, kinds).max(axis=1)
    assert roc_auc_score(labels, best[:, 1] - best[:, 0]) == 1.0
