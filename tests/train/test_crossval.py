import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import UsageError
from train import crossval
from train.augment import NOTHING
from train.crossval import Fold, cross_validate, folds, run_fold
from train.default_recipe import default_recipe
from train.fold_summary import summary
from train.loop import Training
from train.part import Part
from train.recipe import Recipe, follow, untaught


def part(n: int = 120) -> Part:
    """Calls have a bright upper half: any network learns that."""
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % 3 == 0).astype(np.uint8)
    features = rng.integers(0, 120, (n, 10, 12))
    features[labels == 1, 5:, 4:8] += 120
    return Part(features.astype(np.uint8), labels)


RECIPE = Recipe(
    "mlp2d",
    {"hidden": [16, 8, 8], "time_steps": 3, "norm": "batch"},
    Training(epochs=4, batch=16, rate=1e-2, average=0.9),
    NOTHING,
    fine_tuning=Training(epochs=1, batch=16, rate=1e-4),
)


@given(st.integers(2, 7), st.sampled_from(["random", "blocked"]), st.integers(0, 3))
def test_every_window_is_tested_once_and_never_learned_from_then(count: int, split: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, order = (np.arange(60) % 3 == 0).astype(np.uint8), rng.permutation(60)
    found = folds(labels, order, count, split, seed)
    assert len(found) == count
    assert sorted(np.concatenate([f.test for f in found]).tolist()) == list(range(60))
    for fold in found:
        assert not set(fold.train) & set(fold.test)
        assert len(fold.train) + len(fold.test) == 60


def test_random_folds_have_the_same_share_of_calls() -> None:
    labels = (np.arange(100) < 20).astype(np.uint8)
    assert [int(labels[f.test].sum()) for f in folds(labels, np.arange(100), 5, "random")] == [4] * 5


def test_blocked_folds_are_contiguous_in_time() -> None:
    order = np.random.default_rng(0).permutation(50) * 7
    found = folds((np.arange(50) % 2).astype(np.uint8), order, 5, "blocked")
    assert len(found) == 5
    for fold in found:
        times = np.sort(order[fold.test])
        assert times.max() - times.min() == 7 * (len(times) - 1)


@pytest.mark.parametrize("split", ["random", "blocked"])
def test_groups_stay_whole(split: str) -> None:
    group = np.repeat(np.arange(20), 4)
    labels = (np.arange(80) % 2).astype(np.uint8)
    found = folds(labels, np.arange(80), 4, split, group=group)
    assert len(found) == 4
    for fold in found:
        assert not set(group[fold.train]) & set(group[fold.test])


@pytest.mark.parametrize(("count", "split"), [(1, "random"), (5, "sideways"), (99, "blocked")])
def test_impossible_folds_are_refused(count: int, split: str) -> None:
    with pytest.raises(UsageError):
        folds(np.zeros(10, np.uint8), np.arange(10), count, split)


@pytest.mark.parametrize(("split", "count", "recordings"), [("random", 3, 2), ("blocked", 3, 2), ("random", 2, 1)])
def test_fewer_recordings_than_folds_are_told(split: str, count: int, recordings: int) -> None:
    labels = (np.arange(60) % 3 == 0).astype(np.uint8)
    with pytest.raises(
        UsageError, match=rf"^{recordings} groups of windows \(recordings\) cannot be divided into {count} folds"
    ):
        folds(labels, np.arange(60), count, split, group=np.arange(60) % recordings)


def test_blocks_that_a_long_recording_leaves_empty_are_told() -> None:
    group = np.array([0] * 50 + [1, 2, 3, 4] + [4] * 6)
    with pytest.raises(UsageError, match=r"5 groups .* has no windows to be judged on"):
        folds((np.arange(60) % 3 == 0).astype(np.uint8), np.arange(60), 5, "blocked", group=group)


def test_folds_that_leave_no_calls_to_learn_from_are_told() -> None:
    labels = (np.arange(60) < 10).astype(np.uint8)
    with pytest.raises(UsageError, match="fold 0 has no calls and other windows to learn from"):
        folds(labels, np.arange(60), 3, "blocked")
    with pytest.raises(UsageError, match="has no calls and other windows to learn from"):
        folds(labels, np.arange(60), 3, "random", group=np.arange(60) // 10)


def test_fewer_calls_than_random_folds_are_told() -> None:
    with pytest.raises(UsageError, match="5 random folds of 3 windows with a call, 57 without"):
        folds((np.arange(60) < 3).astype(np.uint8), np.arange(60), 5, "random")


@pytest.mark.slow
def test_a_fold_is_judged_and_written(tmp_path: Path) -> None:
    data = part()
    fold = folds(data.labels, np.arange(120), 3, "random")[0]
    outcome = run_fold(RECIPE, data, fold, tmp_path / "a" / "fold0.json", keep=tmp_path / "state")
    assert outcome["auc"] > 0.95
    assert outcome["converged"]
    assert outcome["windows"] == 40
    assert json.loads((tmp_path / "a" / "fold0.json").read_text()) == outcome
    stored = np.load(tmp_path / "a" / "fold0.npz")
    assert np.array_equal(stored["place"], fold.test)
    assert np.array_equal(stored["label"], data.labels[fold.test])
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
def test_a_fold_that_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = part()
    fold = folds(data.labels, np.arange(120), 3, "random")[0]
    first = run_fold(RECIPE, data, fold, tmp_path / "fold0.json")
    monkeypatch.setattr(crossval, "follow", lambda *_args, **_more: pytest.fail("trained again"))
    assert run_fold(RECIPE, data, fold, tmp_path / "fold0.json") == first


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": dataclasses.replace(RECIPE, network="template")},
        {"part": part(123).take(np.arange(120) + 3)},
        {"fold": folds(part().labels, np.arange(120), 4, "random")[0]},
        {"noise": part().features[:2]},
        {"about": {"data": "lake"}},
    ],
    ids=["recipe", "windows", "fold", "noise", "data"],
)
def test_a_stored_result_of_something_else_is_refused(tmp_path: Path, change: dict) -> None:
    """Other windows by their digest; another cut by the windows that were judged, also where nobody names it."""
    data = part()
    asked = {"recipe": RECIPE, "part": data, "fold": folds(data.labels, np.arange(120), 3, "random")[0]}
    asked |= {"result": tmp_path / "fold0.json", "about": {"data": "sea"}}
    first = run_fold(**asked)
    assert run_fold(**asked) == first
    with pytest.raises(UsageError, match=r"result of another|other windows") as caught:
        run_fold(**asked | change)
    assert "--output" in caught.value.hint


