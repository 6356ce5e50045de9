"""The export command: from a checkpoint to a checked model file and its card; parity that can fail."""

from __future__ import annotations

import json
import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_daemon.backends import create
from edge_daemon.backends.event.backend import EventBackend
from edge_daemon.errors import ModelError, UsageError
from edge_daemon.model.frontend import LogMelSpec
from edge_daemon.model.model_file import ModelFile, ModelMetadata, OperatingPoint
from edge_daemon.model.network import IntegerNetwork
from edge_daemon.model.score_calibration import logistic
from edge_daemon.model.shipped import model_path
from export import parity
from export.__main__ import run
from export.card import markdown, write_card
from export.evidence import spread
from export.graph import model_file, network_document
from export.modelfile import (
    COUNTED_WINDOWS,
    PARITY_WINDOWS,
    Changes,
    changed_point,
    remake,
    synthetic_features,
    trainer_forward,
    trainer_spikes,
)

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


@pytest.mark.slow
def test_export_writes_a_model_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    source, model = write_checkpoint(tmp_path / "first"), tmp_path / "first.onnx"
    code, text = export(capsys, monkeypatch, str(source), "--output", str(model), "--threshold", "0.7")
    assert code == 0, text
    assert "70 windows agree spike for spike" in text
    assert "8 ways to run" in text
    opened = ModelFile.read(model)
    assert opened.metadata.name == "first"
    assert opened.metadata.operating_point.threshold == 0.7
    assert opened.metadata.operating_point.threshold_low == 0.35
    assert opened.metadata.provenance.credit == "Credit where it is due."
    counted = opened.metadata.metrics["operations"]
    assert counted["weights_a_layer"] == [layer.weight.size for layer in opened.network().layers]
    assert counted["multiply_accumulates"] > 0
    assert (counted["windows"], counted["source"]) == (70, "synthetic pictures")
    assert create(opened).infer(synthetic_features((50, 101), 3)).score.shape == (3,)
    assert len(model.read_bytes()) < 100_000


@pytest.mark.slow
def test_a_model_file_is_made_anew_without_its_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    old, new = tmp_path / "first.onnx", tmp_path / "again.onnx"
    export(capsys, monkeypatch, str(write_checkpoint(tmp_path / "first")), "--output", str(old), "--threshold", "0.7")
    code, text = export(capsys, monkeypatch, "remake", str(old), "--output", str(new), "--version", "1.0.1")
    assert code == 0, text
    assert "70 windows agree spike for spike between reference and 8 ways to run" in text
    before, after = ModelFile.read(old), ModelFile.read(new)
    assert after.metadata.version == "1.0.1"
    code, text = export(capsys, monkeypatch, "remake", str(new), "--output", str(old), "--version", "1.0.1")
    assert code == 1
    assert "The model already has version 1.0.1." in text
    assert after.metadata.graph_sha256 == before.metadata.graph_sha256  # by the same exporter
    assert after.metadata.provenance.command == (
        f"{before.metadata.provenance.command} && python -m export remake {old} --output {new} --version 1.0.1"
    )
    pictures = synthetic_features((50, 101), 5)
    np.testing.assert_array_equal(create(after).infer(pictures).score, create(before).infer(pictures).score)


@pytest.mark.slow
def test_models_inside_the_package_go_by_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = export(capsys, monkeypatch, "card", "right_whale")
    assert code == 0, text
    assert text.split() == ["right_whale.md", "right_whale.png"]
    version = ModelFile.read(model_path("right_whale")).metadata.version
    assert (tmp_path / "right_whale.md").read_text(encoding="utf-8").startswith(f"# right_whale {version}\n")
    code, text = export(
        capsys, monkeypatch, "remake", "right_whale", "--output", "new.onnx", "--version", "9", "--threshold", "0.9"
    )
    assert code == 0, text
    made, known = ModelFile.read(tmp_path / "new.onnx").metadata, ModelFile.read(model_path("right_whale")).metadata
    assert (made.name, made.version, made.provenance.licence) == ("right_whale", "9", known.provenance.licence)
    assert (made.provenance.credit, made.weaknesses) == (known.provenance.credit, known.weaknesses)
    # how the former threshold was chosen says nothing of this one
    assert made.operating_point == known.operating_point.model_copy(update={"threshold": 0.9, "note": ""})
    code, text = export(capsys, monkeypatch, "card", "right_wale")
    assert code == 1
    assert "The model right_wale cannot be read" in text


