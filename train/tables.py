"""The study's tables: median AUC over folds, leak by number of time steps, beside the study's own numbers.

Written as text (to read), CSV (to compute with) and a heat-map (to see). A point whose folds did not learn is marked,
not left out.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from train.checkpoint import write_json
from train.crossval import summary
from train.sweep import Grid

STUDY = {
    "mlp1d": "The study (2025, all 30,000 clips): about 0.74 for the 1-D input.",
    "mlp2d": "The study (2025, all 30,000 clips): 0.927 at best for the 2-D input; 0.50 to 0.74 at time_steps = 1.",
}
"""What the study prints in words; its single cells are in the paper only."""


def points(results: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Summary of each point of a grid over its folds, keyed by the point's values.

    Args:
        results: of `sweep`.
    """
    grouped: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for result in results:
        grouped.setdefault(tuple(result["point"].values()), []).append(result)
    return {values: summary(group) for values, group in grouped.items()}


def table(grid: Grid, found: dict[tuple[Any, ...], dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table: the last axis goes across, the others down.

    Args:
        grid: for the axes.
        found: of `points`.
    """
    axes = list(grid.axes)
    across = grid.axes[axes[-1]] if axes else [None]
    header = [*axes[:-1], *(f"{axes[-1]}={value}" for value in across)] if axes else ["median AUC"]
    rows: dict[tuple[Any, ...], list[str]] = {}
    for values, numbers in found.items():
        cell = f"{numbers['median_auc']:.3f}" + ("*" if numbers["not_converged"] else "")
        rows.setdefault(values[:-1], []).append(cell)
    return header, [[str(v) for v in down] + cells for down, cells in rows.items()]


def write_tables(grid: Grid, results: list[dict[str, Any]], folder: Path) -> str:
    """Write `table.txt`, `table.csv`, `table.png` and `summary.json` of a finished sweep.

    Args:
        grid: what was covered.
        results: of `sweep`, all of them.
        folder: where to.

    Returns:
        The text.
    """
    found = points(results)
    header, rows = table(grid, found)
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    network = results[0]["network"]
    done = f"{len(results) // len(found)} of {grid.folds}"
    title = f"Median AUC, {network}, {results[0]['data']}, {grid.split} folds ({done})"
    failed = [
        f"{dict(zip(grid.axes, values, strict=True))}: folds {numbers['not_converged']} (AUC {numbers['auc']})"
        for values, numbers in found.items()
        if numbers["not_converged"]
    ]
    text = "\n".join(
        [title, "", *lines, ""]
        + ([STUDY[network]] if network in STUDY else [])
        + (["", "* did not learn in some fold (AUC on its own training windows below 0.6):", *failed] if failed else [])
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*grid.axes, "median_auc", "least_auc", "greatest_auc", "folds", "not_converged"])
        for values, n in found.items():
            ends = [n["median_auc"], n["least_auc"], n["greatest_auc"], n["folds"], len(n["not_converged"])]
            writer.writerow([*values, *ends])
    document = [{"point": dict(zip(grid.axes, values, strict=True)), **n} for values, n in found.items()]
    write_json(folder / "summary.json", {"grid": grid.model_dump(mode="json"), "points": document})
    if len(grid.axes) == 2:
        _heat_map(grid, found, title, folder / "table.png")
    return text


def _heat_map(grid: Grid, found: dict[tuple[Any, ...], dict[str, Any]], title: str, path: Path) -> None:
    from train.figures import new_figure, save_figure

    (down, rows), (across, columns) = grid.axes.items()
    values = np.array([[found[(r, c)]["median_auc"] for c in columns] for r in rows], np.float64)
    figure, axis = new_figure(1.2 + 0.9 * len(columns), 1.2 + 0.6 * len(rows))
    axis.imshow(values, cmap="viridis", vmin=0.5, vmax=1.0, aspect="auto")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            axis.text(j, i, f"{value:.3f}", ha="center", va="center", color="black" if value > 0.8 else "white")
    axis.set_xticks(range(len(columns)), [str(c) for c in columns])
    axis.set_yticks(range(len(rows)), [str(r) for r in rows])
    axis.set_xlabel(across)
    axis.set_ylabel(down)
    axis.set_title(title, fontsize=8)
    save_figure(figure, path)
