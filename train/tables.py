"""The study's tables: median AUC over folds, leak by number of time steps, beside the study's own numbers.

Written as text (to read), CSV (to compute with) and a heat-map (to see). A point with folds that did not learn or that
diverged is marked, not left out; its median is that of the folds that have an AUC.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Hashable
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from train.checkpoint import write_json
from train.crossval import CONVERGED_AUC
from train.fold_summary import summary
from train.study.published import STUDY, StudyFigure
from train.sweep import Grid

NOT_LEARNED = f"AUC on its own training windows below {CONVERGED_AUC}, or nan: diverged"


Key = tuple[Hashable, ...]
Points = dict[Key, dict[str, Any]]


def points(results: list[dict[str, Any]]) -> Points:
    """Summary of each point of a grid over its folds, keyed by the point's values (lists as tuples).

    Args:
        results: of `sweep`.
    """
    grouped: dict[Key, list[dict[str, Any]]] = {}
    for result in results:
        grouped.setdefault(tuple(_frozen(value) for value in result["point"].values()), []).append(result)
    return {values: summary(group) for values, group in grouped.items()}


def beside_the_study(grid: Grid, network: str, found: Points) -> list[tuple[StudyFigure, float, float]]:
    """The study's figures, each with the least and the greatest of ours that it is to be compared with.

    Args:
        grid: for the axes.
        network: that was swept.
        found: of `points`.

    Returns:
        Figure, least and greatest of our medians of its cells; NaN where we have none.
    """
    rows = []
    for figure in STUDY.get(network, ()):
        medians = [
            numbers["median_auc"]
            for values, numbers in found.items()
            if figure.covers(dict(zip(grid.axes, values, strict=True)).get("time_steps"))
            and isfinite(numbers["median_auc"])
        ]
        rows.append((figure, min(medians, default=float("nan")), max(medians, default=float("nan"))))
    return rows


def table(grid: Grid, found: Points) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table: the last axis goes across, the others down.

    Args:
        grid: for the axes.
        found: of `points`.
    """
    axes = list(grid.axes)
    across = grid.axes[axes[-1]] if axes else [None]
    header = [*axes[:-1], *(f"{axes[-1]}={value}" for value in across)] if axes else ["median AUC"]
    rows: dict[Key, list[str]] = {}
    for values, numbers in found.items():
        cell = f"{numbers['median_auc']:.3f}" + ("*" if numbers["not_converged"] else "")
        rows.setdefault(values[:-1], []).append(cell)
    return header, [[_shown(v) for v in down] + cells for down, cells in rows.items()]


def write_tables(grid: Grid, results: list[dict[str, Any]], folder: Path) -> str:
    """Write `table.txt`, `table.csv`, `study.csv`, `table.png` and `summary.json` of a finished sweep.

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
    study = beside_the_study(grid, network, found)
    done = f"{len(results) // len(found)} of {grid.folds}"
    title = f"Median AUC, {network}, {results[0]['data']}, {grid.split} folds ({done})"
    failed = [
        f"{_point(grid, values)}: folds {numbers['not_converged']} (AUC {numbers['auc']})"
        for values, numbers in found.items()
        if numbers["not_converged"]
    ]
    text = "\n".join(
        [title, "", *lines, ""]
        + (["Beside the study (2025, all 30,000 clips; its single cells are in the paper only):"] if study else [])
        + [
            f"  {f.what}: {_range(least, greatest)} here, {_range(f.least, f.greatest)} there"
            for f, least, greatest in study
        ]
        + (["", f"* did not learn in some fold ({NOT_LEARNED}):", *failed] if failed else [])
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*grid.axes, "median_auc", "least_auc", "greatest_auc", "folds", "not_converged"])
        for values, n in found.items():
            ends = [n["median_auc"], n["least_auc"], n["greatest_auc"], n["folds"], len(n["not_converged"])]
            writer.writerow([*map(_shown, values), *ends])
    if study:
        with (folder / "study.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["figure", "here_least", "here_greatest", "study_least", "study_greatest"])
            writer.writerows([f.what, least, greatest, f.least, f.greatest] for f, least, greatest in study)
    document = [{"point": _point(grid, values), **n} for values, n in found.items()]
    write_json(folder / "summary.json", {"grid": grid.model_dump(mode="json"), "points": document})
    if len(grid.axes) == 2:
        _heat_map(grid, found, title, folder / "table.png")
    return text


def _frozen(value: Any) -> Hashable:
    """An axis's value as something that can be a key."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(inside) for inside in value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _shown(value: Hashable) -> str:
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, tuple) else str(value)


def _point(grid: Grid, values: Key) -> dict[str, Hashable]:
    return dict(zip(grid.axes, values, strict=True))


def _range(least: float, greatest: float) -> str:
    if not isfinite(greatest):
        return "none"
    return f"{least:.3f}" if least == greatest else f"{least:.3f} to {greatest:.3f}"


def _heat_map(grid: Grid, found: Points, title: str, path: Path) -> None:
    from train.figures import new_figure, save_figure

    (down, rows), (across, columns) = grid.axes.items()
    values = np.array([[found[_frozen(r), _frozen(c)]["median_auc"] for c in columns] for r in rows], np.float64)
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
