"""What the tests on other processors share: a model that is hard on int8 arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.model.network import IntegerNetwork, Layer, Stem
from export.graph import model_file, network_document


@pytest.fixture(scope="session")
def write_wide_model() -> Callable[[Path, Stem], ModelFile]:
    """Writes a model with a wide dense layer of the largest weights to a path."""
    return _write_wide_model


def _write_wide_model(path: Path, stem: Stem) -> ModelFile:
    """Write the model, with the shipped model's front end; weights come in pairs of ±the most, so that pairs of
    products leave 16 bits if they are added there."""
    shipped, rng = ModelFile.read(default_model_path()), np.random.default_rng(0)

    def layer(name: str, weight: np.ndarray, threshold: int) -> Layer:
        neurons = len(weight)
        return Layer(
            name=name,
            kind="dense",
            weight=weight.astype(np.int8),
            bias=rng.integers(40, 60, neurons).astype(np.int32),
            threshold=np.full(neurons, threshold, np.int32),
            beta_256=np.array([200], np.int32),
            reset="subtract",
        )

    bands, frames = shipped.metadata.frontend.shape
    inputs = bands * frames
    first = np.repeat(rng.choice([-127, 127], (64, inputs // 2)), 2, axis=1)
    network = IntegerNetwork(
        layers=(
            layer("first", first, 20_000),
            layer("second", rng.integers(-127, 128, (1120, 64)), 300),
            layer("labels", rng.integers(-127, 128, (2, 1120)), 500),
        ),
        time_steps=5,
        input_shape=(bands, frames),
        stem=stem,
    )
    metadata = shipped.metadata.model_copy(update={"network": network_document(network)})
    path.write_bytes(model_file(network, metadata))
    return ModelFile.read(path)
