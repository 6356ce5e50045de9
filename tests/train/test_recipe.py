"""Recipes: followed without interruption or with one, the weights are the same; seeds and noise reach everything."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edge_daemon.errors import UsageError
from edge_daemon.model.frontend import LogMelSpec
from train import recipe as recipes
from train.augment import NOTHING, Augmentation
from train.checkpoint import CheckpointDocument, save
from train.default_recipe import default_recipe
from train.loop import Training, score_auc
from train.part import Part
from train.recipe import Recipe, Teacher, Trained, follow, untaught, with_noise, with_seed
from train.state import History

SCHEDULE = Training(epochs=2, batch=16, rate=1e-2, average=0.9, distil=0.5)
RECIPE = Recipe(
    "mlp2d",
    {"hidden": [12, 8], "time_steps": 3, "norm": "batch"},
    SCHEDULE,
    Augmentation(time_shift=2, mask_bands=2, mask_frames=2),
    fine_tuning=replace(SCHEDULE, rate=1e-3),
    teacher=Teacher("cnn", {"channels": [4, 4, 4, 4]}, replace(SCHEDULE, distil=0.0), count=2),
    validation=0.25,
)
EPOCHS = 8
"""Two each of two teachers, of the float network and of the integer network."""


def part(n: int = 64) -> Part:
    """Calls have a bright corner."""
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % 4 == 0).astype(np.uint8)
    features = rng.integers(0, 120, (n, 32, 32))
    features[labels == 1, 16:, 8:16] += 120
    return Part(features.astype(np.uint8), labels)


class InterruptedRunError(Exception):
    pass


def weights(trained: Trained) -> torch.Tensor:
    networks = [trained.network, trained.final]
    return torch.cat([value.double().flatten() for network in networks for value in network.state_dict().values()])


@pytest.fixture(scope="module")
def whole() -> Trained:
    return follow(RECIPE, part())


def interrupt(folder: Path, after: int) -> None:
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        if len(lines) == after:
            raise InterruptedRunError

    with pytest.raises(InterruptedRunError):
        follow(RECIPE, part(), folder=folder, report=stop)


@pytest.mark.slow
@pytest.mark.parametrize("after", range(1, EPOCHS + 1))
def test_followed_with_an_interruption_the_weights_are_the_same(tmp_path: Path, whole: Trained, after: int) -> None:
    """Wherever it happens: in a teacher, in real numbers or in integers."""
    interrupt(tmp_path, after)
    lines: list[str] = []
    resumed = follow(RECIPE, part(), folder=tmp_path, report=lines.append)
    assert len(lines) == EPOCHS - after
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.fine_tuning == whole.fine_tuning


def test_windows_that_were_learned_from_cannot_become_others(tmp_path: Path) -> None:
    """A state of the part that holds out 0 would have seen what a part that holds out 1 is judged on."""
    interrupt(tmp_path, 5)
    data = part()
    relabelled = Part(data.features, np.roll(data.labels, 1))
    for other in (data.take(np.arange(60)), relabelled):
        with pytest.raises(UsageError, match="another training part") as caught:
            follow(RECIPE, other, folder=tmp_path)
        assert "--output" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"hidden": [12, 8], "time_steps": 3, "norm": "batch", "beta": 0.5}}, "another recipe"),
        ({"augmentation": NOTHING}, "another augmentation"),
        ({"validation": 0.5}, "another validation part|another recipe, another training part"),
    ],
)
def test_a_state_of_another_recipe_is_refused(tmp_path: Path, change: dict, words: str) -> None:
    interrupt(tmp_path, 5)
    with pytest.raises(UsageError, match=words):
        follow(replace(RECIPE, **change), part(), folder=tmp_path)


def test_a_state_with_other_noise_is_refused(tmp_path: Path) -> None:
    interrupt(tmp_path, 1)
    with pytest.raises(UsageError, match="another noise"):
        follow(RECIPE, part(), folder=tmp_path, noise=part().features[:3])


def test_validation_is_set_aside_by_kind_and_seed() -> None:
    data = part(80)
    data.features[:, 0, 0] = np.arange(80)  # every window can be told
    learn, validation = recipes._set_aside(data, 0.25, 0)
    assert validation is not None
    assert (len(learn.labels), len(validation.labels)) == (60, 20)
    assert int(validation.labels.sum()) == 5, "a quarter of the calls"
    numbers = [*learn.features[:, 0, 0].tolist(), *validation.features[:, 0, 0].tolist()]
    assert sorted(numbers) == list(range(80)), "each window on one side"
    for taken in (learn, validation):
        assert np.array_equal(taken.labels, data.labels[taken.features[:, 0, 0]])
    again, other = (recipes._set_aside(data, 0.25, seed)[0] for seed in (0, 1))
    assert np.array_equal(again.features, learn.features)
    assert not np.array_equal(other.features, learn.features)
    assert recipes._set_aside(data, 0.0, 0) == (data, None)


def test_a_seed_is_set_everywhere() -> None:
    recipe = with_seed(RECIPE, 7)
    assert recipe.fine_tuning is not None
    assert recipe.teacher is not None
    assert [recipe.schedule.seed, recipe.fine_tuning.seed, recipe.teacher.schedule.seed] == [7, 7, 7]
    assert with_seed(recipe, 0) == RECIPE
    assert with_seed(default_recipe("cnn"), 0) == default_recipe("cnn")


def test_noise_is_mixed_in_unless_the_recipe_knows_better() -> None:
    for name in ("conv", "template", "mlp1d"):
        assert with_noise(default_recipe(name)).augmentation.noise == 0.3
    own = replace(RECIPE, augmentation=replace(NOTHING, noise=0.1))
    assert with_noise(own) == own


def test_teachers_hear_the_noise_too(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    def fit(*_args: object, noise: object = None, **_more: object) -> History:
        heard.append(noise)
        return History()

    monkeypatch.setattr(recipes, "fit", fit)
    noise = part().features[:3]
    follow(RECIPE, part(), noise=noise)
    assert len(heard) == 4
    assert all(found is noise for found in heard)


def test_the_waveform_network_gets_what_its_sister_needs_to_learn() -> None:
    """With snnTorch's slope of 25 and a constant 128 on every input it stays at an AUC of 0.50."""
    assert default_recipe("mlp1d").settings == default_recipe("mlp2d").settings == {"slope": 2.0, "stem": "band_median"}