@pytest.mark.parametrize("command", [("checkpoint",), ("remake", "model.onnx", "--version", "2")])
def test_a_context_of_a_few_seconds_is_refused(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("checkpoint", "model.onnx"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    code, text = export(capsys, monkeypatch, *command, "--output", "new.onnx", "--context", "5")
    assert code != 0
    assert "is neither 0 nor from 30 to 600 s." in text


def test_event_rules_are_changed_by_name() -> None:
    point = OperatingPoint(threshold=0.8, threshold_low=0.2, min_windows=3, note="As it was.")
    changed = changed_point(point, {"threshold": 0.6, "min_rise_hz": 30.0, "context_s": 60.0, "note": "Anew."})
    assert changed == OperatingPoint(
        threshold=0.6, threshold_low=0.2, min_windows=3, min_rise_hz=30, context_s=60, note="Anew."
    )
    assert changed_point(point, dict.fromkeys(("threshold", "note"))) == point
    assert changed_point(point, {"threshold": 0.8}) == point
    assert changed_point(point, {"threshold": 0.9}).note == ""
    with pytest.raises(UsageError, match="The lower threshold"):
        changed_point(point, {"threshold": 0.1})
    with pytest.raises(
        UsageError, match=r"^min_rise_hz 20000\.0 cannot be: Input should be less than or equal to 10000"
    ):
        changed_point(point, {"min_rise_hz": 20000.0})


def test_impossible_event_rules_are_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(write_checkpoint(tmp_path / "first"))
    for words, told in (
        (["--min-windows", "2000"], "min_windows 2000 cannot be"),
        (["--threshold", "0.3", "--threshold-low", "0.4"], "The lower threshold (0.4) would be above"),
    ):
        code, text = export(capsys, monkeypatch, folder, "--output", str(tmp_path / "new.onnx"), *words)
        assert code == 2
        assert told in text
    assert not (tmp_path / "new.onnx").exists()


@pytest.mark.slow
def test_what_was_counted_in_real_clips_is_replaced_only_by_what_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    old = tmp_path / "first.onnx"
    export(capsys, monkeypatch, str(write_checkpoint(tmp_path / "first")), "--output", str(old))
    made = ModelFile.read(old)
    metrics = {"operations": {"source": "clips"}, "random_folds": {"median_auc": 0.9}}
    known = made.metadata.model_copy(update={"metrics": metrics})
    old.write_bytes(model_file(made.network(), known))
    pictures = synthetic_features((50, 101), 20)
    kept, _ = remake(ModelFile.read(old), Changes("2"), pictures)
    assert kept.metadata.metrics == metrics
    counted, _ = remake(ModelFile.read(old), Changes("2", weaknesses=("Deaf.",)), pictures, "other.npz")
    assert counted.metadata.metrics["random_folds"] == {"median_auc": 0.9}
    assert counted.metadata.metrics["operations"]["source"] == "other.npz"
    assert counted.metadata.weaknesses == (*known.weaknesses, "Deaf.")
    healed, _ = remake(counted, Changes("3", weaknesses=("Blind.",), dropped=("Dea",)), pictures)
    assert healed.metadata.weaknesses == (*known.weaknesses, "Blind.")
    with pytest.raises(UsageError, match="No weakness of the model contains 'lame'"):
        remake(counted, Changes("3", dropped=("lame",)), pictures)


@pytest.mark.slow
def test_the_card_says_what_the_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    model = tmp_path / "first.onnx"
    export(capsys, monkeypatch, str(write_checkpoint(tmp_path / "first")), "--output", str(model))
    code, text = export(capsys, monkeypatch, "card", str(model), "--output", str(tmp_path / "card"))
    assert code == 0, text
    card, picture = write_card(model, tmp_path / "card")
    told = card.read_text(encoding="utf-8")
    for part in (ModelFile.read(model).digest, "Credit where it is due.", "Activation sparsity", "50 × 101"):
        assert part in told
    # what nobody measured is said to be missing
    assert "| random folds | not measured |" in told
    assert "Recall at a given number of false alarms an hour was not measured." in told
    assert picture.read_bytes()[:4] == b"\x89PNG"
    text_path, picture_path = write_card(model, tmp_path / "docs" / "model-card.md")
    assert (text_path.name, picture_path.name) == ("model-card.md", "model-card.png")
    assert "(model-card.png)" in text_path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_operations_are_counted_all_over_the_archive_that_the_card_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small_parity: None
) -> None:
    """Archives may be sorted: here what is quiet comes first, and alone would hardly make a spike."""
    monkeypatch.setattr("export.modelfile.COUNTED_WINDOWS", 20)
    pictures = synthetic_features((50, 101), 100)
    pictures[:50] = 90
    fake = SimpleNamespace(features=pictures)
    monkeypatch.setattr("train.data.open", lambda _spec: fake)
    source, model = write_checkpoint(tmp_path / "first"), tmp_path / "first.onnx"
    code, text = export(capsys, monkeypatch, str(source), "--output", str(model), "--features", "some/where/ocean.npz")
    assert code == 0, text
    opened = ModelFile.read(model)
    counted = opened.metadata.metrics["operations"]
    chosen = spread(spread(pictures, 70), 20)
    assert (chosen == 90).all(axis=(1, 2)).sum() == 10
    _, expected = EventBackend.create(opened, EventBackend.Options()).count(chosen)
    assert counted["accumulates"] == expected.accumulates.mean()
    assert (counted["windows"], counted["source"]) == (20, "ocean.npz")
    assert "Means over 20 windows, spread evenly over ocean.npz. Definitions" in markdown(opened, "picture.png")


def test_a_thousand_windows_are_those_of_the_energy_table() -> None:
    bench = runpy.run_path(str(Path(__file__).resolve().parents[1] / "benchmarks" / "bench_energy.py"))
    assert bench["CLIPS"] == COUNTED_WINDOWS == PARITY_WINDOWS
    numbers = np.arange(6920, dtype=np.int64)
    chosen = numbers[np.linspace(0, len(numbers) - 1, bench["CLIPS"]).astype(int)]
    np.testing.assert_array_equal(spread(spread(numbers, PARITY_WINDOWS), COUNTED_WINDOWS), chosen)


@pytest.mark.slow
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
    assert ModelFile.read(model).metadata.weaknesses == ("Old.", "Deaf in rain.")
    told = markdown(ModelFile.read(model), "picture.png")
    assert "|  | 0.93 | 0.61 |  | 1 |" in told
    assert "|  | 0.7 | 0.89 |  | 10 |" in told
    assert "a night (12.5 h, 1,234 calls): Events touch calls." in told
    assert "Rates that rest on fewer than 10 false alarms in the hours listened to are rough." not in told
    later = tmp_path / "later.json"
    later.write_text(json.dumps({"continuous": [night | {"data": "a week"}], "weaknesses": ["Song."]}))
    code, text = export(
        capsys, monkeypatch, "remake", str(model), "--output", str(model), "--version", "2", "--evidence", str(later)
    )
    assert code == 0, text
    remade = ModelFile.read(model).metadata
    assert [sound["data"] for sound in remade.metrics["continuous"]] == ["a week"]
    assert remade.weaknesses == ("Old.", "Deaf in rain.", "Song.")
    night["hours"] = 9.9
    evidence.write_text(json.dumps({"continuous": [night]}))
    metrics = {"continuous": json.loads(evidence.read_text())["continuous"]}
    short = ModelFile.read(model)
    short.metadata = short.metadata.model_copy(update={"metrics": metrics})
    assert "fewer than 10 false alarms" in markdown(short, "picture.png")
    code, text = export(
        capsys, monkeypatch, str(tmp_path / "first"), "--output", str(model), "--evidence", str(tmp_path / "none")
    )
    assert code != 0
    assert "cannot be read" in text


def test_the_card_tells_layers_and_folds_by_number(tiny_model: Path) -> None:
    opened = ModelFile.read(tiny_model)
    folds = {"auc": [0.9, 0.8, 0.95], "median_auc": 0.9, "median_auc_float": 0.91}
    operations = {**dict.fromkeys(OPERATIONS, 10.0), "windows": 7, "spikes_a_layer": [510.0, 18.0, 4.0]}
    opened.metadata = opened.metadata.model_copy(
        update={"metrics": {"random_folds": folds, "blocked_folds": folds, "operations": operations}}
    )
    told = markdown(opened, "picture.png")
    assert "| random folds | 0.9000 | 0.8000 to 0.9500 | 0.9000, 0.8000, 0.9500 | 0.9100 |" in told
    assert "| blocks, in order of time | 0.9000 |" in told
    steps = opened.network().time_steps
    assert f"| 510.0 | {510 / 5100 / steps:.1%} |" in told
    assert "sums over time, dense, 2 neurons" in told


OPERATIONS = (
    "multiply_accumulates", "accumulates", "membrane_updates", "activation_sparsity", "energy_float_nj",
    "energy_integer_nj", "conventional_multiply_accumulates", "conventional_energy_float_nj",
    "conventional_energy_integer_nj",
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"quantised": False}, "contains real numbers"), ({"calibrated": False}, "no calibration")],
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


