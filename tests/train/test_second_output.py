"""A second output, for other whales: from kinds of a mixture to a model of three labels whose call must prevail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import train.data
from edge_daemon.backends import create
from edge_daemon.errors import UsageError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import run
from export.__main__ import main as export
from train.__main__ import main as train_main
from train.augment import NOTHING
from train.checkpoint import load
from train.data.dataset import Dataset
from train.loop import Training, fit, margins, score_auc
from train.material import Material
from train.part import Part
from train.recipe import Recipe, follow
from train.release import fit_checkpoint

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(
    "conv",
    {"channels": [4, 4, 6, 6], "time_steps": 3, "labels": 3},
    Training(epochs=6, batch=16, rate=2e-2, average=0.9),
    NOTHING,
    fine_tuning=Training(epochs=1, batch=16, rate=1e-3, average=0.9),
    others=("song",),
)


def three_kinds(n: int = 240) -> Dataset:
    """A third are calls (bright above), a third song (bright above and below), a third sea."""
    data = train.data.open(f"synthetic:n={n},seed=1,snr=0..12")
    assert data.features is not None
    which, rng = np.arange(n) % 3, np.random.default_rng(0)
    features = rng.integers(0, 90, data.features.shape)
    features[which > 0, 30:40, 30:60] += 120
    features[which == 2, 5:15, 30:60] += 120
    kinds = tuple(np.array(["sea", "calls", "song"])[which].tolist())
    return replace(data, features=features.astype(np.uint8), labels=(which == 1).astype(np.uint8), kinds=kinds)


def test_windows_without_a_call_of_the_named_kinds_are_the_others() -> None:
    data = three_kinds(9)
    part = Part.of(replace(data, labels=np.array([0, 1, 0, 0, 1, 1, 0, 1, 0], np.uint8)), ("song",))
    assert part.others is not None
    assert part.others.tolist() == [False, False, True, False, False, False, False, False, True]
    assert part.take(np.array([2, 3])).others.tolist() == [True, False]  # type: ignore[union-attr]
    material = Material.of(part, class_weighting=False, device=torch.device("cpu"), outputs=3)
    assert material.targets.argmax(1).tolist() == [0, 1, 2, 0, 1, 1, 0, 1, 2]


def test_kinds_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match="no windows of the kinds minke"):
        Part.of(three_kinds(9), ("minke",))
    with pytest.raises(UsageError, match="nobody has said which"):
        follow(RECIPE, Part.of(three_kinds(9)))
    with pytest.raises(UsageError, match="third output"):
        follow(replace(RECIPE, settings={}), Part.of(three_kinds(9), ("song",)))


def test_a_recipe_without_others_is_written_as_before() -> None:
    assert "others" not in replace(RECIPE, others=()).to_json()
    assert Recipe.from_json(RECIPE.to_json()) == RECIPE
    for name in ("conv", "cnn"):
        text = (ROOT / f"train/recipes/{name}_second_output.json").read_text(encoding="utf-8")
        assert '"labels": 3' in text


@pytest.mark.slow
def test_from_kinds_to_a_model_file(tmp_path: Path) -> None:
    data = three_kinds()
    fit_checkpoint(data, RECIPE, tmp_path / "fitted", hold_out="random:3:0")
    found = load(tmp_path / "fitted")
    assert found.document.labels == ("noise", "right_whale_upcall", "other_whale")
    part = Part.of(data)
    assert score_auc(found.network, part) > 0.95
    # each kind's own output is the greatest
    with torch.no_grad():
        evidence = found.network.eval()(torch.from_numpy(part.features).float()).numpy()
    said = np.array(["sea", "calls", "song"])[evidence.argmax(1)]
    assert np.mean(said == np.array(data.kinds)) > 0.9
    path = tmp_path / "three.onnx"
    words = [str(tmp_path / "fitted"), "--output", str(path), "--name", "three", "--licence", "none"]
    export.main(words, standalone_mode=False)
    model = ModelFile.read(path)
    assert model.metadata.label == "right_whale_upcall"
    assert len(model.metadata.labels) == 3
    trace = run(model.network(), part.features[:20])
    np.testing.assert_array_equal(trace.margin, margins(found.network, part.features[:20], exact=True))
    answer = create(model).infer(part.features[:20])
    np.testing.assert_array_equal(answer.spike_counts, trace.spike_counts)
    np.testing.assert_array_equal(answer.score, model.metadata.calibration.score(trace.margin))


@pytest.mark.slow
def test_folds_learn_which_windows_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(RECIPE, schedule=replace(RECIPE.schedule, epochs=1), fine_tuning=None)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
    data = replace(three_kinds(90), group=None)
    monkeypatch.setattr(train.data, "open", lambda _: data)
    words = ["crossval", "--data", "any", "--recipe", str(tmp_path / "recipe.json"), "--folds", "3", "--only", "0"]
    train_main.main([*words, "--output", str(tmp_path / "folds")], standalone_mode=False)
    assert (tmp_path / "folds" / "random-fold0.json").exists()


@pytest.mark.slow
def test_verdicts_may_be_taught_to_a_network_of_three_outputs() -> None:
    trained = follow(RECIPE, Part.of(three_kinds(), ("song",)))
    assert trained.quantised is not None
    fit(trained.quantised, Part.of(three_kinds(60)), replace(RECIPE.schedule, epochs=1, rate=1e-4), NOTHING)
    assert score_auc(trained.quantised, Part.of(three_kinds(60))) > 0.95
