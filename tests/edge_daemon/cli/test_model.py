"""`edge-daemon model info`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from edge_daemon.cli import invoke
from edge_daemon.model.model_file import ModelFile, ModelMetadata
from edge_daemon.model.network import IntegerNetwork
from export.graph import model_file


def test_info_for_a_person(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["model", "info", str(tiny_model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    facts = {line[:16].strip(): line[16:] for line in lines if line[:16].strip()}
    assert facts["model"] == "tiny, version 1.0"
    assert facts["digest"] == hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    assert facts["detects"] == "call (labels: noise, call)"
    assert facts["hears"] == "windows of 2 s at 2000 Hz"
    # 4·1·5·5 + 6·4·3·3 + 2·72 weights
    assert facts["network"] == "3 layers, 460 weights, 4 time steps, stem band_mean"
    assert facts["threshold"] == "0.6, down to 0.4 inside an event, at least 1 window"
    assert facts["trained on"] == "random numbers"
    assert "credit" not in facts


def test_figures_are_shown_and_nested_settings_are_not(
    tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"auc": 0.96954321, "clips": 6920, "training": {"rate": 0.005}, "curve": [1, 2]}
    metadata = tiny_metadata.model_copy(update={"metrics": metrics, "summary": "Two\nlines."})
    (tmp_path / "m.onnx").write_bytes(model_file(tiny_network, metadata))
    assert invoke(["model", "info", str(tmp_path / "m.onnx")]) == 0
    printed = capsys.readouterr().out
    assert "\n                Two\n                lines.\n" in printed
    assert "\nmeasured        auc: 0.9695\n                clips: 6920\n                more with --json\n" in printed


def test_info_for_a_machine(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["model", "info", str(tiny_model), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["digest"] == hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    assert document["bytes"] == tiny_model.stat().st_size
    assert ModelMetadata.model_validate(document["metadata"]) == ModelFile.read(tiny_model).metadata


def test_what_is_no_model_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.onnx").write_bytes(b"hello")
    assert invoke(["model", "info", str(tmp_path / "x.onnx")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("edge-daemon: ")
    assert "x.onnx" in printed.err
    assert "Traceback" not in printed.err