DIVERGING = dataclasses.replace(RECIPE, schedule=dataclasses.replace(RECIPE.schedule, rate=1e36))


def test_a_fold_that_diverged_is_recorded_without_an_auc(tmp_path: Path) -> None:
    data = part()
    fold = folds(data.labels, np.arange(120), 3, "random")[0]
    np.savez(tmp_path / "fold0.npz", margin=np.zeros(2))  # of an earlier result that somebody deleted
    outcome = run_fold(DIVERGING, data, fold, tmp_path / "fold0.json", about={"fold": 0}, keep=tmp_path / "state")
    assert np.isnan([outcome["auc"], outcome["auc_float"], outcome["auc_training"]]).all()
    assert outcome["converged"] is False
    assert "diverged" in outcome
    text = (tmp_path / "fold0.json").read_text()
    assert '"auc": null' in text
    assert "NaN" not in text
    assert not (tmp_path / "fold0.npz").exists()
    assert not (tmp_path / "state").exists()
    again = run_fold(DIVERGING, data, fold, tmp_path / "fold0.json", about={"fold": 0})
    assert np.isnan(again["auc"])
    assert summary([again])["not_converged"] == [0]


def test_the_test_part_is_not_looked_at(tmp_path: Path) -> None:
    """Other test pictures change the score, never the weights."""
    data = part()
    fold = folds(data.labels, np.arange(120), 3, "random")[0]
    spoiled = Part(data.features.copy(), data.labels.copy())
    spoiled.features[fold.test] = 0
    spoiled.labels[fold.test] = 1 - spoiled.labels[fold.test]
    one = run_fold(RECIPE, data, fold, tmp_path / "one.json")
    two = run_fold(RECIPE, spoiled, fold, tmp_path / "two.json")
    assert one["loss"] == two["loss"]
    assert one["auc_training"] == two["auc_training"]


def test_a_recipe_survives_json() -> None:
    assert Recipe.from_json(json.loads(json.dumps(RECIPE.to_json()))) == RECIPE
    with pytest.raises(UsageError):
        Recipe.from_json({"network": "conv", "colour": "blue"})


def test_summary_by_hand() -> None:
    results = [{"auc": a, "auc_float": a + 0.01, "converged": a > 0.6} for a in (0.9, 0.5, 0.8)]
    found = summary(results)
    assert found["median_auc"] == 0.8
    assert found["mean_auc"] == pytest.approx(2.2 / 3)
    assert (found["least_auc"], found["greatest_auc"]) == (0.5, 0.9)
    assert found["median_auc_float"] == pytest.approx(0.81)
    assert found["not_converged"] == [1]


