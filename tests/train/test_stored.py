"""A stored result is taken for the one that is asked for only if it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.errors import UsageError
from train.checkpoint import write_json
from train.default_recipe import default_recipe
from train.recipe import Recipe
from train.stored import check_result, read_result, recipe_difference

RESULTS = Path(__file__).resolve().parents[2] / "train" / "results"
ABOUT = {"data": "sea", "split": "random", "folds": 5, "fold": 0, "data_digest": "a1", "noise_digest": None}


@pytest.mark.parametrize("name", ["conv", "cnn", "frames", "template", "mlp2d"])
def test_committed_results_are_still_those_of_the_default_recipes(name: str) -> None:
    paths = sorted((RESULTS / "right_whale_logmel" / name).glob("*-fold*.json"))
    assert paths
    for path in paths:
        split, fold = path.stem.split("-fold")
        about = ABOUT | {"data": "right_whale_logmel", "split": split, "fold": int(fold)}
        check_result(path, read_result(path), default_recipe(name), about)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("split", ["random", "blocked"])
def test_committed_results_were_judged_on_the_folds_that_are_cut_today(shared_data: Path, split: str) -> None:
    import train.data
    from train.crossval import folds

    data = train.data.open(shared_data / "right_whale_logmel.npz")
    found = folds(data.labels, data.order, 5, split, group=data.group)
    assert len(found) == 5
    for number, fold in enumerate(found):
        path = RESULTS / "right_whale_logmel" / "conv" / f"{split}-fold{number}.json"
        check_result(path, read_result(path), default_recipe("conv"), {}, fold.test)


def test_fields_that_an_old_result_lacks_have_their_defaults() -> None:
    recipe = default_recipe("conv")
    old = json.loads(json.dumps(recipe.to_json()))
    del old["validation"], old["schedule"]["patience"], old["teacher"]["schedule"]["seed"], old["augmentation"]["noise"]
    assert recipe_difference(old, recipe) is None
    assert recipe_difference(old, replace(recipe, validation=0.1)) == "validation is 0.0 there, not 0.1"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (default_recipe("cnn"), "network is 'mlp2d' there, not 'cnn'"),
        (replace(default_recipe("mlp2d"), settings={"slope": 2.0}), "settings.stem is set there"),
        (default_recipe("mlp2d", epochs=3), "schedule.epochs is 8 there, not 3"),
    ],
)
def test_the_difference_of_recipes_is_told(tmp_path: Path, other: Recipe, words: str) -> None:
    with pytest.raises(UsageError, match="another recipe") as caught:
        check_result(tmp_path / "x.json", {"recipe": default_recipe("mlp2d").to_json()}, other, {})
    assert words in caught.value.message
    assert "--output" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data", "lake"),
        ("split", "blocked"),
        ("folds", 3),
        ("fold", 1),
        ("data_digest", "b2"),
        ("noise_digest", "c3"),
    ],
)
def test_what_a_result_says_of_itself_is_compared(tmp_path: Path, key: str, value: object) -> None:
    recipe = default_recipe("template")
    found = ABOUT | {"recipe": recipe.to_json()}
    check_result(tmp_path / "x.json", found, recipe, ABOUT)
    with pytest.raises(UsageError, match="the result of another"):
        check_result(tmp_path / "x.json", found, recipe, ABOUT | {key: value})
    del found[key]  # an older file does not say it
    check_result(tmp_path / "x.json", found, recipe, ABOUT | {key: value})


def test_judged_windows_are_compared(tmp_path: Path) -> None:
    recipe = default_recipe("template")
    np.savez(tmp_path / "x.npz", place=np.array([1, 2, 3]))
    found = {"recipe": recipe.to_json()}
    check_result(tmp_path / "x.json", found, recipe, {}, np.array([3, 2, 1]))
    with pytest.raises(UsageError, match="other windows"):
        check_result(tmp_path / "x.json", found, recipe, {}, np.array([1, 2]))


def test_a_measure_that_is_no_number_is_null_in_the_file_and_nan_when_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"auc": float("nan"), "auc_float": 0.5, "losses": [1.0, float("inf")], "noise_digest": None})

    def strict(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    stored = json.loads(path.read_text(), parse_constant=strict)
    assert stored == {"auc": None, "auc_float": 0.5, "losses": [1.0, None], "noise_digest": None}
    found = read_result(path)
    assert np.isnan(found["auc"])
    assert found["auc_float"] == 0.5
    assert found["noise_digest"] is None


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_damaged_result_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="not a result"):
        read_result(tmp_path / "x.json")
