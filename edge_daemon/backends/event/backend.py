"""The event-driven backend: spikes as events, in whole numbers, with a count of what they cost.

It computes what ONNX Runtime computes, to the last bit, the way a neuromorphic chip would: the first layer once as
products, every further layer only where a spike arrives. On an ordinary processor that is not faster; it is a
second, independent implementation, and it counts the operations that event-driven hardware would do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.base import BackendOptions, Capabilities, Inference
from edge_daemon.backends.event.neurons import Drive, fire
from edge_daemon.backends.event.synapses import NO_EVENTS, Arrivals, Events, EventSynapses
from edge_daemon.errors import BackendError
from edge_daemon.model.energy import INTEGER, Operations, first_layer_products, joined
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import IntegerNetwork, prepare, readout, synapses
from edge_daemon.model.score_calibration import Calibration

_CHUNK = 32
"""Windows computed together; bounds memory."""


class EventBackend:
    """Runs a network event by event.

    Args:
        network: the network.
        calibration: from margins to scores.
    """

    name = "event"
    Options: type[BackendOptions] = BackendOptions
    capabilities = Capabilities()

    def __init__(self, network: IntegerNetwork, calibration: Calibration) -> None:
        self._network: IntegerNetwork | None = network
        self._calibration = calibration
        shapes = network.shapes()
        self._synapses = [
            EventSynapses(layer, shape) for layer, shape in zip(network.layers[1:], shapes[1:-1], strict=True)
        ]
        self._totals = dict.fromkeys(("windows", "synaptic", "updates", "sparsity", "energy_pj"), 0.0)

    @classmethod
    def create(cls, model: ModelFile, options: BackendOptions) -> Self:  # noqa: ARG003 - it has none
        """Prepare a model's layers for events."""
        return cls(model.network(own=True), model.metadata.calibration)

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames].

        Raises:
            BackendError: closed, or the features do not have the model's shape.
        """
        return self.count(features)[0]

    def count(self, features: NDArray[np.uint8]) -> tuple[Inference, Operations]:
        """Run N windows and tell what each of them cost; raises as `infer` does."""
        if self._network is None:
            raise BackendError("The backend was closed.")
        shape = self._network.input_shape
        if features.dtype != np.uint8 or features.shape[1:] != shape or not len(features):
            raise BackendError(
                f"Inference failed: features must be uint8 [N ≥ 1, {shape[0]}, {shape[1]}],"
                f" not {features.dtype} {list(features.shape)}."
            )
        parts = [
            _run(self._network, self._synapses, self._calibration, features[i : i + _CHUNK])
            for i in range(0, len(features), _CHUNK)
        ]
        inference = Inference(
            np.concatenate([part.score for part, _ in parts]),
            np.concatenate([part.spike_counts for part, _ in parts]),
            np.concatenate([part.layer_spikes for part, _ in parts]),
        )
        operations = joined([counted for _, counted in parts])
        for name, values in (
            ("windows", np.ones(len(features))),
            ("synaptic", operations.synaptic_operations),
            ("updates", operations.membrane_updates),
            ("sparsity", operations.activation_sparsity()),
            ("energy_pj", operations.energy_pj(INTEGER)),
        ):
            self._totals[name] += float(values.sum())
        return inference, operations

    def health(self) -> Mapping[str, float]:
        """Windows so far, and the mean cost of one."""
        totals, windows = self._totals, max(self._totals["windows"], 1.0)
        return {
            "windows": totals["windows"],
            "synaptic_operations_per_window": totals["synaptic"] / windows,
            "membrane_updates_per_window": totals["updates"] / windows,
            "activation_sparsity": totals["sparsity"] / windows,
            "energy_estimate_nj_per_window": totals["energy_pj"] / windows / 1000.0,
        }

    def close(self) -> None:
        """Drop the network."""
        self._network = None
        self._synapses = []


def _run(
    network: IntegerNetwork, deeper: list[EventSynapses], calibration: Calibration, features: NDArray[np.uint8]
) -> tuple[Inference, Operations]:
    windows, steps, shapes = len(features), network.time_steps, network.shapes()[1:]
    drives = _first_drives(network, features)
    accumulates, updates = np.zeros(windows, np.int64), np.zeros(windows, np.int64)
    spikes = np.zeros((windows, len(shapes)), np.int64)
    events = NO_EVENTS
    for number, (layer, (_, bands, frames)) in enumerate(zip(network.layers, shapes, strict=True)):
        if number:
            arrivals = deeper[number - 1].arrive(events, windows * steps)
            accumulates += arrivals.operations.reshape(steps, windows).sum(axis=0)
            drives = _drives(deeper[number - 1], arrivals, steps)
        places = bands * frames
        firing = fire(layer, drives, windows * places, final_membrane=number == len(shapes) - 1)
        updates += firing.updates.reshape(windows, places).sum(axis=1)
        window, place = np.divmod(firing.place, places)
        spikes[:, number] = np.bincount(window, minlength=windows)
        events = Events(firing.time * windows + window, *np.divmod(place, frames), firing.channel)
    labels = network.layers[-1].channels
    fired = np.bincount(firing.place * labels + firing.channel, minlength=windows * labels)
    counts: NDArray[np.int32] = fired.reshape(windows, labels).astype(np.int32)
    inference = Inference(calibration.score(readout(network, firing.membrane, counts)), counts, spikes)
    operations = Operations(
        multiply_accumulates=first_layer_products(network, features),
        accumulates=accumulates,
        membrane_updates=updates,
        spikes=spikes.sum(axis=1),
        neuron_steps=np.full(windows, network.neurons * steps),
    )
    return inference, operations


def _first_drives(network: IntegerNetwork, features: NDArray[np.uint8]) -> list[Drive]:
    """The first layer's currents in each step: real-valued input, so every neuron is driven."""
    current = synapses(network.layers[0], prepare(features, network.stem))
    channels = current.shape[1]
    if network.input_mode == "constant":
        rows = current.transpose(0, 2, 3, 1).reshape(-1, channels)
        return [Drive(np.arange(len(rows)), rows)] * network.time_steps
    by_step = current.transpose(3, 0, 2, 1).reshape(network.time_steps, -1, channels)
    return [Drive(np.arange(len(rows)), rows) for rows in by_step]


def _drives(layer_synapses: EventSynapses, arrivals: Arrivals, steps: int) -> list[Drive]:
    """Currents of each step where any arrived, brought through bias, shift and max-pool."""
    layer = layer_synapses.layer
    images, (bands, frames) = len(arrivals.sums), layer_synapses.places
    high, wide = layer.max_pool
    rows, columns = bands // high, frames // wide
    sums = arrivals.sums.reshape(images, bands, frames, layer.channels)[:, : rows * high, : columns * wide]
    touched = arrivals.touched.reshape(images, bands, frames)[:, : rows * high, : columns * wide]
    touched = np.logical_or.reduce(touched.reshape(images, rows, high, columns, wide), axis=(2, 4))
    if layer.bias.any():
        touched[:] = True  # a bias is a current that needs no event
    drives = []
    for in_step, of_step in zip(np.split(touched, steps), np.split(sums, steps), strict=True):
        window, row, column = np.nonzero(in_step)
        patch = [of_step[window, row * high + dy, column * wide + dx] for dy in range(high) for dx in range(wide)]
        current = layer_synapses.currents(np.maximum.reduce(patch))
        drives.append(Drive((window * rows + row) * columns + column, current))
    return drives
