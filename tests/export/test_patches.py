"""Patches of convolutions against torch's."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from edge_daemon.network import Layer
from export.patches import patch_places


def convolution(size: tuple[int, int], **fields: tuple[int, int]) -> Layer:
    ones = np.ones(1, np.int32)
    weight = np.ones((1, 1, *size), np.int8)
    return Layer("one", "conv", weight, 0 * ones, ones, 256 * ones, "subtract", **fields)  # type: ignore[arg-type]


def test_by_hand() -> None:
    """A kernel of 1 × 2 on two bands of three frames, with a frame of padding at both ends: six is the padding."""
    found = patch_places(convolution((1, 2), padding=(0, 1)), (1, 2, 3))
    assert found.dtype == np.int32
    assert found.tolist() == [[6, 0], [0, 1], [1, 2], [2, 6], [6, 3], [3, 4], [4, 5], [5, 6]]


def test_max_pool_by_hand() -> None:
    """Two runs, one for each frame that the max-pool merges; the third frame is left over."""
    assert patch_places(convolution((1, 1), max_pool=(1, 2)), (1, 2, 3)).tolist() == [[0], [3], [1], [4]]


def test_against_torch() -> None:
    bands, frames = 6, 9
    numbers = torch.arange(1.0, 1 + bands * frames).reshape(1, 1, bands, frames)  # 0 is the padding
    for size, stride, padding in product([(1, 1), (3, 2), (5, 5)], [(1, 1), (2, 3)], [(0, 0), (1, 2), (2, 0)]):
        expected = torch.nn.functional.unfold(numbers, size, padding=padding, stride=stride)[0].T.numpy() - 1
        expected[expected < 0] = bands * frames
        found = patch_places(convolution(size, stride=stride, padding=padding), (1, bands, frames))
        np.testing.assert_array_equal(found, expected)
