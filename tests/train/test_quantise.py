import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge_daemon.backends.fit import weight_bits
from edge_daemon.errors import UsageError
from edge_daemon.model.network import run
from train.networks import build
from train.quantise import DivergedError, QuantisedNetwork, to_integer_network
from train.rounding import floor_straight, round_straight

NETWORKS = [
    ("conv", {"channels": [6, 8, 10, 12]}),
    ("conv", {"channels": [6, 8, 10, 12], "portable": True}),
    ("conv", {"channels": [6, 8, 10, 12], "reset": "zero", "time_steps": 7, "stem": "band_mean"}),
    ("frames", {"hidden": [24, 12]}),
    ("mlp2d", {"hidden": [64, 32, 16], "learn_beta": True}),
    ("mlp2d", {"hidden": [64, 32, 16], "norm": "batch", "reset": "zero"}),
    ("mlp2d", {"hidden": [64, 32, 16], "zero": 128.0, "norm": "batch"}),
]


def features(n: int = 24) -> NDArray[np.uint8]:
    """Pictures with enough structure to make every layer fire."""
    rng = np.random.default_rng(3)
    smooth = rng.normal(0, 1, (n, 50, 101)).cumsum(axis=2)
    low, high = smooth.min(axis=(1, 2), keepdims=True), smooth.max(axis=(1, 2), keepdims=True)
    return np.rint((smooth - low) / (high - low) * 255).astype(np.uint8)


def trained(name: str, settings: dict) -> QuantisedNetwork:
    """A network whose normalisation has seen data and whose currents are lively."""
    torch.manual_seed(1)
    network = build(name, (50, 101), settings)
    network.train()
    with torch.no_grad():
        for _ in range(20):
            network(torch.from_numpy(features()).float())
        for layer in network.layers:
            if layer.norm is not None:
                layer.norm.weight.mul_(2.0)
            else:
                layer.synapses.weight.mul_(4.0)
    return QuantisedNetwork(network.eval()).eval()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), NETWORKS)
def test_every_spike_and_membrane_is_the_references(name: str, settings: dict) -> None:
    network, pictures = trained(name, settings), features()
    reference = run(to_integer_network(network), pictures, keep=True)
    with torch.no_grad():
        membranes, spikes = network.trace(torch.from_numpy(pictures).float(), exact=True)
        evidence = network(torch.from_numpy(pictures).float(), exact=True).numpy()
    assert reference.layer_spikes.sum(axis=0).min() > 0, "a silent layer would prove nothing"
    assert len(spikes) == len(reference.spikes) > 0
    for layer in range(len(spikes)):
        assert np.array_equal(spikes[layer].numpy().astype(bool), reference.spikes[layer])
        assert np.array_equal(membranes[layer].numpy(), reference.membranes[layer][-1])
    assert np.array_equal(evidence[:, 1] - evidence[:, 0], reference.margin)


@pytest.mark.slow
@pytest.mark.data
def test_real_pictures_give_the_references_spikes(shared_data) -> None:
    pictures = np.load(shared_data / "right_whale_logmel.npz")["X"][::173]
    network = trained("conv", {})
    reference = run(to_integer_network(network), pictures)
    with torch.no_grad():
        _, spikes = network.trace(torch.from_numpy(pictures).float(), exact=True)
    totals = np.stack([layer.sum(dim=(0, 2, 3, 4)).numpy() for layer in spikes], axis=1)
    assert np.array_equal(totals, reference.layer_spikes)


@pytest.mark.slow
def test_membranes_of_the_shipped_shape_are_exact_in_single_precision() -> None:
    network, pictures = trained("conv", {}), torch.from_numpy(features()).float()
    with torch.no_grad():
        single, double = network.trace(pictures)[0], network.trace(pictures, exact=True)[0]
    assert len(single) == len(network.layers)
    for one, two in zip(single, double, strict=True):
        assert np.array_equal(one.numpy(), two.numpy())


@pytest.mark.slow
def test_portable_networks_keep_the_profile() -> None:
    network = to_integer_network(trained(*NETWORKS[1]))
    for number, layer in enumerate(network.layers):
        assert layer.reset == "zero"
        assert layer.max_pool == (1, 1)
        assert layer.beta_256.tolist() == [128]
        assert len(set(layer.threshold.tolist())) == 1
        assert np.all(layer.weight % 2 == 0)
        # T − 1 fraction bits: halving T − 1 times leaves no remainder, in any arithmetic
        assert layer.shift == network.time_steps - 1
        assert np.all(layer.threshold % (1 << layer.shift) == 0)
        if number:
            assert not layer.bias.any()


