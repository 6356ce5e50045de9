"""What training says at its end."""

from __future__ import annotations

import numpy as np
import pytest

from train.checkpoint import CheckpointDocument
from train.data.opening import DEFAULT_SPEC
from train.networks import build
from train.quantise import QuantisedNetwork
from train.release import silent_layers
from train.report import sentences


def document(quantised: bool = True, **metrics: object) -> CheckpointDocument:
    found = {"windows_learned_from": 1200, "epochs": 3} | metrics
    return CheckpointDocument(network="conv", quantised=quantised, frontend=DEFAULT_SPEC, metrics=found)


def test_figures_are_told_in_sentences() -> None:
    assert sentences(document(auc=0.9736, auc_float=0.97381), "runs/x") == [
        "Learned from 1,200 windows in 3 epochs.",
        "On windows that it did not learn from, its AUC is 0.9736 (0.9738 in real numbers).",
        "Export it with: python -m export runs/x --output model.onnx",
    ]
    assert "Nothing was kept aside" in sentences(document(), "runs/x")[1]


def test_a_network_that_cannot_be_exported_is_not_told_to_be() -> None:
    said = sentences(document(quantised=False), "runs/x")
    assert not any("python -m export" in sentence for sentence in said)
    assert "cannot be exported" in said[-1]


def test_a_network_that_learned_nothing_is_warned_about() -> None:
    warnings = [text for text in sentences(document(auc=0.41, silent_layers=[1, 2]), "x") if text.startswith("Warning")]
    assert len(warnings) == 2
    assert "layer 1, 2 never spikes" in warnings[0]
    assert "worse than guessing" in warnings[1]
    assert not any(text.startswith("Warning") for text in sentences(document(auc=0.5), "x"))


@pytest.mark.parametrize("quantised", [True, False])
def test_layers_without_spikes_are_found(quantised: bool) -> None:
    network = build("mlp2d", (12, 16), {"hidden": [32, 16, 8], "time_steps": 3, "norm": "batch"})
    pictures = np.random.default_rng(0).integers(0, 255, (20, 12, 16)).astype(np.uint8)
    for layer, bias in zip(network.spiking_layers()[:3], (5.0, -50.0, -50.0), strict=True):  # type: ignore[operator]
        layer.norm.bias.data.fill_(bias)
    assert silent_layers(QuantisedNetwork(network) if quantised else network, pictures) == [1, 2]  # type: ignore[arg-type]
    assert silent_layers(build("cnn", (50, 101), {}), np.zeros((1, 50, 101), np.uint8)) == []
