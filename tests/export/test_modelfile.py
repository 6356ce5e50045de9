"""The export command: from a checkpoint to a checked model file and its card; parity that can fail."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.backends import create
from edge_daemon.bundle import Bundle
from edge_daemon.calibration import logistic
from edge_daemon.errors import ModelError
from edge_daemon.frontend import LogMelSpec
from export import parity
from export.__main__ import run
from export.card import write_card
from export.modelfile import synthetic_features, trainer_forward

torch = pytest.importorskip("torch")

from train import checkpoint  # noqa: E402 - needs torch
from train.networks import build  # noqa: E402
from train.networks.lif import SpikingNetwork  # noqa: E402
from train.quantise import QuantisedNetwork  # noqa: E402


def write_checkpoint(folder: Path, quantised: bool = True, calibrated: bool = True) -> Path:
    """An untrained `conv` as a checkpoint: its arithmetic is as good as a trained one's."""
    torch.manual_seed(3)
    network = build("conv", (50, 101))
    assert isinstance(network, SpikingNetwork)
    network.eval()
    document = checkpoint.CheckpointDocument(
        format_version=1,
        network="conv",
        quantised=quantised,
        frontend=LogMelSpec(),
        calibration=logistic(1.0, 0.0) if calibrated else None,
        credit="Credit where it is due.",
    )
    checkpoint.save(folder, QuantisedNetwork(network) if quantised else network, document)
    return folder


def export(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["export", *arguments])
    code = run()
    captured = capsys.readouterr()
    return code, captured.out + captured.err


@pytest.fixture
def small_parity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer windows than the thousand of a real export."""
    monkeypatch.setattr("export.modelfile.PARITY_WINDOWS", 70)


def test_export_writes_a_model_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    source, model = write_checkpoint(tmp_path / "first"), tmp_path / "first.onnx"
    code, text = export(capsys, monkeypatch, str(source), "--output", str(model), "--threshold", "0.7")
    assert code == 0, text
    assert "70 windows agree spike for spike" in text
    assert "8 ways to run" in text
    bundle = Bundle.read(model)
    assert bundle.metadata.name == "first"
    assert bundle.metadata.operating_point.threshold == 0.7
    assert bundle.metadata.operating_point.threshold_low == 0.35
    assert bundle.metadata.provenance.credit == "Credit where it is due."
    counted = bundle.metadata.metrics["operations"]
    assert counted["weights_a_layer"] == [layer.weight.size for layer in bundle.network().layers]
    assert counted["multiply_accumulates"] > 0
    assert create(bundle).infer(synthetic_features((50, 101), 3)).score.shape == (3,)
    assert len(model.read_bytes()) < 100_000


def test_the_card_says_what_the_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    model = tmp_path / "first.onnx"
    export(capsys, monkeypatch, str(write_checkpoint(tmp_path / "first")), "--output", str(model))
    code, text = export(capsys, monkeypatch, "card", str(model), "--output", str(tmp_path / "card"))
    assert code == 0, text
    card, picture = write_card(model, tmp_path / "card")
    told = card.read_text(encoding="utf-8")
    for part in (Bundle.read(model).digest, "Credit where it is due.", "Activation sparsity", "50 × 101"):
        assert part in told
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"quantised": False}, "holds real numbers"), ({"calibrated": False}, "no calibration")],
)
def test_unfinished_checkpoints_are_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, bool],
    message: str,
) -> None:
    source = write_checkpoint(tmp_path / "first", **fields)
    code, text = export(capsys, monkeypatch, str(source), "--output", str(tmp_path / "first.onnx"))
    assert code == 1
    assert message in text
    assert "Traceback" not in text
    assert not (tmp_path / "first.onnx").exists()


def test_one_differing_spike_fails_and_is_named(tmp_path: Path, tiny_model: Path) -> None:
    bundle, features = Bundle.read(tiny_model), synthetic_features((50, 101), 5)
    assert parity.check(bundle, features).windows == 5
    trace = parity.run(bundle.network(), features)

    def off_by_one(chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        spikes = trace.layer_spikes.copy()
        spikes[3, 1] += 1
        return trace.spike_counts, spikes, trace.margin

    with pytest.raises(ModelError, match="window 3, spikes of layer 1: the trainer gives"):
        parity.check(bundle, features, off_by_one)


def test_the_trainers_pass_is_the_reference(tmp_path: Path) -> None:
    found = checkpoint.load(write_checkpoint(tmp_path / "first"))
    features = synthetic_features((50, 101), 4)
    counts, spikes, margin = trainer_forward(found)(features)
    trace = parity.run(found.integer_network(), features)
    np.testing.assert_array_equal(counts, trace.spike_counts)
    np.testing.assert_array_equal(spikes, trace.layer_spikes)
    np.testing.assert_array_equal(margin, trace.margin)
