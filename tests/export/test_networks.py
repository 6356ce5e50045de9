"""Every spiking network of `train` exports and agrees with its trainer: reset rules, leaks, stems, time steps."""

from __future__ import annotations

from typing import Any

import pytest

from edge_daemon.model.frontend import LogMelSpec, WaveformSpec
from edge_daemon.model.model_file import ModelFile, ModelMetadata
from edge_daemon.model.network import IntegerNetwork
from export.graph import model_file, network_document
from export.modelfile import synthetic_features, trainer_forward
from export.parity import check

torch = pytest.importorskip("torch")

from train.checkpoint import Checkpoint, CheckpointDocument  # noqa: E402 - needs torch
from train.networks import build  # noqa: E402
from train.networks.lif import SpikingNetwork  # noqa: E402
from train.quantise import QuantisedNetwork  # noqa: E402

SMALL = LogMelSpec(window=1600, bands=24)
CASES: list[tuple[str, dict[str, Any]]] = [
    ("conv", {}),
    ("conv", {"reset": "zero", "learn_beta": False, "time_steps": 1, "stem": "none"}),
    ("conv", {"portable": True, "time_steps": 7}),
    ("conv", {"beta": 1.0, "learn_beta": False, "time_steps": 12, "stem": "band_mean", "norm": "none"}),
    ("mlp2d", {"hidden": [80, 20]}),
    ("mlp2d", {"hidden": [80, 20], "learn_beta": True, "stem": "band_median", "time_steps": 25}),
    ("mlp2d", {"hidden": [80, 20], "reset": "zero", "beta": 0.95, "time_steps": 50, "norm": "batch"}),
    ("mlp1d", {"hidden": [60, 20], "stem": "band_median"}),
    ("mlp1d", {"hidden": [60, 20], "reset": "zero", "learn_beta": True, "time_steps": 3}),
    ("frames", {}),
    ("frames", {"reset": "zero", "learn_beta": False, "frame_stride": 1, "stem": "none"}),
]


def quantised(name: str, settings: dict[str, Any]) -> tuple[QuantisedNetwork, Any]:
    frontend = WaveformSpec() if name == "mlp1d" else SMALL
    torch.manual_seed(2)
    network = build(name, frontend.shape, settings)
    assert isinstance(network, SpikingNetwork)
    network.eval()
    with torch.no_grad():
        for layer in network.spiking_layers():
            # what training would do: enough drive for spikes, and leaks that are no round numbers
            layer.synapses.weight.mul_(3.0)
            if settings.get("learn_beta", name in {"conv", "frames"}):
                layer.neurons.beta.sub_(0.0371)
    return QuantisedNetwork(network), frontend


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), CASES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CASES)])
def test_trainer_reference_and_graph_agree(name: str, settings: dict[str, Any], tiny_metadata: ModelMetadata) -> None:
    network, frontend = quantised(name, settings)
    document = CheckpointDocument(format_version=1, network=name, quantised=True, frontend=frontend)
    checkpoint = Checkpoint(network.eval(), document)
    integer = checkpoint.integer_network()
    assert isinstance(integer, IntegerNetwork)
    metadata = tiny_metadata.model_copy(update={"network": network_document(integer), "frontend": frontend})
    model = ModelFile.from_bytes(model_file(integer, metadata))
    found = check(model, synthetic_features(frontend.shape, 6), trainer_forward(checkpoint))
    assert found.windows == 6
    assert found.layer_spikes[0] > 0, "a silent network would agree with anything"
