"""NIR files of portable networks: read back by other people's simulators, spike for spike; others refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from edge_daemon.errors import ModelError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, Layer, Trace, prepare, run
from edge_daemon.model.shipped import shipped_models
from export.conformance import network as kit_network
from export.nir import DT, reasons_against, to_nir, write_nir

torch = pytest.importorskip("torch")


def layer(rng: np.random.Generator, name: str, shape: tuple[int, ...], threshold: int, **fields: Any) -> Layer:
    defaults: dict[str, Any] = {"bias": np.zeros(shape[0], np.int32), "shift": 3}
    return Layer(
        name=name,
        kind="conv" if len(shape) == 4 else "dense",
        weight=(2 * rng.integers(-60, 64, shape)).astype(np.int8),
        threshold=np.full(shape[0], threshold * 8, np.int32),
        beta_256=np.array([128], np.int32),
        reset="zero",
        **(defaults | fields),
    )


def convolutional() -> IntegerNetwork:
    rng = np.random.default_rng(3)
    layers = (
        layer(
            rng, "one", (6, 1, 5, 5), 9000, stride=(2, 2), padding=(2, 2),
            bias=rng.integers(-500, 500, 6).astype(np.int32),
        ),
        layer(rng, "two", (8, 6, 3, 3), 150, stride=(2, 2), padding=(1, 1)),
        layer(rng, "three", (8, 8, 3, 3), 100, pool="sum", pool_size=(2, 2)),
        layer(rng, "four", (2, 8 * 4), 100, pool="global_sum"),
    )  # fmt: skip
    return IntegerNetwork(layers, 4, (50, 101), stem="band_median")


def fully_connected() -> IntegerNetwork:
    rng = np.random.default_rng(4)
    layers = (layer(rng, "one", (40, 12 * 9), 4000), layer(rng, "two", (2, 40), 150))
    return IntegerNetwork(layers, 4, (12, 9))


def strangely_named() -> IntegerNetwork:
    """Layers whose names the file needs itself, or that would be another layer's neurons."""
    network = convolutional()
    names = ("output", "one", "one_neurons", "input")
    layers = tuple(replace(layer, name=name) for layer, name in zip(network.layers, names, strict=True))
    return replace(network, layers=layers)


NETWORKS = {
    "convolutional": convolutional, "fully_connected": fully_connected, "strangely_named": strangely_named
}  # fmt: skip


