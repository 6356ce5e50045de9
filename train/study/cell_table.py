"""Markdown tables of a grid's cells: medians beside the study's, disagreement, firing and energy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from train.study.cell import Cell
from train.study.published import STUDY
from train.sweep import Grid

DOWN, ACROSS = "beta", "time_steps"
NOTHING = "–"
ROUNDED = 0.0005
"""What is less than this is 0 in a table of three decimals."""


def cell_tables(grid: Grid, cells: Sequence[Cell]) -> list[str]:
    """Lines: how much is done, medians, disagreement, silence and energy.

    Args:
        grid: with the axes `beta` and `time_steps`.
        cells: of `train.study.cell.read_cells`.
    """
    folds = grid.trained_folds
    asked = folds * len(grid.axes[DOWN]) * len(grid.axes[ACROSS])
    done = sum(len(cell.results) for cell in cells)
    lines = [f"{done} of {asked} trainings are done ({folds} folds a cell).", ""]
    if not cells:
        return lines
    network = cells[0].results[0]["network"]
    lines += [f"Median AUC, {cells[0].results[0]['data']}:", "", *_grid(grid, cells, _median), ""]
    lines += ["The study (2025, all 30,000 clips) prints:", ""]
    lines += [f"- {f.what}: {f.least:.3f} to {f.greatest:.3f}" for f in STUDY.get(network, ())]
    lines += ["", "Disagreement, our median outside that range (0: within):", "", *_grid(grid, cells, _disagreement)]
    if any(cell.rates for cell in cells):
        lines += ["", "Spikes a neuron and step, in per cent, in the layers from first to last:", ""]
        lines += [*_grid(grid, cells, _rates), "", "Energy of a clip on events, float32, µJ:", ""]
        lines += _grid(grid, cells, _energy)
    return [*lines, *failures(cells)]


def failures(cells: Sequence[Cell]) -> list[str]:
    """Which cells have folds that did not learn their own training windows, a line for each number of steps."""
    found: dict[Any, list[str]] = {}
    for cell in cells:
        if cell.failed:
            folds = ", ".join(map(str, cell.failed))
            found.setdefault(cell.point[ACROSS], []).append(f"β {cell.point[DOWN]} (fold {folds})")
    lines = [f"- {steps} {'step' if steps == 1 else 'steps'}: {'; '.join(names)}" for steps, names in found.items()]
    return ["", "\\* did not learn in some fold:", "", *lines] if lines else []


def _grid(grid: Grid, cells: Sequence[Cell], shown: Callable[[Cell], str]) -> list[str]:
    known = {(str(cell.point[DOWN]), cell.point[ACROSS]): shown(cell) for cell in cells}
    columns: list[Any] = grid.axes[ACROSS]
    lines = ["| β \\ steps | " + " | ".join(map(str, columns)) + " |", "|---|" + "---:|" * len(columns)]
    return lines + [
        f"| {row} | " + " | ".join(known.get((str(row), column), NOTHING) for column in columns) + " |"
        for row in grid.axes[DOWN]
    ]


def _median(cell: Cell) -> str:
    return (f"{cell.median_auc:.3f}" if isfinite(cell.median_auc) else "none") + ("*" if cell.failed else "")


def _disagreement(cell: Cell) -> str:
    found = cell.disagreement
    return NOTHING if found is None else "0" if abs(found) < ROUNDED else f"{found:+.3f}"


def _rates(cell: Cell) -> str:
    return ", ".join(f"{100 * rate:.0f}" for rate in cell.rates) or NOTHING


def _energy(cell: Cell) -> str:
    return NOTHING if cell.energy_uj is None else f"{cell.energy_uj:.1f}"
