"""The export command: from a checkpoint to a checked model file and its card; parity that can fail."""

from __future__ import annotations

import json
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
from export.card import markdown, write_card
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
    # what nobody measured is said to be missing
    assert "| random folds | not measured |" in told
    assert "Recall at a given number of false alarms an hour was not measured." in told
    assert picture.read_bytes()[:4] == b"\x89PNG"
    text_path, picture_path = write_card(model, tmp_path / "docs" / "model-card.md")
    assert (text_path.name, picture_path.name) == ("model-card.md", "model-card.png")
    assert "(model-card.png)" in text_path.read_text(encoding="utf-8")


def test_evidence_goes_into_file_and_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    model, evidence = tmp_path / "first.onnx", tmp_path / "evidence.json"
    figures = [
        {"false_alarms_per_hour": rate, "recall": recall, "threshold": threshold}
        for rate, recall, threshold in ((1, 0.614, 0.93), (10, 0.885, 0.7))
    ]
    night = {"data": "a night", "hours": 12.5, "calls": 1234, "figures": figures, "counted": "Events touch calls."}
    evidence.write_text(json.dumps({"continuous": [night], "weaknesses": ["Deaf in rain."]}))
    code, text = export(
        capsys, monkeypatch, str(write_checkpoint(tmp_path / "first")), "--output", str(model),
        "--evidence", str(evidence), "--weakness", "Old.",
    )  # fmt: skip
    assert code == 0, text
    assert Bundle.read(model).metadata.weaknesses == ("Old.", "Deaf in rain.")
    told = markdown(Bundle.read(model), "picture.png")
    assert "| a night | 12.5 | 1,234 | 1 | 61.4% | 0.93 |" in told
    assert "| a night | 12.5 | 1,234 | 10 | 88.5% | 0.7 |" in told
    assert "a night: Events touch calls." in told
    assert "Rates that rest on fewer than 10 false alarms in the hours listened to are rough." not in told
    night["hours"] = 9.9
    evidence.write_text(json.dumps({"continuous": [night]}))
    metrics = {"continuous": json.loads(evidence.read_text())["continuous"]}
    short = Bundle.read(model)
    short.metadata = short.metadata.model_copy(update={"metrics": metrics})
    assert "fewer than 10 false alarms" in markdown(short, "picture.png")
    code, text = export(
        capsys, monkeypatch, str(tmp_path / "first"), "--output", str(model), "--evidence", str(tmp_path / "none")
    )
    assert code != 0
    assert "cannot be read" in text


def test_the_card_tells_layers_and_folds_by_number(tiny_model: Path) -> None:
    bundle = Bundle.read(tiny_model)
    folds = {"auc": [0.9, 0.8, 0.95], "median_auc": 0.9, "median_auc_float": 0.91}
    operations = {**dict.fromkeys(OPERATIONS, 10.0), "windows": 7, "spikes_a_layer": [510.0, 18.0, 4.0]}
    bundle.metadata = bundle.metadata.model_copy(
        update={"metrics": {"random_folds": folds, "blocked_folds": folds, "operations": operations}}
    )
    told = markdown(bundle, "picture.png")
    assert "| random folds | 0.9000 | 0.8000 to 0.9500 | 0.9000, 0.8000, 0.9500 | 0.9100 |" in told
    assert "| blocks, in order of time | 0.9000 |" in told
    steps = bundle.network().time_steps
    assert f"| 510.0 | {510 / 5100 / steps:.1%} |" in told
    assert "sums over time, dense, 2 neurons" in told


OPERATIONS = (
    "multiply_accumulates", "accumulates", "membrane_updates", "activation_sparsity", "energy_float_nj",
    "energy_integer_nj", "conventional_multiply_accumulates", "conventional_energy_float_nj",
    "conventional_energy_integer_nj",
)  # fmt: skip


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