def case(name: str) -> tuple[IntegerNetwork, Any, Trace]:
    """A network, its input as a reader wants it, and the reference's answer."""
    network = NETWORKS[name]()
    features = np.random.default_rng(5).integers(0, 256, (40, *network.input_shape)).astype(np.uint8)
    x = prepare(features, network.stem)
    if network.layers[0].kind == "dense":
        x = x.reshape(len(x), -1)
    trace = run(network, features)
    assert (trace.layer_spikes.sum(axis=0) > 0).all()
    return network, torch.tensor(x, dtype=torch.float32), trace


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_reads_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    graph = to_nir(NETWORKS[name]())
    write_nir(NETWORKS[name](), tmp_path / "net.nir")
    found = nir.read(tmp_path / "net.nir")
    assert set(found.nodes) == set(graph.nodes)
    assert set(found.edges) == set(graph.edges)
    for key, node in graph.nodes.items():
        for field in ("weight", "bias", "tau", "v_threshold"):
            if hasattr(node, field):
                np.testing.assert_array_equal(getattr(found.nodes[key], field), getattr(node, field))
    assert found.metadata["time_steps"] == 4
    assert found.metadata["reset"] == "zero"
    assert len(found.nodes) == 2 * len(NETWORKS[name]().layers) + 2, "a layer's nodes took another's name"


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_norse_gives_the_same_spike_counts(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # norse warns of its own missing extensions
        norse = pytest.importorskip("norse.torch", reason="norse is not installed")
        network, x, trace = case(name)
        module, state, counts = norse.from_nir(to_nir(network), dt=DT), None, 0
        for _ in range(network.time_steps):
            spikes, state = module(x, state)
            counts = counts + spikes.flatten(1)
    np.testing.assert_array_equal(counts.detach().numpy(), trace.spike_counts)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_spikingjelly_gives_the_same_spike_counts(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spikingjelly's dependencies deprecate each other
        exchange = pytest.importorskip(
            "spikingjelly.activation_based.nir_exchange", reason="SpikingJelly is not installed"
        )
        network, x, trace = case(name)
        module, state, counts = exchange.import_from_nir(to_nir(network), dt=DT), None, 0
        for _ in range(network.time_steps):
            spikes, state = module(x, state)
            counts = counts + spikes.flatten(1)
    np.testing.assert_array_equal(counts.detach().numpy(), trace.spike_counts)


@pytest.mark.parametrize(
    ("number", "change", "reason"),
    [
        (0, {"reset": "subtract"}, "resets by subtraction"),
        (1, {"max_pool": (2, 2)}, "max-pools"),
        (1, {"bias": np.ones(8, np.int32)}, "has biases"),
        (1, {"beta_256": np.array([256], np.int32)}, "does not leak"),
        (1, {"beta_256": np.array([200], np.int32)}, "leak is rounded"),
        (2, {"shift": 2}, "leak is rounded within 4 steps"),
        (0, {"shift": -1}, "current is rounded"),
    ],
)
def test_what_is_not_portable_is_refused_with_the_reason(number: int, change: dict[str, Any], reason: str) -> None:
    network = convolutional()
    layers = list(network.layers)
    changed = dict(change)
    layers[number] = replace(layers[number], **changed)
    other = IntegerNetwork.__new__(IntegerNetwork)  # a max-pool changes shapes: keep them from being checked here
    for field, value in {**network.__dict__, "layers": tuple(layers)}.items():
        object.__setattr__(other, field, value)
    assert any(reason in sentence for sentence in reasons_against(other))
    with pytest.raises(ModelError, match=reason):
        to_nir(other)


def test_a_leak_that_is_no_power_of_two_away_from_one_is_refused() -> None:
    """64/256 in 4 steps with a shift of 6 never rounds, but W/(1 − β) is W · 4/3."""
    network = convolutional()
    layers = [
        replace(layer, beta_256=np.array([64], np.int32), shift=6, threshold=layer.threshold << 3)
        for layer in network.layers
    ]
    assert reasons_against(replace(network, layers=tuple(layers)))[0].startswith(
        "Layer one: 1 − β is 192/256, not a power of 2"
    )
    # 192/256 needs the same bits, and 1 − β is a quarter
    layers = [replace(layer, beta_256=np.array([192], np.int32), weight=layer.weight >> 3) for layer in layers]
    assert reasons_against(replace(network, layers=tuple(layers))) == []


def wide(weight: int, inputs: tuple[int, int], shift: int, steps: int = 4) -> IntegerNetwork:
    """Fully connected, all weights of the first layer alike."""
    rng, size = np.random.default_rng(4), inputs[0] * inputs[1]
    first = layer(rng, "one", (64, size), 4000, shift=shift)
    first.weight[:] = weight
    return IntegerNetwork((first, layer(rng, "two", (2, 64), 150)), steps, inputs)


def test_sums_that_float32_would_round_are_refused() -> None:
    """The study's picture, 13,905 inputs: 13,905 · 255 · 126 is 27 times what float32 holds exactly."""
    network = wide(126, (103, 135), 3)
    reason = "Layer one: its accumulated sum can reach 446767650, but float32 is exact only below 16777216."
    assert reasons_against(network) == [reason]
    features = np.full((1, 103, 135), 255, np.uint8)
    features[0, ::2, ::3] = 254  # odd sums
    x = torch.tensor(prepare(features, "none").reshape(1, -1), dtype=torch.float32)
    weight = torch.tensor(network.layers[0].weight, dtype=torch.float32)
    exact = int(x.numpy().astype(np.int64).sum()) * 126
    assert int((x @ weight.T)[0, 0]) != exact, "and indeed it rounds"
    with pytest.raises(ModelError, match="accumulated sum can reach"):
        to_nir(network)


def test_membranes_that_float32_would_round_are_refused() -> None:
    # 520 inputs: sums up to 520 · 255 · 126 = 16,707,600 fit, and in units of a current, so does the first step;
    # three halvings later a membrane is a whole number of eighths of that
    network = wide(126, (20, 26), 3)
    (reason,) = reasons_against(network)
    assert reason == (
        "Layer one: a membrane, or a sum on the way to it, can reach 400982400 in step 2, but float32 is exact"
        " only below 134217728 there."
    )
    assert reasons_against(wide(126, (20, 26), 3, steps=1)) == []
    assert reasons_against(wide(-6, (20, 26), 3)) == []


def test_a_portable_network_has_no_reason_against() -> None:
    assert reasons_against(convolutional()) == []
    assert reasons_against(fully_connected()) == []


def shipped_portable() -> tuple[IntegerNetwork, Any]:
    path = shipped_models()["right_whale_portable"]
    return ModelFile.read(path).network(), nir.read(path.with_suffix(".nir"))


def test_what_ships_is_proved_exact() -> None:
    network, _ = shipped_portable()
    assert reasons_against(network) == []
    assert reasons_against(kit_network()) == []


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("reader", ["norse", "SpikingJelly"])
def test_the_shipped_file_counts_the_references_spikes_on_200_real_clips(reader: str, shared_data: Path) -> None:
    network, graph = shipped_portable()
    features = np.load(shared_data / "right_whale_logmel.npz", allow_pickle=False)["X"]
    features = features[np.linspace(0, len(features) - 1, 200).astype(int)]
    expected = run(network, features).spike_counts
    assert len(np.unique(expected, axis=0)) > 5
    x, counts = torch.tensor(prepare(features, network.stem), dtype=torch.float32), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # their dependencies deprecate each other
        if reader == "norse":
            module: Any = pytest.importorskip("norse.torch", reason="norse is not installed").from_nir(graph, dt=DT)
        else:
            exchange = pytest.importorskip(
                "spikingjelly.activation_based.nir_exchange", reason="SpikingJelly is not installed"
            )
            module = exchange.import_from_nir(graph, dt=DT)
        state = None
        with torch.no_grad():
            for _ in range(network.time_steps):
                spikes, state = module(x, state)
                counts = counts + spikes.flatten(1)
    assert isinstance(counts, torch.Tensor)
    np.testing.assert_array_equal(counts.numpy(), expected)
