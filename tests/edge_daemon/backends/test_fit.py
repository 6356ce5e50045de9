"""Which backend can run which network: every reason named; the list that the command prints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_daemon.backends import create, registry
from edge_daemon.backends.base import BackendOptions, Capabilities
from edge_daemon.backends.fit import fan_in, unmet_requirements, weight_bits
from edge_daemon.backends.onnx import OnnxBackend
from edge_daemon.cli import invoke as command
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork


class Chip(OnnxBackend):
    """A chip that can do next to nothing."""

    name = "chip"
    capabilities = Capabilities(resets=frozenset({"zero"}), max_pool=False, deep_bias=False, weight_bits=7)


def test_a_full_backend_refuses_nothing(tiny_network: IntegerNetwork) -> None:
    assert unmet_requirements(tiny_network, Capabilities()) == []


def test_every_reason_is_named(tiny_network: IntegerNetwork) -> None:
    limits = Capabilities(layer_kinds=frozenset({"dense"}), max_pool=False, max_neurons=1000, max_fan_in=30)
    assert unmet_requirements(tiny_network, limits) == [
        "Each of the layers first and second is of kind 'conv', which the backend does not support.",
        "Layer first has 5100 neurons, but the backend supports 1000 per layer.",
        "Layer second max-pools its currents, which the backend cannot do; use strides instead.",
        "Layer second has 1800 neurons, but the backend supports 1000 per layer.",
        "Layer second has 36 synapses per neuron, but the backend supports 30.",
        # 72 sums of 25 frames' spikes each
        "Layer output has 1800 synapses per neuron, but the backend supports 30.",
    ]
    reasons = unmet_requirements(tiny_network, Chip.capabilities)
    assert reasons == [
        "Every layer resets by the rule 'subtract', but the backend supports only 'zero'.",
        "Every layer has weights of 8 effective bits, but the backend supports 7.",
        "Layer second max-pools its currents, which the backend cannot do; use strides instead.",
        "Each of the layers second and output has biases, which the backend allows only in the first layer.",
    ]


@pytest.mark.parametrize(
    ("weights", "bits"), [([0, 0], 1), ([1, 0], 2), ([-1, 0], 1), ([127, -128], 8), ([126, -128], 7), ([64, -64], 2)]
)
def test_effective_bits(tiny_network: IntegerNetwork, weights: list[int], bits: int) -> None:
    output = tiny_network.layers[-1]
    assert weight_bits(replace(output, weight=np.array([weights, weights], np.int8))) == bits


def test_fan_in_counts_pooled_spikes(tiny_network: IntegerNetwork) -> None:
    second = replace(tiny_network.layers[1], pool="sum", pool_size=(2, 3))
    assert fan_in(second, (4, 26, 51)) == 4 * 9 * 6


def test_creation_refuses_with_the_reasons(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda _: Chip)
    with pytest.raises(BackendError, match="cannot run the model tiny: Every layer resets") as caught:
        create(ModelFile.read(tiny_model), "chip")
    assert "portable model" in caught.value.hint


def listed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert command(["backends", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_lists_what_is_installed(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = {entry["name"]: entry for entry in json.loads(listed(["--json", "--model", str(tiny_model)], capsys))}
    assert entries["onnx"]["runs_model"] is True
    assert entries["onnx"]["options"]["threads"]["maximum"] == 64
    assert entries["event"]["package"] == "edge-daemon"
    lines = listed([], capsys).splitlines()
    assert any(line.startswith("onnx") and line.endswith("ready (options: threads)") for line in lines)


def test_the_command_shows_broken_and_unfit_plug_ins(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"onnx": registry.BUILT_IN["onnx"], "broken": "no_such_module:Backend", "chip": f"{__name__}:Chip"}
    monkeypatch.setattr(registry, "BUILT_IN", ours)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    real = registry.load
    monkeypatch.setattr(registry, "load", lambda name: Chip if name == "chip" else real(name))
    text = listed(["--model", str(tiny_model)], capsys)
    assert "fails to import (ModuleNotFoundError" in text
    assert "chip    edge-daemon 0.1.0: refuses the model" in text
    assert "    Layer second max-pools its currents" in text


def test_the_command_tries_what_seems_to_fit(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a backend declares is not all that it looks at."""

    class Picky(OnnxBackend):
        says: Exception

        @classmethod
        def create(cls, model: ModelFile, options: BackendOptions) -> Picky:  # noqa: ARG003 - the protocol
            raise cls.says

    monkeypatch.setattr(registry, "BUILT_IN", {"picky": "a:b", "onnx": registry.BUILT_IN["onnx"]})
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    real = registry.load
    monkeypatch.setattr(registry, "load", lambda name: Picky if name == "picky" else real(name))
    for says, reason in (
        (BackendError("A threshold needs 18 bits.", "Train it again."), "A threshold needs 18 bits. Train it again."),
        (OSError("no device"), "OSError: no device"),
    ):
        Picky.says = says
        lines = listed(["--model", str(tiny_model)], capsys).splitlines()
        assert lines == [
            "picky  edge-daemon 0.1.0: refuses the model",
            f"         {reason}",
            "onnx   edge-daemon 0.1.0: runs the model",
        ]
