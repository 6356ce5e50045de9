"""A cell of the study's table as far as it has been trained: AUC, firing, energy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from edge_daemon.model.energy import FLOAT32, Operations
from train.fold_summary import summary
from train.stored import read_result
from train.study.published import figure_of
from train.sweep import Grid, Task, tasks

LABELS = 2


@dataclass(frozen=True)
class Cell:
    """One setting of a grid.

    Attributes:
        point: axis → value.
        results: of its folds that are there, in their order; at least one.
    """

    point: dict[str, Any]
    results: tuple[dict[str, Any], ...]

    @property
    def median_auc(self) -> float:
        """Of the folds that have one; NaN where none has."""
        return float(summary(list(self.results))["median_auc"])

    @property
    def failed(self) -> list[int]:
        """Folds that did not learn."""
        return list(summary(list(self.results))["not_converged"])

    @property
    def disagreement(self) -> float | None:
        """How far the median lies outside what the study prints for such cells; None where it prints nothing."""
        figure = figure_of(self.results[0]["network"], self.point.get("time_steps"))
        return None if figure is None or not isfinite(self.median_auc) else figure.disagreement(self.median_auc)

    @property
    def rates(self) -> list[float]:
        """Spikes a neuron and step of each layer on clips that are judged, mean over folds; empty where not kept."""
        kept = [result["firing"]["rates"] for result in self.results if result.get("firing", {}).get("rates")]
        return [float(rate) for rate in np.mean(kept, axis=0)] if kept else []

    @property
    def energy_uj(self) -> float | None:
        """Estimate for a clip on events in float32, microjoules; None where firing was not kept.

        Every product of the first layer is counted once; behind it a weight is added for each spike.
        """
        result = self.results[0]
        if not self.rates or "input_shape" not in result:
            return None
        steps = int(result["recipe"]["settings"]["time_steps"])
        neurons = [*map(int, result["recipe"]["settings"]["hidden"]), LABELS]
        spikes = [rate * count * steps for rate, count in zip(self.rates, neurons, strict=True)]
        added = sum(arrived * below for arrived, (_, below) in zip(spikes, pairwise(neurons), strict=False))
        counted = Operations(
            multiply_accumulates=np.array([int(np.prod(result["input_shape"])) * neurons[0]]),
            accumulates=np.array([round(added)]),
            membrane_updates=np.array([sum(neurons) * steps]),
            spikes=np.array([round(sum(spikes))]),
            neuron_steps=np.array([sum(neurons) * steps]),
        )
        return float(counted.energy_pj(FLOAT32)[0]) * 1e-6


def read_cells(grid: Grid, folder: Path) -> list[Cell]:
    """All cells of a grid that have a result, in the grid's order.

    Args:
        grid: what was to be covered.
        folder: of `train.sweep.sweep`.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    points: dict[str, dict[str, Any]] = {}
    for task in tasks(grid):
        path = folder / f"{task.name}.json"
        if path.exists():
            name = Task(task.point, 0).name
            found.setdefault(name, []).append(read_result(path))
            points[name] = dict(task.point)
    order = dict.fromkeys(Task(task.point, 0).name for task in tasks(grid))
    return [Cell(points[name], tuple(found[name])) for name in order if name in found]
