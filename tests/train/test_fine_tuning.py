"""Going on from a trained network: the same integers, better on what is new, not worse on what was."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import train.data
from edge_daemon.errors import UsageError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.shipped import model_path
from train.__main__ import main
from train.ancestor import Ancestor
from train.checkpoint import load
from train.fine_tuning import ALLOWED_FALL, SCHEDULE, _halves, tune
from train.part import Part
from train.quantise import to_integer_network
from train.start import start_from


def ocean(text: str) -> Part:
    data = train.data.open(text)
    assert data.features is not None
    return Part(data.features, data.labels)


@pytest.mark.parametrize("name", ["right_whale", "right_whale_portable"])
def test_the_start_has_the_integers_of_the_model_file(name: str) -> None:
    known, start = ModelFile.read(model_path(name)), start_from(model_path(name))
    found = to_integer_network(start.network)
    for ours, theirs in zip(found.layers, known.network().layers, strict=True):
        for array in ("weight", "bias", "threshold", "beta_256"):
            np.testing.assert_array_equal(getattr(ours, array), getattr(theirs, array))
        assert (ours.shift, ours.reset, ours.stride) == (theirs.shift, theirs.reset, theirs.stride)
    assert start.document.calibration == known.metadata.calibration


@pytest.mark.slow
def test_new_windows_are_learned_and_old_ones_kept() -> None:
    """On the synthetic ocean, which the shipped network never heard, a few hundred windows help."""
    start, old = start_from(model_path("right_whale")), ocean("synthetic:n=300,seed=7,snr=0..12")
    before = [layer.weight.clone() for layer in start.network.quantised_layers()]
    network, figures = tune(start, ocean("synthetic:n=300,seed=2,snr=0..12"), old, schedule=replace(SCHEDULE, epochs=4))
    assert figures["kept_epoch"] >= 0
    assert figures["after"]["new_loss"] < 0.97 * figures["before"]["new_loss"]
    assert figures["after"]["old_auc"] >= figures["before"]["old_auc"] - ALLOWED_FALL
    assert not any(
        np.array_equal(ours.integer_weight().detach(), theirs.detach())
        for ours, theirs in zip(network.quantised_layers(), before, strict=True)
    )
    for layer, weight in zip(start.network.quantised_layers(), before, strict=True):
        assert (layer.weight == weight).all()  # the start is left as it is


@pytest.mark.slow
def test_a_network_that_would_forget_stays_as_it_was() -> None:
    """Labels that contradict all it knows: nothing can be learned from them without forgetting."""
    start, old = start_from(model_path("right_whale")), ocean("synthetic:n=300,seed=7,snr=6..12")
    wrong = ocean("synthetic:n=200,seed=2,snr=6..12")
    wrong = Part(wrong.features, 1 - wrong.labels)
    network, figures = tune(start, wrong, old, schedule=replace(SCHEDULE, epochs=3, rate=2e-2))
    assert figures["after"]["old_auc"] >= figures["before"]["old_auc"] - ALLOWED_FALL
    assert figures["kept_epoch"] == -1
    for ours, theirs in zip(network.quantised_layers(), start.network.quantised_layers(), strict=True):
        assert (ours.weight == theirs.weight).all()


@pytest.mark.parametrize(("most", "again"), [(1000, 50), (40, 40), (0, 0)])
def test_what_is_heard_again_does_not_judge(most: int, again: int) -> None:
    old = Part(np.arange(100, dtype=np.uint8)[:, None, None], (np.arange(100) % 5 == 0).astype(np.uint8))
    rehearsed, judging = _halves(old, most, seed=3)
    assert len(rehearsed.labels) == again
    assert int(rehearsed.labels.sum()) == again // 5
    assert sorted([*rehearsed.features.ravel(), *judging.features.ravel()]) == list(range(100))


def test_too_few_verdicts_are_refused() -> None:
    start, part = start_from(model_path("right_whale")), ocean("synthetic:n=20,seed=1")
    with pytest.raises(UsageError, match="10 are needed"):
        tune(start, Part(part.features[:15], (np.arange(15) < 3).astype(np.uint8)), part)


@pytest.mark.slow
def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", "synthetic:n=120,seed=2", "--old", "synthetic:n=120,seed=7", "--epochs", "1"]
    main.main(["fit", "--from", "right_whale", *words, "--output", str(tmp_path / "own")], standalone_mode=False)
    said = capsys.readouterr().out
    assert "new windows" in said
    assert f"python -m export {tmp_path / 'own'}" in said
    document = load(tmp_path / "own").document
    assert document.quantised
    assert document.data.endswith("then synthetic ocean (120 clips, seed 2)")
    assert "Cornell" in document.credit
    assert document.training["fine_tuned"]["schedule"]["epochs"] == 1
    shipped = Ancestor.of_model(ModelFile.read(model_path("right_whale")), "start")
    assert document.ancestors == (shipped,)
    again = ["fit", "--from", str(tmp_path / "own"), *words, "--output", str(tmp_path / "again")]
    main.main(again, standalone_mode=False)
    later = load(tmp_path / "again").document
    assert later.data.count("then synthetic") == 2
    assert later.credit == document.credit
    weights = hashlib.sha256((tmp_path / "own/weights.safetensors").read_bytes()).hexdigest()
    own = Ancestor(role="start", name="own", digest=weights, credit=document.credit)
    assert later.ancestors == (own, shipped)
    for more, wrong in ((["--network", "conv"], "--network"), (["--set", "beta=0.1"], "--set")):
        with pytest.raises(UsageError, match=f"{wrong} means nothing with --from"):
            main.main(["fit", "--from", "right_whale", *words, *more], standalone_mode=False)
