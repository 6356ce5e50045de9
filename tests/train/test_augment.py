from dataclasses import replace

import numpy as np
import pytest
import torch

from train.augment import NOTHING, Augmentation, augment


def batch(n: int = 32, bands: int = 6, frames: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    pictures = torch.from_numpy(rng.integers(0, 256, (n, bands, frames))).float()
    return pictures, torch.nn.functional.one_hot(torch.from_numpy(rng.integers(0, 2, n)), 2).float()


def test_nothing_changes_nothing() -> None:
    pictures, labels = batch()
    x, y = augment(pictures, labels, NOTHING, np.random.default_rng(0))
    assert torch.equal(x, pictures)
    assert torch.equal(y, labels)


def test_same_seed_same_pictures() -> None:
    pictures, labels = batch()
    one, two, other = (augment(pictures, labels, Augmentation(), np.random.default_rng(s))[0] for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_pictures_stay_whole_numbers_in_range() -> None:
    pictures, labels = batch()
    how = Augmentation(band_shift=2, gain=0.5, noise=0.5)
    noise = np.random.default_rng(1).integers(0, 256, (4, 6, 20), dtype=np.uint8)
    x, y = augment(pictures, labels, how, np.random.default_rng(3), noise)
    assert x.shape == pictures.shape
    assert torch.equal(x, x.round())
    assert float(x.min()) >= 0
    assert float(x.max()) <= 255
    assert y.sum(dim=1).tolist() == pytest.approx([1.0] * len(y), abs=1e-6)


def test_time_shift_moves_whole_pictures_in_a_circle() -> None:
    pictures, labels = batch()
    x, _ = augment(pictures, labels, replace(NOTHING, time_shift=3), np.random.default_rng(0))
    moves = set()
    for before, after in zip(pictures, x, strict=True):
        fits = [m for m in range(-3, 4) if torch.equal(torch.roll(before, m, dims=1), after)]
        assert len(fits) == 1
        moves.add(fits[0])
    assert len(moves) == 7


def test_band_shift_repeats_the_edge() -> None:
    picture = torch.arange(5.0)[None, :, None].expand(40, 5, 3)
    x, _ = augment(picture, torch.zeros(40, 2), replace(NOTHING, band_shift=1), np.random.default_rng(0))
    columns = {tuple(column) for column in x[:, :, 0].tolist()}
    assert columns == {(0.0, 1, 2, 3, 4), (0.0, 0, 1, 2, 3), (1.0, 2, 3, 4, 4)}


def test_gain_keeps_each_bands_mean() -> None:
    pictures = 100 + batch()[0] / 10
    x, _ = augment(pictures, torch.zeros(32, 2), replace(NOTHING, gain=0.3), np.random.default_rng(0))
    assert torch.allclose(x.mean(dim=2), pictures.mean(dim=2), atol=0.6)  # rounding
    spread = x.std(dim=(1, 2)) / pictures.std(dim=(1, 2))
    assert 0.65 < float(spread.min()) < 0.9
    assert 1.1 < float(spread.max()) < 1.35


def test_masks_are_filled_with_the_bands_mean_and_no_wider_than_said() -> None:
    pictures, labels = batch(200)
    x, _ = augment(pictures, labels, replace(NOTHING, mask_frames=4), np.random.default_rng(0))
    changed = (x != pictures).any(dim=1)
    assert int(changed.sum(dim=1).max()) <= 4
    assert bool(changed.any())
    mean = pictures.mean(dim=2, keepdim=True).round().expand_as(x)
    assert torch.equal(x[x != pictures], mean[x != pictures])


def test_mixup_mixes_labels_as_it_mixes_pictures() -> None:
    pictures = torch.stack([torch.zeros(4, 5), torch.full((4, 5), 200.0)] * 8)
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]] * 8)
    x, y = augment(pictures, labels, replace(NOTHING, mixup=1.0), np.random.default_rng(5))
    assert torch.allclose(x[:, 0, 0] / 200, y[:, 1], atol=0.5 / 200)
    assert float(y[:, 1].min()) > 0 or float(y[:, 1].max()) == 1.0
    assert len(set(y[:, 1].tolist())) > 1


def test_noise_only_adds() -> None:
    pictures, labels = batch()
    noise = np.full((1, 6, 20), 255, np.uint8)
    x, _ = augment(pictures, labels, replace(NOTHING, noise=1.0), np.random.default_rng(0), noise)
    assert bool((x >= pictures).all())
    assert bool((x > pictures).any())
