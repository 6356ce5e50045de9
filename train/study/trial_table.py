"""A Markdown table of a grid of any axes, a row for each setting: what each change does to a network's learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, prod
from statistics import fmean
from typing import Any

from train.study.cell import Cell
from train.study.cell_table import NOTHING
from train.sweep import Grid


def trial_table(grid: Grid, cells: Sequence[Cell]) -> list[str]:
    """Lines: how much is done, then each setting's AUC, training AUC, firing and silence; the best AUC is bold.

    Args:
        grid: of any axes.
        cells: of `train.study.cell.read_cells`.
    """
    folds = grid.trained_folds
    settings = prod(map(len, grid.axes.values()))
    done = sum(len(cell.results) for cell in cells)
    lines = [
        f"{done} of {folds * settings} trainings are done ({folds} {'fold' if folds == 1 else 'folds'} a setting).",
        "",
    ]
    if not cells:
        return lines
    names = [axis.split(".")[-1] for axis in grid.axes]
    best = max((cell.median_auc for cell in cells if isfinite(cell.median_auc)), default=0.0)
    data = cells[0].results[0]["data"]
    lines += [
        f"AUC on {data}, median over folds; spikes a neuron and step, and silent neurons, layer by layer:",
        "",
        "| " + " | ".join(names) + " | AUC | training AUC | spikes, % | silent, % |",
        "|" + "---|" * len(names) + "---:|---:|---|---|",
    ]
    return lines + [
        "| " + " | ".join([*(_value(cell.point[axis]) for axis in grid.axes), *_figures(cell, best)]) + " |"
        for cell in cells
    ]


def _figures(cell: Cell, best: float) -> list[str]:
    auc = f"{cell.median_auc:.3f}" if isfinite(cell.median_auc) else "none"
    training = [result["auc_training"] for result in cell.results]
    learned = [value for value in training if value is not None and isfinite(value)]
    return [
        f"**{auc}**" if cell.median_auc == best else auc,
        f"{fmean(learned):.3f}" if learned else "none",
        _shares(cell, lambda firing: firing["rates"]),
        _shares(cell, lambda firing: firing["silent"]),
    ]


def _shares(cell: Cell, chosen: Callable[[dict[str, Any]], Sequence[float]]) -> str:
    """Means over folds of a value for each layer, per cent."""
    found = [chosen(result["firing"]) for result in cell.results if result.get("firing")]
    return ", ".join(f"{100 * fmean(layer):.0f}" for layer in zip(*found, strict=True)) or NOTHING


def _value(value: Any) -> str:
    return NOTHING if value is None else str(value)