LATER = replace(RECIPE, teacher=None, validation=0.0, fine_tuning=replace(SCHEDULE, epochs=6, distil=1.0))
CNN = Recipe("cnn", {"channels": [4, 4, 4, 4]}, Training(epochs=12, batch=16, rate=1e-2, average=0.9))
SPEC = LogMelSpec(bands=32, hop=129)
"""Features of 32 × 32."""


@pytest.fixture(scope="module")
def kept(whole: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints: fold 0 of the whole training in integers, and a network that takes calls for the rest."""
    folder = tmp_path_factory.mktemp("kept")
    document = CheckpointDocument(network="mlp2d", settings=RECIPE.settings, quantised=True, frontend=SPEC)
    save(folder / "run-0", whole.final, document)
    wrong = replace(part(), labels=1 - part().labels)
    document = CheckpointDocument(network="cnn", settings=CNN.settings, quantised=False, frontend=SPEC)
    save(folder / "wrong-0", follow(CNN, wrong).network, document)
    return folder


def begun(kept: Path, **changes: Any) -> Recipe:
    """The recipe of fold 0 that goes on from the integers."""
    return replace(LATER, start=str(kept / "run-{}"), **changes).of_fold("0")


def test_integers_go_on_from_where_they_start(kept: Path, whole: Trained) -> None:
    resting = follow(begun(kept, fine_tuning=None), part())
    assert torch.equal(weights(resting), torch.cat([weights(resting)[: len(weights(resting)) // 2]] * 2))
    for name, value in whole.final.state_dict().items():
        assert torch.equal(resting.final.state_dict()[name], value), name
    went_on = follow(begun(kept), part())
    assert went_on.progress.loss == []
    assert len(went_on.fine_tuning.loss) == 6 if went_on.fine_tuning else False
    assert not torch.equal(weights(went_on), weights(resting))


def test_a_trained_network_teaches_what_it_knows(kept: Path) -> None:
    """The labels say one thing, the teacher the opposite, and nothing but the teacher counts."""
    pupil = replace(CNN, schedule=replace(CNN.schedule, distil=1.0))
    assert score_auc(follow(pupil, part()).final, part()) > 0.9
    taught = replace(pupil, teachers=(str(kept / "wrong-{}"),)).of_fold("0")
    assert taught.teachers == (str(kept / "wrong-0"),)
    assert score_auc(follow(taught, part()).final, part()) < 0.1
    assert json.loads(json.dumps(taught.to_json())) == taught.to_json()
    assert Recipe.from_json(taught.to_json()) == taught


def test_a_recipe_without_its_teachers_has_none_of_either_kind() -> None:
    alone = untaught(replace(RECIPE, teachers=("runs/conv-{}",)))
    assert (alone.teacher, alone.teachers, alone.schedule.distil) == (None, (), 0.0)


def test_a_start_of_another_kind_is_refused(kept: Path) -> None:
    with pytest.raises(UsageError, match="the recipe asks for `mlp2d`"):
        follow(begun(kept, settings={"hidden": [6]}), part())
    with pytest.raises(UsageError, match="real numbers"):
        follow(replace(begun(kept), start=str(kept / "wrong-0")), part())
