"""How far the 1-D input is behind the 2-D input: the best cells of two grids on the same clips and folds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from train.study.cell import Cell
from train.study.judged import read_judged
from train.study.paired_auc import paired_auc
from train.sweep import Task


def gap(first: Sequence[Cell], first_folder: Path, second: Sequence[Cell], second_folder: Path) -> list[str]:
    """Lines that tell the difference of two grids' best cells, first minus second, with its interval over clips.

    Args:
        first: cells of one grid.
        first_folder: of its results, with margins beside them.
        second: cells of the other.
        second_folder: of its results.
    """
    cells = [[cell for cell in grid if isfinite(cell.median_auc)] for grid in (first, second)]
    if not all(cells):
        return ["Not trained yet."]
    ours, theirs = (max(grid, key=lambda cell: cell.median_auc) for grid in cells)
    pairs = []
    for fold in sorted({r["fold"] for r in ours.results} & {r["fold"] for r in theirs.results}):
        files = [_margins(first_folder, ours, fold), _margins(second_folder, theirs, fold)]
        if all(file.exists() for file in files):
            pairs.append(read_judged(*files))
    if not pairs:
        return ["The margins of the best cells are not kept."]
    found = paired_auc(pairs)
    low, high = found.interval
    return [
        f"- {_named(ours)}: mean AUC {found.first:.3f} over {len(pairs)} folds, median {ours.median_auc:.3f}",
        f"- {_named(theirs)}: {found.second:.3f} on the same clips, median {theirs.median_auc:.3f}",
        f"- difference {found.difference:+.3f} (95 % over clips {low:+.3f} to {high:+.3f})",
    ]


def _margins(folder: Path, cell: Cell, fold: int) -> Path:
    return folder / f"{Task(tuple(cell.point.items()), fold).name}.npz"


def _named(cell: Cell) -> str:
    return f"best cell of `{cell.results[0]['network']}` (β {cell.point['beta']}, {cell.point['time_steps']} steps)"