def test_one_differing_spike_fails_and_is_named(tiny_model: Path) -> None:
    opened, features = ModelFile.read(tiny_model), synthetic_features((50, 101), 5)
    assert parity.check(opened, features).windows == 5
    trace = parity.run(opened.network(), features, keep=True)
    place = tuple(int(index) for index in np.argwhere(~trace.spikes[1][:, 3:4])[-1])
    step, _, channel, band, frame = place

    def off_by_one(chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A spike too many in layer 1 of window 3; what follows it is wrong, too, and in an earlier window as well."""
        spikes, counts = trace.layer_spikes.copy(), trace.spike_counts.copy()
        spikes[3, 1] += 1
        spikes[1, 2] += 1
        counts[1, 0] += 1
        return counts, spikes, trace.margin

    def spikes(window: np.ndarray) -> list[np.ndarray]:
        np.testing.assert_array_equal(window, features[3:4])
        found = [one[:, 3:4].copy() for one in trace.spikes]
        found[1][place] = True
        found[2][:] = ~found[2]
        return found

    with pytest.raises(ModelError, match=r"window 3, spikes of layer 1 \(second\): the trainer gives") as caught:
        parity.check(opened, features, off_by_one)
    assert "arose" not in caught.value.message
    with pytest.raises(ModelError) as caught:
        parity.check(opened, features, off_by_one, spikes)
    membrane, threshold = trace.membranes[1][:, 3:4][place], opened.network().layers[1].threshold[channel]
    assert caught.value.message.endswith(
        f"It arose in layer second at step {step}, channel {channel}, band {band}, frame {frame}: the reference does"
        f" not spike, at a membrane of {membrane} and a threshold of {threshold}."
    )


@pytest.mark.slow
def test_a_wrong_graph_is_told_by_its_first_layer(
    tiny_network: IntegerNetwork, tiny_metadata: ModelMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's graph has another threshold in layer 0 than the reference: not the output's count is named."""
    layer = tiny_network.layers[0]
    features = synthetic_features((50, 101), 70)
    for reset in ("subtract", "zero"):
        first = replace(layer, reset=reset)
        network = replace(tiny_network, layers=(first, *tiny_network.layers[1:]))
        metadata = tiny_metadata.model_copy(update={"network": network_document(network)})
        opened = ModelFile.from_bytes(model_file(network, metadata))
        higher = replace(first, threshold=first.threshold + 1)
        other = replace(network, layers=(higher, *network.layers[1:]))
        monkeypatch.setattr(opened, "network", lambda other=other: other)
        with pytest.raises(ModelError) as caught:
            parity.check(opened, features)
        told = caught.value.message
        assert "spikes of layer 0 (first): the graph (batch 1, threads 1, optimisation on) gives" in told
        assert "It arose in layer first at step" in told
        found = re.search(r"the reference does not spike, at a membrane of (\d+) and a threshold of (\d+)\.$", told)
        assert found is not None
        assert found[1] == found[2], "the only membranes that another threshold decides otherwise"


@pytest.mark.slow
def test_the_trainers_pass_is_the_reference(tmp_path: Path) -> None:
    found = checkpoint.load(write_checkpoint(tmp_path / "first"))
    features = synthetic_features((50, 101), 4)
    counts, spikes, margin = trainer_forward(found)(features)
    trace = parity.run(found.integer_network(), features)
    np.testing.assert_array_equal(counts, trace.spike_counts)
    np.testing.assert_array_equal(spikes, trace.layer_spikes)
    np.testing.assert_array_equal(margin, trace.margin)
    spikes = parity.run(found.integer_network(), features, keep=True).spikes
    assert spikes
    for train, expected in zip(trainer_spikes(found)(features), spikes, strict=True):
        np.testing.assert_array_equal(train.reshape(expected.shape), expected)