def test_summary_leaves_out_what_has_no_number_and_names_its_fold() -> None:
    nan = float("nan")
    results = [{"fold": f, "auc": a, "auc_float": a, "converged": a > 0.6} for f, a in ((1, 0.9), (3, nan), (4, 0.7))]
    found = summary(results)
    assert found["median_auc"] == pytest.approx(0.8)
    assert (found["least_auc"], found["greatest_auc"]) == (0.7, 0.9)
    assert found["not_converged"] == [3]
    assert found["folds"] == 3
    assert np.isnan(found["auc"][1])
    assert np.isnan(summary([results[1]])["median_auc"])


def cross(folder: Path, count: int = 3, **more: object) -> dict:
    data = part()
    recipe = more.pop("recipe", RECIPE)
    return cross_validate(recipe, data, np.arange(120), None, count, "random", folder, data="sea", **more)


def test_the_summary_is_over_all_folds_that_are_there(tmp_path: Path) -> None:
    assert cross(tmp_path, only=(2,))["folds"] == 1
    one = json.loads((tmp_path / "random-fold2.json").read_text())["auc"]
    both = cross(tmp_path, only=(0,))
    assert both["folds"] == 2
    assert both["auc"][1] == round(one, 5)
    assert json.loads((tmp_path / "random-summary.json").read_text()) == both
    assert not (tmp_path / "random-fold1.json").exists()


def test_windows_that_are_not_judged_are_learned_from_in_every_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, learned = part(), []
    judged = np.arange(30, 90)

    def spy(recipe: Recipe, learn: Part, **rest: object) -> object:
        learned.append(learn)
        return follow(recipe, learn, **rest)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(crossval, "follow", spy)
    found = cross_validate(
        replace(RECIPE, schedule=replace(RECIPE.schedule, epochs=1)), windows, np.arange(120), None, 2, "blocked",
        tmp_path, data="beside", judged=judged,
    )  # fmt: skip
    assert found["folds"] == 2
    tested = [np.load(tmp_path / f"blocked-fold{number}.npz")["place"] for number in range(2)]
    assert [list(places) for places in tested] == [list(range(30, 60)), list(range(60, 90))]
    for learn, places in zip(learned, tested, strict=True):
        others = np.setdiff1d(np.arange(120), places)
        assert sorted(map(bytes, learn.features)) == sorted(map(bytes, windows.features[others]))


def test_kin_of_what_judges_is_not_learned_from() -> None:
    kin = np.array([0, 1, 2, 3, 4, 5, 0, 0, 3, 9])
    fold = Fold(np.array([1, 2, 3, 4, 6, 7, 8, 9]), np.array([0, 5]))
    assert fold.without_kin(kin).train.tolist() == [1, 2, 3, 4, 8, 9]
    assert fold.without_kin(kin).test.tolist() == [0, 5]
    assert fold.without_kin(None) is fold


def test_every_fold_leaves_out_the_kin_of_what_judges_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows 90 to 119 are windows 30 to 59, laid into other sound."""
    kin, learned = np.arange(120), []
    kin[90:] = np.arange(30, 60)

    def spy(recipe: Recipe, learn: Part, **rest: object) -> object:
        learned.append(learn)
        return follow(recipe, learn, **rest)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(crossval, "follow", spy)
    cross_validate(
        replace(RECIPE, schedule=replace(RECIPE.schedule, epochs=1)), replace(part(), kin=kin), np.arange(120), None, 2,
        "blocked", tmp_path, data="beside", judged=np.arange(30, 90),
    )  # fmt: skip
    assert [sorted(learn.kin.tolist()) for learn in learned] == [  # type: ignore[union-attr]  # they have
        [*range(30), *range(60, 90)],
        sorted([*range(60), *range(30, 60)]),
    ]


def test_folds_of_another_cut_or_recipe_do_not_mix(tmp_path: Path) -> None:
    cross(tmp_path, only=(2,))
    with pytest.raises(UsageError, match="number of folds: 3, not 5"):
        cross(tmp_path, count=5)
    with pytest.raises(UsageError, match="results of more than 2 folds"):
        cross(tmp_path, count=2)
    with pytest.raises(UsageError, match=r"another recipe: schedule\.epochs is 4 there, not 3"):
        cross(tmp_path, recipe=dataclasses.replace(RECIPE, schedule=Training(epochs=3)))
    with pytest.raises(UsageError, match="no fold 3 of 3"):
        cross(tmp_path, only=(3,))


def test_an_untaught_recipe_is_the_same_but_for_its_teachers() -> None:
    taught = default_recipe("conv")
    alone = untaught(taught)
    assert taught.teacher is not None
    assert alone.teacher is None
    assert alone.schedule == dataclasses.replace(taught.schedule, distil=0.0)
    assert alone.fine_tuning == dataclasses.replace(taught.fine_tuning, distil=0.0)
    assert untaught(default_recipe("template")) == default_recipe("template")
