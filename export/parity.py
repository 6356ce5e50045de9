"""Proof by trial that a model file computes what was trained: trainer, reference and graph, spike for spike.

Three implementations run the same windows: the trainer's integer forward pass (torch), the reference
(`edge_daemon.network.run`) and the graph in ONNX Runtime, the latter one window at a time and 64 at a time, with one
and two threads, with and without optimisation. One differing spike fails the export and is told with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_daemon.bundle import Bundle
from edge_daemon.errors import ModelError
from edge_daemon.network import Trace, run

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


def check(bundle: Bundle, features: NDArray[np.uint8], forward: Forward | None = None) -> Parity:
    """Compare all implementations on the same windows.

    Args:
        bundle: the model file.
        features: uint8 [N, bands, frames].
        forward: the trainer's pass; left out where there is no trainer (a model file alone).

    Raises:
        ModelError: two implementations disagree; window, quantity and both values are named.
    """
    reference = _reference(bundle, features)
    score = bundle.metadata.calibration.score(reference.margin)
    if forward is not None:
        parts = [forward(chunk) for chunk in _chunks(features, _CHUNK)]
        counts, spikes, margin = (np.concatenate(found) for found in zip(*parts, strict=True))
        _same("the trainer", "spike count", counts, reference.spike_counts)
        _same("the trainer", "spikes of layer", spikes, reference.layer_spikes)
        _same("the trainer", "margin", margin, reference.margin)
    ways = list(product(BATCHES, THREADS, (True, False)))
    for batch, threads, optimised in ways:
        session = _session(bundle, threads, optimised)
        who = f"the graph (batch {batch}, threads {threads}, optimisation {'on' if optimised else 'off'})"
        outputs = [session.run(_OUTPUTS, {"features": chunk}) for chunk in _chunks(features, batch)]
        counts, spikes, found = (np.concatenate(part) for part in zip(*outputs, strict=True))
        _same(who, "spike count", counts, reference.spike_counts)
        _same(who, "spikes of layer", spikes, reference.layer_spikes)
        _same(who, "score", found, score)
    return Parity(len(features), len(ways), reference.layer_spikes.mean(axis=0), reference.margin)


def _reference(bundle: Bundle, features: NDArray[np.uint8]) -> Trace:
    network = bundle.network()
    parts = [run(network, chunk) for chunk in _chunks(features, _CHUNK)]
    return Trace(
        np.concatenate([part.spike_counts for part in parts]),
        np.concatenate([part.margin for part in parts]),
        np.concatenate([part.layer_spikes for part in parts]),
    )


def _session(bundle: Bundle, threads: int, optimised: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(bundle.data, options, providers=["CPUExecutionProvider"])


def _chunks(features: NDArray[np.uint8], size: int) -> Iterator[NDArray[np.uint8]]:
    for begin in range(0, len(features), size):
        yield features[begin : begin + size]


def _same(who: str, what: str, found: NDArray[np.generic], expected: NDArray[np.generic]) -> None:
    if found.shape != expected.shape:
        raise ModelError(f"Parity failed: {who} gives {what} of shape {found.shape}, not {expected.shape}.")
    differing = np.argwhere(found != expected)
    if len(differing) == 0:
        return
    place = tuple(differing[0])
    where = f"window {place[0]}" + (f", {what} {place[1]}" if len(place) > 1 else f", {what}")
    raise ModelError(
        f"Parity failed at {where}: {who} gives {found[place]}, the reference {expected[place]};"
        f" {len(differing)} values differ in {len(np.unique(differing[:, 0]))} of {len(expected)} windows.",
        "This is a defect of the exporter or of a library: please report it with the checkpoint.",
    )
