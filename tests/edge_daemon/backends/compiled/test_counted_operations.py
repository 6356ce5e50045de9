"""What the benchmark counts of the kernel: no less than the spikes ask for, no more than whole vectors of all of it."""

from __future__ import annotations

import numpy as np
import pytest

from edge_daemon.backends.compiled.layout import LANES, LaidOutNetwork
from edge_daemon.backends.event.backend import EventBackend
from edge_daemon.model.energy import dense_operations
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.shipped import model_path
from tests.benchmarks.bench_energy import compiled_operations, sums_reached


@pytest.mark.parametrize("name", ["right_whale", "right_whale_portable"])
def test_counts_lie_between_those_of_spikes_and_of_every_product(name: str) -> None:
    model = ModelFile.read(model_path(name))
    network = model.network()
    pictures = np.random.default_rng(5).integers(0, 256, (20, *network.input_shape), dtype=np.uint8)
    counted = compiled_operations(network, pictures)
    _, events = EventBackend(network, model.metadata.calibration).count(pictures)
    assert (counted.spikes == events.spikes).all()
    assert (counted.accumulates >= events.accumulates).all()
    assert (counted.accumulates < 1.5 * events.accumulates).all()
    assert (counted.multiply_accumulates <= LANES * dense_operations(network).multiply_accumulates).all()


def test_sums_that_a_spike_reaches_where_columns_are_swept() -> None:
    layer = LaidOutNetwork(ModelFile.read(model_path("right_whale")).network()).layers[1]
    assert (layer.sweeps, layer.wide, layer.before) == (1, 3, 1)
    reached = sums_reached(layer).reshape(layer.arriving_rows, layer.arriving_columns)
    # three columns of three sums each; the first has no neighbour, and the last is no sum's own, for pairs are pooled
    assert layer.sum_columns == layer.arriving_columns - 1
    assert (reached == [6, *[9] * (layer.arriving_columns - 3), 6, 3]).all()
