"""Training tests compute on one thread: sums come in one order, so a seed gives the same network everywhere."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Results repeat from machine to machine as far as one thread can make them."""
    torch.set_num_threads(1)