@pytest.mark.slow
@pytest.mark.parametrize("bits", [2, 4, 7, 8])
def test_weights_have_the_bits_that_were_asked_for(bits: int) -> None:
    name, settings = NETWORKS[1]
    layers = to_integer_network(trained(name, {**settings, "weight_bits": bits})).layers
    most = 127 // 2 ** (8 - bits)
    for layer in layers:
        steps, rest = np.divmod(layer.weight.astype(int), 2 ** (8 - bits))
        assert not rest.any()
        assert most - 1 <= np.abs(steps).max() <= most  # the largest weight of a layer sets its threshold
        assert weight_bits(layer) <= bits
    assert max(weight_bits(layer) for layer in layers) == bits
    with pytest.raises(UsageError, match="2 to 8 bits"):
        build(name, (50, 101), {**settings, "weight_bits": 9})


@pytest.mark.slow
def test_rounding_costs_little() -> None:
    torch.manual_seed(0)
    network = build("conv", (50, 101))
    pictures = torch.from_numpy(features(64)).float()
    network.train()
    with torch.no_grad():
        for _ in range(60):
            network(pictures)
    network.eval()
    quantised = QuantisedNetwork(network)
    with torch.no_grad():
        current = network.layers[0].currents((pictures - pictures.median(2, True).values)[:, None] / 64)
        whole = quantised.layers[0].currents((pictures - pictures.median(2, True).values)[:, None])
    in_thresholds = whole / quantised.layers[0].threshold[:, None, None]
    assert float((in_thresholds - current).abs().max()) < 0.05 * float(current.abs().max())


def test_a_level_that_is_taken_for_zero_becomes_a_bias() -> None:
    torch.manual_seed(0)
    network = build("mlp2d", (50, 101), {"hidden": [32, 8], "zero": 128.0})
    with torch.no_grad():
        pictures = torch.from_numpy(features(8)).float()
        quantised = QuantisedNetwork(network.eval()).layers[0]
        current = network.layers[0].currents((pictures[:, None] - 128) / 64)
        whole = quantised.currents(pictures[:, None]) / quantised.threshold[:, None, None]
    assert float((whole - current).abs().max()) < 0.05 * float(current.abs().max())


def test_gradients_pass_straight_through_rounding() -> None:
    x = torch.tensor([0.2, 0.5, 1.5, -0.7], requires_grad=True)
    assert round_straight(x).tolist() == [0.0, 0.0, 2.0, -1.0]
    assert floor_straight(x).tolist() == [0.0, 0.0, 1.0, -1.0]
    round_straight(x * 3).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0] * 4


@pytest.mark.slow
def test_gradient_reaches_every_learned_parameter() -> None:
    network = trained("conv", {}).train()
    network(torch.from_numpy(features()).float()).square().sum().backward()
    learned = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    assert len(learned) > len(network.layers)
    for name, parameter in learned:
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_hand_computed_integers() -> None:
    """One dense layer, one input: θ and weight as the fold says, then the neuron by hand."""
    network = build("mlp2d", (1, 1), {"hidden": [1], "time_steps": 3, "beta": 0.5})
    with torch.no_grad():
        for layer, weight in zip(network.layers, ([[64.0 / 100]], [[1.0], [-1.0]]), strict=True):
            layer.synapses.weight.copy_(torch.tensor(weight))
            layer.synapses.bias.zero_()
    integer = to_integer_network(QuantisedNetwork(network))
    first = integer.layers[0]
    # folded weight 0.64/64 = 0.01 threshold per grey level: 127 units are 0.01, so a threshold is 12,700 units
    assert first.weight.tolist() == [[127]]
    assert first.threshold[0] == pytest.approx(12700 * 2.0**first.shift, abs=1)
    # 80 grey levels are 0.8 thresholds a step: U = 0.8, 1.2 (spike), 0.4
    trace = run(integer, np.array([[[80]]], np.uint8), keep=True)
    assert trace.spikes[0][:, 0, 0, 0, 0].tolist() == [False, True, False]
    assert trace.membranes[0][:, 0, 0, 0, 0] / first.threshold[0] == pytest.approx([0.8, 1.2, 0.4], abs=2e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
@pytest.mark.parametrize("settings", [{"hidden": [8, 4]}, {"hidden": [8, 4], "learn_beta": True}])
def test_numbers_that_cannot_be_rounded_are_told(value: float, settings: dict) -> None:
    """Of a weight, or of a leak that was learned (a leak beyond 1 is cut to 1 as ever)."""
    network = build("mlp2d", (6, 8), settings)
    with torch.no_grad():
        target = network.layers[1].neurons.beta if "learn_beta" in settings else network.layers[1].synapses.weight
        target.fill_(value)
    if "learn_beta" in settings and value == 1e38:
        assert int(QuantisedNetwork(network).layers[1].leak()) == 256
    else:
        with pytest.raises(DivergedError):
            QuantisedNetwork(network)
