import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import train.data
import train.release
from edge_daemon.errors import UsageError
from edge_daemon.model.frontend import LogMelSpec, StftSpec
from edge_daemon.model.network import run
from train.__main__ import main
from train.ancestor import Ancestor
from train.checkpoint import load, save

SPEC = LogMelSpec(bands=10, window=800)


def bright(_spec: str) -> SimpleNamespace:
    """120 windows whose calls have a bright corner."""
    rng = np.random.default_rng(0)
    labels = (np.arange(120) % 3 == 0).astype(np.uint8)
    features = rng.integers(0, 120, (120, *SPEC.shape))
    features[labels == 1, 5:, 10:15] += 120
    return SimpleNamespace(
        name="bright",
        labels=labels,
        order=np.arange(120),
        group=None,
        features=features.astype(np.uint8),
        frontend=SPEC,
        credit="made up",
        notes=(),
        kinds=None,
        weights=None,
        kin=None,
    )


@pytest.fixture(autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.data, "open", bright)


def command(*words: str) -> None:
    main.main(list(words), standalone_mode=False)


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Options that train a small network quickly, from a recipe file."""
    recipe = {
        "network": "mlp2d",
        "settings": {"hidden": [16, 8, 8], "norm": "batch"},
        "schedule": {"epochs": 9, "batch": 16, "rate": 0.01, "average": 0.9},
        "augmentation": {"time_shift": 0, "mixup": 0.0},
        "fine_tuning": {"epochs": 0},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    return ["--data", "x", "--recipe", str(tmp_path / "recipe.json")]


def test_fit_writes_a_checkpoint_that_knows_where_it_comes_from(
    tmp_path: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command("fit", *small, "--set", "time_steps=4", "--output", str(tmp_path / "model"))
    assert "python -m export" in capsys.readouterr().out
    found = load(tmp_path / "model")
    assert found.document.settings == {"hidden": [16, 8, 8], "norm": "batch", "time_steps": 4}
    assert found.document.frontend == SPEC
    assert found.document.credit == "made up"
    assert found.document.split == "all but random:5:0"
    assert found.document.metrics["windows_learned_from"] == 96
    data = bright("")
    trace = run(found.integer_network(), data.features)
    assert found.document.calibration is not None
    score = found.document.calibration.score(trace.margin)
    assert score[data.labels == 1].mean() > score[data.labels == 0].mean() + 0.3


def test_a_checkpoint_knows_what_its_network_was_made_from(tmp_path: Path, small: list[str]) -> None:
    """It keeps the credit of both, and the whole line of what its start was made from."""
    recipe, first, second = tmp_path / "recipe.json", tmp_path / "first", tmp_path / "second"
    command("fit", *small, "--output", str(first))
    first_document = load(first).document
    assert first_document.ancestors == ()
    for folder, credit, licence in (
        (first, "Theirs.", "Terms of the first."),
        (tmp_path / "taught", "A teacher's.", None),
    ):
        ancestor = Ancestor(role="start", name="shipped", licence=licence)
        save(
            folder, load(first).network, first_document.model_copy(update={"credit": credit, "ancestors": (ancestor,)})
        )
    later = json.loads(recipe.read_text()) | {"start": str(first), "teachers": [str(tmp_path / "taught")]}
    recipe.write_text(json.dumps(later))
    command("fit", *small, "--output", str(second))
    found = load(second).document
    assert [(ancestor.role, ancestor.name, ancestor.licence, ancestor.credit) for ancestor in found.ancestors] == [
        ("start", "first", "", "Theirs."),
        ("start", "shipped", "Terms of the first.", ""),
        ("teacher", "taught", "", "A teacher's."),
        ("teacher", "shipped", None, ""),
    ]
    assert found.credit == "Theirs. A teacher's. made up"


@pytest.mark.slow
def test_crossval_then_a_network_of_everything_calibrated_by_it(tmp_path: Path, small: list[str]) -> None:
    command("crossval", *small, "--folds", "3", "--output", str(tmp_path / "folds"))
    summary = json.loads((tmp_path / "folds" / "random-summary.json").read_text())
    assert summary["folds"] == 3
    assert len(summary["auc"]) == 3
    command(
        "fit", *small, "--hold-out", "none", "--calibration", str(tmp_path / "folds"), "--output", str(tmp_path / "all")
    )
    document = load(tmp_path / "all").document
    assert document.split == "all"
    assert document.metrics["windows_learned_from"] == 120
    assert document.calibration is not None
    assert document.calibration.note == "3 held-out folds, 120 windows"
    command("figures", str(tmp_path / "folds"))
    assert (tmp_path / "folds" / "random-roc.png").exists()


@pytest.mark.slow
def test_calibration_is_by_folds_of_the_same_recipe_and_all_of_them(tmp_path: Path, small: list[str]) -> None:
    folds, model = tmp_path / "folds", ["--output", str(tmp_path / "all")]
    command("crossval", *small, "--folds", "3", "--output", str(folds))
    fit = ["fit", *small, "--hold-out", "none", "--calibration", str(folds), *model]
    np.savez(folds / "random-fold0.new.npz", margin=np.zeros(3))  # what an earlier version left when it was killed
    command(*fit)
    calibration = load(tmp_path / "all").document.calibration
    assert calibration is not None
    assert calibration.note == "3 held-out folds, 120 windows"
    with pytest.raises(UsageError, match=r"another recipe: settings\.time_steps is not set there"):
        command(*fit, "--set", "time_steps=4")
    (folds / "random-fold2.json").rename(folds / "elsewhere.json")
    with pytest.raises(UsageError, match=r"only folds \[0, 1\] of 3"):
        command(*fit)
    (folds / "elsewhere.json").rename(folds / "random-fold2.json")
    (folds / "random-fold1.npz").unlink()
    with pytest.raises(UsageError, match=r"fold1\.json has no margins"):
        command(*fit)


@pytest.mark.slow
def test_only_some_folds(tmp_path: Path, small: list[str]) -> None:
    command("crossval", *small, "--folds", "3", "--split", "blocked", "--only", "2", "--output", str(tmp_path / "b"))
    assert sorted(p.name for p in (tmp_path / "b").glob("*.json")) == ["blocked-fold2.json", "blocked-summary.json"]


@pytest.mark.parametrize(
    ("words", "seeds"), [([], [3, 4, 5]), (["--seed", "7"], [7, 7, 7]), (["--seed", "0"], [0, 0, 0])]
)
def test_a_seed_is_set_everywhere_or_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], seeds: list[int]
) -> None:
    teacher = {"network": "cnn", "schedule": {"seed": 5}}
    recipe = {"network": "conv", "schedule": {"seed": 3}, "fine_tuning": {"seed": 4}, "teacher": teacher}
    found = followed(tmp_path, monkeypatch, recipe, *words)["recipe"]
    assert [found.schedule.seed, found.fine_tuning.seed, found.teacher.schedule.seed] == seeds


class FollowedError(Exception):
    """Carries what would have been trained."""


def followed(folder: Path, monkeypatch: pytest.MonkeyPatch, recipe: dict, *words: str) -> dict:
    """What `fit` would train with."""

    def stop(recipe: object, _part: object, **more: object) -> None:
        raise FollowedError({"recipe": recipe} | more)

    monkeypatch.setattr(train.release, "follow", stop)
    (folder / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(FollowedError) as caught:
        command("fit", "--data", "x", "--recipe", str(folder / "recipe.json"), "--output", str(folder / "m"), *words)
    return caught.value.args[0]


def quiet(spec: str) -> SimpleNamespace:
    """The data set, or noise without calls, or noise for another front end."""
    found = vars(bright(spec))
    if spec.startswith("noise:"):
        found |= {"labels": np.zeros(120, np.uint8)}
    if spec.endswith("#stft"):
        found |= {"frontend": StftSpec()}
    return SimpleNamespace(**found)


def test_noise_that_is_given_is_mixed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.data, "open", quiet)
    found = followed(tmp_path, monkeypatch, {"network": "template"}, "--noise", "noise:harbour")
    assert found["recipe"].augmentation.noise == 0.3
    assert np.array_equal(found["noise"], bright("").features)
    found = followed(
        tmp_path, monkeypatch, {"network": "template", "augmentation": {"noise": 0.1}}, "--noise", "noise:x"
    )
    assert found["recipe"].augmentation.noise == 0.1
    assert followed(tmp_path, monkeypatch, {"network": "template"})["recipe"].augmentation.noise == 0.0


@pytest.mark.parametrize(
    ("noise", "words"), [("x", "40 of its windows contain a call"), ("noise:x#stft", "front ends")]
)
def test_noise_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: list[str], noise: str, words: str
) -> None:
    monkeypatch.setattr(train.data, "open", quiet)
    for name in ("fit", "crossval"):
        with pytest.raises(UsageError, match=words):
            command(name, *small, "--noise", noise, "--output", str(tmp_path / "m"))


@pytest.mark.slow
def test_a_fit_does_not_go_on_with_another_part_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: list[str]
) -> None:
    words = ["fit", *small, "--output", str(tmp_path / "m"), "--hold-out"]
    monkeypatch.setattr(train.release, "margins", lambda *_a, **_m: pytest.fail("as if it were killed here"))
    with pytest.raises(pytest.fail.Exception):
        command(*words, "random:5:0")
    with pytest.raises(UsageError, match="another training part"):
        command(*words, "random:5:1")


def test_a_held_out_part_without_calls_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = SimpleNamespace(**vars(bright("")) | {"labels": (np.arange(120) >= 60).astype(np.uint8)})
    monkeypatch.setattr(train.data, "open", lambda _spec: late)
    with pytest.raises(UsageError, match="needs both calls and other windows"):
        command("fit", "--data", "x", "--network", "template", "--hold-out", "blocked:5:0", "--output", str(tmp_path))


def test_sweep_prints_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = {
        "data": "x",
        "folds": 3,
        "first_folds": 1,
        "recipe": {"network": "mlp2d", "settings": {"hidden": [8, 8, 8]}, "schedule": {"epochs": 1}},
        "axes": {"beta": [0.8, 0.9], "time_steps": [1, 2]},
    }
    (tmp_path / "grid.json").write_text(json.dumps(grid))
    command("sweep", "--grid", str(tmp_path / "grid.json"), "--output", str(tmp_path / "out"))
    assert "time_steps=2" in capsys.readouterr().out
    assert (tmp_path / "out" / "table.csv").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "hidden"],
        ["--set", "colour=blue"],
        ["--hold-out", "random:5"],
        ["--hold-out", "random:5:7"],
        ["--network", "nonesuch"],
        ["--recipe", "missing.json"],
        ["--hold-out", "none", "--calibration", "nowhere"],
    ],
)
def test_mistakes_are_told(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(UsageError):
        command("fit", "--data", "x", "--network", "template", "--output", str(tmp_path / "m"), *words)


def test_one_recording_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stretch of its time is kept aside where whole recordings cannot be."""
    one = SimpleNamespace(**vars(bright("")) | {"group": np.zeros(120, np.int64)})
    monkeypatch.setattr(train.data, "open", lambda _spec: one)
    words = ["fit", "--data", "x", "--network", "template", "--epochs", "1", "--output", str(tmp_path / "t")]
    command(*words)
    said = capsys.readouterr().out
    assert "a stretch of time is kept aside" in said
    assert "cannot be exported" in said
    document = load(tmp_path / "t").document
    assert document.metrics["windows_learned_from"] == 96
