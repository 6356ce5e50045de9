"""Heat maps of the study's tables, all with one colour scale, so that they can be laid beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from train.figures import new_figure, save_figure
from train.study.cell import Cell
from train.study.cell_table import ACROSS, DOWN
from train.sweep import Grid

LEAST, GREATEST = 0.5, 1.0
"""AUCs at the ends of the colours."""
DARK_BELOW = 0.8


def draw(grid: Grid, cells: Sequence[Cell], path: Path) -> Path:
    """Draw medians; a cell without results stays blank, one with folds that did not learn has a star.

    Args:
        grid: with the axes `beta` and `time_steps`.
        cells: those that have results.
        path: PNG file.
    """
    rows, columns = grid.axes[DOWN], grid.axes[ACROSS]
    known = {(str(cell.point[DOWN]), cell.point[ACROSS]): cell for cell in cells}
    figure, axis = new_figure(1.6 + 0.8 * len(columns), 1.2 + 0.5 * len(rows))
    values = np.full((len(rows), len(columns)), np.nan)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = known.get((str(row), column))
            if cell is not None:
                values[i, j] = cell.median_auc
                colour = "white" if cell.median_auc < DARK_BELOW else "black"
                shown = f"{cell.median_auc:.3f}" + ("*" if cell.failed else "")
                axis.text(j, i, shown, ha="center", va="center", color=colour)
    picture = axis.imshow(values, cmap="viridis", vmin=LEAST, vmax=GREATEST, aspect="auto")
    axis.set_xticks(range(len(columns)), [str(column) for column in columns])
    axis.set_yticks(range(len(rows)), [str(row) for row in rows])
    axis.set_xlabel("time steps")
    axis.set_ylabel("leak β")
    axis.set_title(f"Median AUC, {cells[0].results[0]['network']}", fontsize=9)
    figure.colorbar(picture, ax=axis)
    save_figure(figure, path)
    return path
