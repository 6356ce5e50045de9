"""Layers of convolution: the reference's integers by each way that a processor may have."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_daemon.backends.compiled.layout import LaidOutNetwork
from edge_daemon.model.network import IntegerNetwork, Layer

agrees = runpy.run_path(str(Path(__file__).parent / "test_backend.py"))["agrees"]
CHANNELS = st.sampled_from([1, 8, 16, 17, 24, 33, 48, 64, 65, 100])


@st.composite
def convolutions(draw: Any) -> IntegerNetwork:
    """Two or three convolutions of all shapes before a dense layer; most are such as are swept column after column."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    steps, size = draw(st.integers(1, 4)), (draw(st.integers(6, 13)), draw(st.integers(6, 15)))
    shape, layers = (1, *size), []
    for number in range(draw(st.integers(2, 3))):
        high = draw(st.sampled_from([3, 3, 3, 1, 2, 4])) if number else 3
        kernel = min(high, shape[1]), min(draw(st.integers(1, 4)), shape[2])
        out, moves = draw(CHANNELS), draw(st.booleans())
        threshold = 30 * (255 if number == 0 else 1)
        layer = Layer(
            str(number),
            "conv",
            rng.integers(-40, 60, (out, shape[0], *kernel)).astype(np.int8),
            rng.integers(-60, 90, out).astype(np.int32),
            rng.integers(threshold, 3 * threshold, out).astype(np.int32),
            rng.integers(0, 257, draw(st.sampled_from([1, out]))).astype(np.int32),
            draw(st.sampled_from(["subtract", "zero"])),
            shift=draw(st.integers(-1, 1)),
            stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))) if moves else (1, 1),
            padding=(draw(st.integers(0, 3)), draw(st.integers(0, 3))),
        )
        _, rows, columns = layer.output_shape(shape)
        pools = draw(st.booleans()) and rows > 1 and columns > 2
        layers.append(layer := Layer(**{**vars(layer), "max_pool": (2, draw(st.integers(2, 3)))}) if pools else layer)
        shape = layer.output_shape(shape)
    ones = np.ones(2, np.int32)
    weight = rng.integers(-30, 40, (2, int(np.prod(shape)))).astype(np.int8)
    last = Layer("last", "dense", weight, ones, 90 * ones, 200 * ones, "subtract")
    return IntegerNetwork((*layers, last), steps, size, draw(st.sampled_from(["none", "band_median"])))


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(network=convolutions(), windows=st.integers(1, 3), seed=st.integers(0, 99))
def test_convolutions(way: None, network: IntegerNetwork, windows: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (windows, *network.input_shape))
    agrees(network, values.astype(np.uint8))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "sweeps"),
    [
        ((3, 3), (1, 1), (1, 1), True),
        ((3, 1), (1, 1), (2, 0), True),
        ((3, 3), (1, 1), (3, 1), False),
        ((3, 3), (1, 2), (1, 1), False),
        ((2, 3), (1, 1), (1, 1), False),
    ],
)
def test_which_layers_are_swept(
    kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], sweeps: bool
) -> None:
    """Only in these does a spike say from which column it comes."""
    ones = np.ones(20, np.int32)
    first = Layer("f", "conv", np.ones((20, 1, 3, 3), np.int8), ones, ones, ones, "zero")
    second = Layer(
        "s", "conv", np.ones((20, 20, *kernel), np.int8), ones, ones, ones, "zero", stride=stride, padding=padding
    )
    _, rows, columns = second.output_shape((20, 9 - 2, 9 - 2))
    last = Layer("l", "dense", np.ones((2, 20 * rows * columns), np.int8), ones[:2], ones[:2], ones[:2], "zero")
    laid = LaidOutNetwork(IntegerNetwork((first, second, last), 1, (9, 9))).layers
    assert (bool(laid[1].sweeps), laid[0].event_row, laid[0].event_column) == (sweeps, 32, 20 * 32 * sweeps)
    assert bool(laid[1].reach_begins) is not sweeps
