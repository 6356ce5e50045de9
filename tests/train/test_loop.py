import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_daemon.errors import UsageError
from train.augment import NOTHING, Augmentation
from train.loop import Training, fit, margins, score_auc
from train.networks import build
from train.part import Part
from train.quantise import DivergedError, QuantisedNetwork

SHAPE = (12, 16)

QUICK = Training(epochs=3, batch=16, rate=1e-2, average=0.9)


def rising(n: int = 96, seed: int = 0) -> Part:
    """Pictures with a rising (1) or a falling (0) line in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n).astype(np.uint8)
    pictures = rng.integers(0, 90, (n, *SHAPE))
    for picture, label in zip(pictures, labels, strict=True):
        begin = rng.integers(0, 6)
        for i in range(10):
            picture[i + 1 if label else 10 - i, begin + i] = 250
    return Part(pictures.astype(np.uint8), labels)


def network(name: str = "cnn", seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return build(name, SHAPE, {"hidden": [32, 16, 8], "time_steps": 3, "norm": "batch"} if name == "mlp2d" else {})


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.slow
def test_it_learns_what_can_be_learned() -> None:
    module = network("mlp2d")
    progress = fit(module, rising(256), replace(QUICK, epochs=12), NOTHING)
    assert score_auc(module, rising(128, seed=1)) > 0.9
    assert progress.loss[-1] < progress.loss[0]


def test_same_seed_same_weights() -> None:
    found = []
    for seed in (0, 0, 1):
        module = network("mlp2d")
        fit(module, rising(), replace(QUICK, seed=seed), Augmentation(time_shift=2, mask_bands=2, mask_frames=2))
        found.append(weights(module))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


class InterruptedRunError(Exception):
    pass


def test_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = network("mlp2d")
    fit(whole, rising(), QUICK, Augmentation(time_shift=2), validation=rising(32, 2))
    lines = itertools.count()

    def stop(_: str) -> None:
        if next(lines) == 1:
            raise InterruptedRunError

    with pytest.raises(InterruptedRunError):
        fit(
            network("mlp2d"),
            rising(),
            QUICK,
            Augmentation(time_shift=2),
            validation=rising(32, 2),
            folder=tmp_path,
            report=stop,
        )
    resumed, epochs = network("mlp2d", seed=9), []
    progress = fit(
        resumed,
        rising(),
        QUICK,
        Augmentation(time_shift=2),
        validation=rising(32, 2),
        folder=tmp_path,
        report=epochs.append,
    )
    assert len(epochs) == 1, "two of three epochs were done before"
    assert len(progress.loss) == 3
    assert torch.equal(weights(resumed), weights(whole))


def test_a_state_of_another_schedule_is_refused(tmp_path: Path) -> None:
    fit(network("mlp2d"), rising(), QUICK, NOTHING, folder=tmp_path)
    with pytest.raises(UsageError, match="another schedule"):
        fit(network("mlp2d"), rising(), replace(QUICK, rate=1e-4), NOTHING, folder=tmp_path)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"part": rising(96, 1)}, "another training part"),
        ({"validation": rising(32, 4)}, "another validation part"),
        ({"augmentation": Augmentation()}, "another augmentation"),
        ({"noise": rising(4).features}, "another noise"),
        ({"belongs": "another"}, "another recipe"),
    ],
)
def test_a_state_of_another_run_is_refused(tmp_path: Path, other: dict, words: str) -> None:
    run = {"part": rising(), "schedule": replace(QUICK, epochs=1), "augmentation": NOTHING, "validation": rising(32, 3)}
    fit(network("mlp2d"), folder=tmp_path, **run)
    fit(network("mlp2d"), folder=tmp_path, **run)
    with pytest.raises(UsageError, match=words):
        fit(network("mlp2d"), folder=tmp_path, **run | other)


def test_a_state_that_does_not_say_whose_it_is_is_refused(tmp_path: Path) -> None:
    """Those of earlier versions: nobody can tell which windows they have seen."""
    fit(network("mlp2d"), rising(), QUICK, NOTHING, folder=tmp_path)
    state = torch.load(tmp_path / "training-state.pt", weights_only=True)
    del state["run"]
    torch.save(state, tmp_path / "training-state.pt")
    with pytest.raises(UsageError, match="does not say which windows"):
        fit(network("mlp2d"), rising(), QUICK, NOTHING, folder=tmp_path)


@pytest.mark.parametrize("validation", [None, rising(32, 3)])
def test_training_that_diverges_ends_and_is_told(validation: Part | None) -> None:
    with pytest.raises(DivergedError, match="diverged in epoch") as caught:
        fit(network("mlp2d"), rising(), replace(QUICK, rate=1e36), NOTHING, validation=validation)
    assert "rate" in caught.value.hint


def test_early_stopping_keeps_the_best_epoch() -> None:
    module = network("mlp2d")
    # a rate of nothing: no epoch is better than the first
    schedule = replace(QUICK, epochs=10, rate=1e-30, weight_decay=0.0, patience=2)
    progress = fit(module, rising(), schedule, NOTHING, validation=rising(32, 3))
    best = progress.best_epoch
    assert progress.validation_auc[best] == max(progress.validation_auc)
    assert len(progress.loss) < 10 or best >= 7


def test_class_weighting_evens_out_a_rare_class() -> None:
    """Features say nothing: the answer is the prior, or one half when classes are weighted."""
    labels = np.array([1] * 16 + [0] * 112, np.uint8)
    part = Part(np.random.default_rng(0).integers(0, 255, (128, *SHAPE)).astype(np.uint8), labels)
    blank = Part(np.full_like(part.features, 100), labels)
    means = []
    for weighting in (False, True):
        module = network("template")
        fit(
            module,
            blank,
            Training(epochs=30, batch=32, rate=0.05, class_weighting=weighting, label_smoothing=0.0),
            NOTHING,
        )
        means.append(1 / (1 + np.exp(-margins(module, blank.features).mean())))
    assert means[0] == pytest.approx(0.125, abs=0.04)
    assert means[1] == pytest.approx(0.5, abs=0.07)


@pytest.mark.slow
def test_a_pupil_comes_to_agree_with_its_teacher() -> None:
    part = rising(128)
    teacher = network("mlp2d", seed=5)
    fit(teacher, part, replace(QUICK, epochs=8), NOTHING)
    # the labels say nothing, only the teacher knows
    wrong = Part(part.features, np.random.default_rng(0).integers(0, 2, 128).astype(np.uint8))
    pupil = network("mlp2d", seed=1)
    fit(pupil, wrong, replace(QUICK, epochs=16, distil=1.0), NOTHING, teachers=[teacher])
    assert np.corrcoef(margins(pupil, part.features), margins(teacher, part.features))[0, 1] > 0.9


@pytest.mark.slow
def test_a_quantised_network_can_be_trained() -> None:
    module = network("mlp2d")
    fit(module, rising(256), replace(QUICK, epochs=8), NOTHING)
    quantised = QuantisedNetwork(module)
    fit(quantised, rising(256), replace(QUICK, epochs=2, rate=1e-3), NOTHING)
    assert score_auc(quantised, rising(128, seed=1)) > 0.9
    exact, single = (margins(quantised, rising(20).features, exact=e) for e in (True, False))
    assert exact == pytest.approx(single, abs=1e-5)


def test_margins_do_not_depend_on_the_batch() -> None:
    module, features = network("mlp2d"), rising(30).features
    quantised = QuantisedNetwork(module)
    assert np.array_equal(margins(quantised, features, 7, exact=True), margins(quantised, features, 30, exact=True))


def test_learning_rate_rises_and_falls() -> None:
    schedule = Training(rate=1.0, warmup=0.25)
    rates = [schedule.rate_at(step, 8) for step in range(8)]
    # up: 0.04 at the start, half way at 0.04 + 0.96/2; down: (1 + cos(π·k/6))/2
    assert rates[:3] == pytest.approx([0.04, 0.52, 1.0])
    assert rates[5] == pytest.approx(0.5)
    assert rates[7] == pytest.approx((1 + np.cos(5 * np.pi / 6)) / 2)
    assert [Training(rate=1.0, warmup=0.0).rate_at(s, 1) for s in range(1)] == [1.0]
