"""The stem of a network in an ONNX graph: what is taken from each band before the first layer."""

from __future__ import annotations

import numpy as np

from edge_daemon.model.network import IntegerNetwork
from export.nodes import Graph


def prepare(graph: Graph, network: IntegerNetwork) -> str:
    """The stem, float32 [N, bands, frames]."""
    x = graph.floats("features")
    frames = network.input_shape[1]
    if network.stem == "band_mean":
        total = graph.total(x, [2], keep=True)
        raised = graph.node("Add", [total, graph.constant(float(frames // 2))])
        # (total + half)/frames is at least 1/frames away from the next integer, so rounding cannot cross it
        mean = graph.node("Floor", [graph.node("Div", [raised, graph.constant(float(frames))])])
        x = graph.node("Sub", [x, mean])
    elif network.stem == "band_median":
        rows = graph.shape(x, [-1, frames])
        x = graph.shape(graph.node("Sub", [rows, _lower_median(graph, rows, frames)]), [-1, *network.input_shape])
    return x


def _lower_median(graph: Graph, rows: str, length: int) -> str:
    """Lower median of each row of whole numbers 0…255, float32 [M, 1].

    It is the greatest v that enough values of the row reach. Eight comparisons find its eight bits; sorting or
    selecting branches on the data and takes two to three times as long.
    """
    enough = length - (length - 1) // 2
    bits = [1 << bit for bit in range(7, -1, -1)]
    # 128·(count − enough) + 64: ≥ 64 where enough values reach the trial value, ≤ −64 where not
    weight = graph.constant(np.full((length, 1), bits[0], np.float32))
    offset = graph.constant(np.array([bits[0] / 2 - bits[0] * enough], np.float32))
    trial = graph.constant(np.array([[bits[0]]], np.float32))
    for bit in bits:
        reached = graph.floats(graph.node("GreaterOrEqual", [rows, trial]))
        verdict = graph.node("Gemm", [reached, weight, offset])
        # the next trial is half a bit up or down; after the last one, v is the trial or one less
        down, up = (-bit / 2, bit / 2) if bit > 1 else (-1.0, 0.0)
        trial = graph.node("Add", [trial, graph.node("Clip", [verdict, graph.constant(down), graph.constant(up)])])
    return trial
