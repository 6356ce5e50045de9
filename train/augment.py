"""Augmentation: changes to a window's picture that leave its label as it is.

A call may come a little earlier or later, be fainter against the noise, lie under a knock or a tone, or share the
window with another sound. Pictures stay what the front end gives, whole numbers 0…255, so a network that is trained
on augmented pictures has only seen inputs that can occur. Masks are after SpecAugment (Park et al. 2019), mixing of
examples after mixup (Zhang et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PEAK = 255.0


@dataclass(frozen=True)
class Augmentation:
    """What is done to training pictures.

    Attributes:
        time_shift: greatest shift in frames, either way; what leaves on one side enters on the other.
        band_shift: greatest shift in bands, either way; edges repeat.
        gain: contrasts are multiplied by 1 ± this at most.
        mask_bands: widest band mask; one a picture, filled with each band's mean.
        mask_frames: longest time mask.
        mixup: parameter of the Beta distribution of mixing weights, 0 for none.
        noise: share of pictures over which a noise picture is laid (the louder of the two is seen).
    """

    time_shift: int = 14
    band_shift: int = 0
    gain: float = 0.15
    mask_bands: int = 7
    mask_frames: int = 11
    mixup: float = 0.2
    noise: float = 0.0


NOTHING = Augmentation(0, 0, 0.0, 0, 0, 0.0, 0.0)


def augment(
    pictures: Tensor,
    labels: Tensor,
    how: Augmentation,
    rng: np.random.Generator,
    noise: NDArray[np.uint8] | None = None,
) -> tuple[Tensor, Tensor]:
    """Augment a batch.

    Args:
        pictures: float [N, bands, frames], 0…255.
        labels: float [N, labels], shares that sum to 1.
        how: what to do.
        rng: source of randomness.
        noise: uint8 [M, bands, frames], pictures without a call to lay over others.

    Returns:
        Pictures (whole numbers 0…255) and labels of the same shapes.
    """
    x = _shift(pictures, how, rng)
    n = len(x)
    if how.noise > 0 and noise is not None and len(noise):
        chosen = _at(x, noise[rng.integers(0, len(noise), n)]).float()
        fainter = _at(x, rng.uniform(0, 0.5 * PEAK, n)).float()[:, None, None]
        mixed = torch.maximum(x, chosen - fainter)
        x = torch.where(_at(x, rng.random(n) < how.noise)[:, None, None], mixed, x)
    if how.gain > 0:
        middle = x.mean(dim=2, keepdim=True)
        factor = _at(x, rng.uniform(1 - how.gain, 1 + how.gain, n)).float()[:, None, None]
        x = middle + (x - middle) * factor
    x = _mask(x, how, rng)
    if how.mixup > 0:
        share = float(rng.beta(how.mixup, how.mixup))
        other = _at(x, rng.permutation(n))
        x, labels = share * x + (1 - share) * x[other], share * labels + (1 - share) * labels[other]
    return x.round().clamp(0, PEAK), labels


def _shift(x: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    n, bands, frames = x.shape
    if how.time_shift:
        move = _at(x, rng.integers(-how.time_shift, how.time_shift + 1, n))
        index = (torch.arange(frames, device=x.device)[None] - move[:, None]) % frames
        x = torch.gather(x, 2, index[:, None, :].expand(-1, bands, -1))
    if how.band_shift:
        move = _at(x, rng.integers(-how.band_shift, how.band_shift + 1, n))
        index = (torch.arange(bands, device=x.device)[None] - move[:, None]).clamp(0, bands - 1)
        x = torch.gather(x, 1, index[:, :, None].expand(-1, -1, frames))
    return x


def _mask(x: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    _, bands, frames = x.shape
    hidden = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
    if how.mask_bands:
        hidden |= _interval(x, bands, how.mask_bands, rng)[:, :, None]
    if how.mask_frames:
        hidden |= _interval(x, frames, how.mask_frames, rng)[:, None, :]
    return torch.where(hidden, x.mean(dim=2, keepdim=True), x)


def _interval(x: Tensor, size: int, longest: int, rng: np.random.Generator) -> Tensor:
    """One random interval of 0…longest places a picture of x, bool [N, size]."""
    begin = _at(x, rng.integers(0, size, len(x)))[:, None]
    length = _at(x, rng.integers(0, longest + 1, len(x)))[:, None]
    place = torch.arange(size, device=x.device)[None]
    return (place >= begin) & (place < begin + length)


def _at(x: Tensor, drawn: NDArray[Any]) -> Tensor:
    """Numbers that were drawn, where x is: drawn by numpy, so that they are the same on every device."""
    return torch.from_numpy(drawn).to(x.device)
