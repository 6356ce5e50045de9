"""Figures as tables of words, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence

from train.data.whole_recordings import CALLS
from train.evaluation.figures import Figures
from train.evaluation.interval import Estimate
from train.evaluation.model_result import ModelResult, Question

Table = list[list[str]]
"""Rows of cells; the first row is the heading."""


def overview(results: Sequence[ModelResult], asked: Question) -> Table:
    """Recall and false events an hour of each model's rules on each part of the recordings."""
    kinds = asked.corpus.kinds
    false = ["false/h" if kind == CALLS else f"false/h in {kind}" for kind in kinds]
    rules = "threshold, lower, windows, rise Hz, context s"
    table = [["model", "rules", rules, "recordings", "recall", "one to one", *false]]
    for result in results:
        for point in result.results:
            own = point.rules
            numbers = (own.threshold, own.threshold_low, own.min_windows, own.min_rise_hz, own.context_s)
            words = ", ".join(f"{number:g}" for number in numbers)
            table += [
                [result.label, point.name, words, part, *_cells(figures, kinds)]
                for part, figures in point.figures.items()
            ]
    return table


def _cells(figures: Figures, kinds: Sequence[str]) -> list[str]:
    false = (figures.false_per_hour.get(kind) for kind in kinds)
    return [
        share_in_words(figures.recall),
        share_in_words(figures.recall_one_to_one, interval=False),
        *("" if found is None else rate_in_words(found) for found in false),
    ]


def by_snr(results: Sequence[ModelResult]) -> Table:
    """Recall by signal-to-noise ratio, of all rules on all parts."""
    edges = [(found.low_db, found.high_db) for found in next(iter(results[0].results[0].figures.values())).by_snr]
    names = [
        f"below {high:g} dB" if low is None else f"{low:g} dB and more" if high is None else f"{low:g} to {high:g} dB"
        for low, high in edges
    ]
    table = [["model", "rules", "recordings", *names]]
    for result in results:
        for point in result.results:
            for part, figures in point.figures.items():
                cells = [share_in_words(found.recall) for found in figures.by_snr]
                table.append([result.label, point.name, part, *cells])
    return table


def by_recording(result: ModelResult) -> Table:
    """Calls, calls found and false events of each recording that has any, for all rules of a model."""
    table = [["rules", "recordings", "recording", "kind", "minutes", "calls", "found", "false events"]]
    for point in result.results:
        for part, figures in point.figures.items():
            for found in figures.by_recording:
                if found.calls or found.false_events:
                    numbers = (f"{60 * found.hours:.1f}", found.calls, found.found, found.false_events)
                    table.append([point.name, part, found.recording, found.kind, *map(str, numbers)])
    return table


def share_in_words(found: Estimate, interval: bool = True) -> str:
    """A share as `0.81 (0.73–0.88) of 114`."""
    if found.value is None or found.interval is None:
        return "–"
    low, high = found.interval
    return f"{found.value:.2f} ({low:.2f}–{high:.2f}) of {found.of:g}" if interval else f"{found.value:.2f}"


def rate_in_words(found: Estimate) -> str:
    """A rate as `11 (5–18)`."""
    if found.value is None or found.interval is None:
        return "–"
    low, high = found.interval
    return f"{_rate(found.value)} ({_rate(low)}–{_rate(high)})"


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == 0 else f"{value:.2g}"


def aligned(table: Table) -> str:
    """A table for the terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    rows = (zip(row, widths, strict=True) for row in table)
    return "\n".join("  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in rows)
