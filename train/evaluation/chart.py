"""The picture of recall over false events an hour, models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.data.whole_recordings import CALLS
from train.evaluation.figures import Figures
from train.evaluation.interval import Estimate
from train.evaluation.model_result import OWN, FrontPoint, ModelResult
from train.figures import new_figure, save_figure

LEAST_PER_HOUR = 0.05
"""Left edge of the picture, where rates of 0 are drawn."""
COLUMNS, LEGEND_LINE = 2, 0.19
"""Columns of the legend, and the height of one of its lines, inches."""


def draw_chart(results: Sequence[ModelResult], path: Path) -> None:
    """Draw recall over false events an hour.

    Lines are the best that any rules give; a dashed one counts false events where they are most, quiet recordings
    included. The points are the models' own operating points. Shown are the recordings kept aside, if there are any.
    """
    part = list(results[0].fronts)[-1]
    entries = 2 * len(results) + 1
    figure, axis = new_figure(7, 4.8 + LEGEND_LINE * entries / COLUMNS)
    for number, result in enumerate(results):
        for name, points in result.fronts[part].items():
            _line(axis, points, f"C{number}", result.label if name == CALLS else None)
        _point(axis, result.results[0].figures[part], f"C{number}", f"{result.label}, {OWN}")
    if len(results[0].fronts[part]) > 1:
        axis.plot([], [], "--", color="grey", label="counted where false events are most")
    axis.set_title(f"Recordings: {part}", fontsize=10)
    axis.set(xscale="log", xlim=(LEAST_PER_HOUR, 100), ylim=(0, 1.02))
    axis.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axis.set_xlabel("false events an hour")
    axis.set_ylabel("share of calls found")
    axis.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", ncols=COLUMNS)  # below the axes it covers nothing
    save_figure(figure, path)


def _line(axis: Any, points: Sequence[FrontPoint], colour: str, label: str | None) -> None:
    if not points:
        return  # a network that takes everything for a call
    rates = [max(point.false_per_hour, LEAST_PER_HOUR) for point in points]
    recall = [point.recall.value for point in points]
    style = "-" if label is not None else "--"
    axis.step(rates, recall, style, where="post", color=colour, label=label, linewidth=2 if label else 1)
    if label is not None:
        low, high = zip(*(point.recall.interval or (0.0, 1.0) for point in points), strict=True)
        axis.fill_between(rates, low, high, step="post", color=colour, alpha=0.15, linewidth=0)


def _point(axis: Any, figures: Figures, colour: str, label: str) -> None:
    false, recall = figures.false_per_hour[CALLS], figures.recall
    x, y = max(false.value or 0.0, LEAST_PER_HOUR), recall.value or 0.0
    arms = {"xerr": _arms(false, x), "yerr": _arms(recall, y)}
    axis.errorbar([x], [y], **arms, color=colour, marker="o", capsize=3, linewidth=1, label=label)


def _arms(found: Estimate, at: float) -> list[list[float]]:
    low, high = found.interval or (at, at)
    return [[max(at - low, 0.0)], [max(high - at, 0.0)]]
