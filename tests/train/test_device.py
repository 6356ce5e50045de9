from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_daemon.errors import UsageError
from train.augment import Augmentation
from train.crossval import Fold, run_fold
from train.device import chosen_device
from train.loop import Training
from train.part import Part
from train.recipe import Recipe, Teacher

RECIPE = Recipe(
    "mlp2d",
    {"hidden": [12, 8], "slope": 5.0, "norm": "batch", "time_steps": 4},
    schedule=Training(epochs=3, batch=16, rate=0.01),
    augmentation=Augmentation(time_shift=1, mask_bands=1, mask_frames=1, gain=0.1, mixup=0.2),
    fine_tuning=Training(epochs=1, batch=16, rate=1e-3, distil=0.3),
    teacher=Teacher("cnn", {"channels": [4, 4, 4, 4]}, Training(epochs=1, batch=16)),
)


def windows() -> Part:
    """96 windows whose calls have a bright corner."""
    rng = np.random.default_rng(0)
    labels = (np.arange(96) % 3 == 0).astype(np.uint8)
    features = rng.integers(0, 120, (96, 16, 24))
    features[labels == 1, 8:, 12:] += 100
    return Part(features.astype(np.uint8), labels)


@pytest.mark.parametrize(("name", "words"), [("abacus", "no device"), ("meta", "never tried"), ("cuda:99", "finds")])
def test_a_device_that_is_not_there_is_told(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        chosen_device(name)


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine")
def test_cuda_gives_the_cpus_numbers_within_rounding(tmp_path: Path) -> None:
    """With teachers and fine-tuning and without; a spike that rounding tips changes a margin, so likeness counts."""
    part, fold = windows(), Fold(np.arange(64), np.arange(64, 96))
    found = {}
    for recipe, kind in ((RECIPE, "whole"), (replace(RECIPE, teacher=None, fine_tuning=None), "plain")):
        for device in ("cpu", "cuda"):
            path = tmp_path / f"{kind}-{device}.json"
            result = run_fold(recipe, part, fold, path, device=chosen_device(device), keep=tmp_path / device)
            with np.load(path.with_suffix(".npz")) as stored:
                found[kind, device] = result, stored["margin_float"]
        (cpu, cpu_margins), (cuda, cuda_margins) = found[kind, "cpu"], found[kind, "cuda"]
        assert cuda["loss"] == pytest.approx(cpu["loss"], rel=0.02)
        assert cuda["auc_float"] == pytest.approx(cpu["auc_float"], abs=0.02)
        assert np.corrcoef(cpu_margins, cuda_margins)[0, 1] > 0.98
