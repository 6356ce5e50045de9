"""The portable model inside the package: every backend runs it, and all of them hear the same."""

from __future__ import annotations

import json
from pathlib import Path

import nir
import numpy as np
import pytest

from edge_daemon.backends import create
from edge_daemon.backends.fit import unmet_requirements, weight_bits
from edge_daemon.backends.loihi.backend import LoihiBackend
from edge_daemon.backends.loihi.mapping import map_network
from edge_daemon.cli import invoke
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.shipped import shipped_models
from export.nir import to_nir

ROOT = Path(__file__).resolve().parents[2]
MODEL = shipped_models()["right_whale_portable"]


@pytest.fixture(scope="module")
def model() -> ModelFile:
    return ModelFile.read(MODEL)


def test_it_keeps_to_what_chips_share(model: ModelFile) -> None:
    network = model.network()
    assert unmet_requirements(network, LoihiBackend.capabilities) == []
    for number, layer in enumerate(network.layers):
        assert (layer.reset, layer.max_pool, layer.beta_256.tolist()) == ("zero", (1, 1), [128])
        assert weight_bits(layer) <= 7
        assert not (number and layer.bias.any())
    mapping = map_network(network)
    assert mapping.cores("Loihi 2") <= 128
    assert len(model.data) <= 100_000
    assert "Cornell University" in model.metadata.provenance.credit


def test_the_nir_file_beside_it_is_its_own(model: ModelFile) -> None:
    stored, expected = nir.read(MODEL.with_suffix(".nir")), to_nir(model.network())
    assert stored.edges == expected.edges
    assert set(stored.nodes) == set(expected.nodes) != set()
    for name, node in expected.nodes.items():
        for part in ("weight", "bias", "tau", "v_threshold", "v_reset"):
            if hasattr(node, part):
                np.testing.assert_array_equal(getattr(stored.nodes[name], part), getattr(node, part))
    assert MODEL.with_suffix(".nir").stat().st_size <= 300_000


@pytest.mark.slow
def test_all_backends_find_the_same_in_the_sample(tmp_path: Path) -> None:
    sample, found = ROOT / "edge_daemon/assets/sample.flac", {}
    for backend in ("onnx", "event", "loihi"):
        folder = tmp_path / backend
        arguments = ["--model", MODEL.stem, "--backend", backend, "--output", str(folder), "--scores"]
        assert invoke(["replay", str(sample), *arguments, "--formats", "jsonl"]) == 0
        detections = [json.loads(line) for line in (folder / "detections.jsonl").read_text().splitlines()]
        assert {detection.pop("backend") for detection in detections} == {backend}
        found[backend] = detections, (folder / "scores.csv").read_text()
    assert found["event"] == found["loihi"] == found["onnx"]
    calls = json.loads(sample.with_suffix(".json").read_text(encoding="utf-8"))["calls"]
    detections = found["onnx"][0]
    assert len(detections) == len(calls) == 5
    for detection, call in zip(detections, calls, strict=True):
        overlap = min(detection["end_s"], call["end_s"]) - max(detection["begin_s"], call["begin_s"])
        assert overlap > 0.8 * (call["end_s"] - call["begin_s"])


@pytest.mark.data
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["event", "loihi"])
def test_a_thousand_real_clips_are_the_same_bit_for_bit(shared_data: Path, model: ModelFile, backend: str) -> None:
    features = np.load(shared_data / "right_whale_logmel.npz", allow_pickle=False)["X"]
    features = features[np.linspace(0, len(features) - 1, 1000).astype(int)]
    expected, runs = create(model).infer(features), create(model, backend)
    parts = [runs.infer(features[i : i + 50]) for i in range(0, len(features), 50)]
    for field in ("score", "spike_counts", "layer_spikes"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, field) for p in parts]), getattr(expected, field))
    assert len(np.unique(expected.score)) > 100
