"""Proof by trial that a model file computes what was trained: trainer, reference and graph, spike for spike.

Three implementations run the same windows: the trainer's integer forward pass (torch), the reference
(`edge_daemon.model.network.run`) and the graph in ONNX Runtime, the latter one window at a time and 64 at a time, with
one and two threads, with and without optimisation. One differing spike fails the export and is told with its place: the
first layer whose total differs, and from both sides' traces (`export.parity_place`) the first step and neuron.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_daemon.errors import ModelError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import Trace, run
from export.parity_place import Spikes, first_difference, graph_spikes

Forward = Callable[[NDArray[np.uint8]], tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]]
"""A trainer's exact integer forward pass: features → spike counts, layer totals, margin."""

BATCHES = (1, 64)
THREADS = (1, 2)
_CHUNK = 64
_OUTPUTS = ["spike_counts", "layer_spikes", "score"]


@dataclass(frozen=True)
class Parity:
    """What was compared and found equal.

    Attributes:
        windows: number of windows.
        ways: number of ways in which the graph was run.
        layer_spikes: float64 [layers], mean spikes of each layer in a window.
        margin: float32 [windows], the reference's margins.
    """

    windows: int
    ways: int
    layer_spikes: NDArray[np.float64]
    margin: NDArray[np.float32]


def check(
    model: ModelFile, features: NDArray[np.uint8], forward: Forward | None = None, spikes: Spikes | None = None
) -> Parity:
    """Compare all implementations on the same windows.

    Args:
        model: the model file.
        features: uint8 [N, bands, frames].
        forward: the trainer's pass; left out where there is no trainer (a model file alone).
        spikes: the trainer's spikes of every layer, to find the place of a difference.

    Raises:
        ModelError: two implementations disagree; window, quantity and both values are named, and for spikes the first
            layer, step and neuron.
    """
    network, reference = model.network(), _reference(model, features)
    names = [layer.name for layer in network.layers]
    score = model.metadata.calibration.score(reference.margin)

    def compare(who: str, found: Trace, last: str, expected: NDArray[np.float32], trace: Callable[[], Spikes]) -> None:
        """Layers in their order, then output neurons, then what is made of them."""

        def place(window: int) -> str:
            return first_difference(network, features[window : window + 1], trace())

        _same(who, "spikes of layer", found.layer_spikes, reference.layer_spikes, place, names)
        _same(who, "spike count", found.spike_counts, reference.spike_counts, place)
        _same(who, last, found.margin, expected)

    if forward is not None:
        parts = [forward(chunk) for chunk in _chunks(features, _CHUNK)]
        counts, totals, margin = (np.concatenate(found) for found in zip(*parts, strict=True))
        compare("the trainer", Trace(counts, margin, totals), "margin", reference.margin, lambda: spikes or _no_spikes)
    ways = list(product(BATCHES, THREADS, (True, False)))
    for batch, threads, optimised in ways:
        session = _session(model, threads, optimised)
        who = f"the graph (batch {batch}, threads {threads}, optimisation {'on' if optimised else 'off'})"
        outputs = [session.run(_OUTPUTS, {"features": chunk}) for chunk in _chunks(features, batch)]
        counts, totals, found = (np.concatenate(part) for part in zip(*outputs, strict=True))
        trace = partial(graph_spikes, model, network, optimised)
        compare(who, Trace(counts, found, totals), "score", score, trace)
    return Parity(len(features), len(ways), reference.layer_spikes.mean(axis=0), reference.margin)


def _reference(model: ModelFile, features: NDArray[np.uint8]) -> Trace:
    network = model.network()
    parts = [run(network, chunk) for chunk in _chunks(features, _CHUNK)]
    return Trace(
        np.concatenate([part.spike_counts for part in parts]),
        np.concatenate([part.margin for part in parts]),
        np.concatenate([part.layer_spikes for part in parts]),
    )


def _session(model: ModelFile, threads: int, optimised: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])


def _chunks(features: NDArray[np.uint8], size: int) -> Iterator[NDArray[np.uint8]]:
    for begin in range(0, len(features), size):
        yield features[begin : begin + size]


def _no_spikes(_features: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
    return []


def _same(
    who: str,
    what: str,
    found: NDArray[np.generic],
    expected: NDArray[np.generic],
    place_in: Callable[[int], str] | None = None,
    names: list[str] | None = None,
) -> None:
    """Raise `ModelError` for the first column (layer, label) that differs, in its first window."""
    if found.shape != expected.shape:
        raise ModelError(f"Parity failed: {who} returns {what} of shape {found.shape}, not {expected.shape}.")
    differing = np.argwhere(found != expected)
    if len(differing) == 0:
        return
    # a wrong spike makes what follows wrong: the first layer, and in it the first window
    first = differing[np.lexsort(differing.T)[0]]
    place, window = tuple(first), int(first[0])
    where = f"window {window}, {what}" + (f" {place[1]}" if len(place) > 1 else "")
    named = f" ({names[place[1]]})" if names is not None else ""
    arose = "" if place_in is None else place_in(window)
    raise ModelError(
        f"Parity failed at {where}{named}: {who} gives {found[place]}, the reference {expected[place]};"
        f" {len(differing)} values differ in {len(np.unique(differing[:, 0]))} of {len(expected)} windows.{arose}",
        "This is a bug in the exporter or in a library: please report it with the checkpoint.",
    )
