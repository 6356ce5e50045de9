"""Health over time, for pages: spells of one state for one set of reasons, and curves of levels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SILENCE_NS = 2 * 3600 * 1_000_000_000
"""Health that comes so much later begins a new spell: nobody knows what was in between."""
MOST_POINTS = 600
"""Of a curve of levels."""


@dataclass(frozen=True, slots=True)
class HealthPoint:
    """Health at one moment.

    Attributes:
        at_ns: UTC in ns.
        state: in a word.
        reasons: for it.
        level_dbfs: of the input, dB re full scale; None if nobody knows.
        ambient_db: of the sea, dB re 1 µPa; likewise.
    """

    at_ns: int
    state: str
    reasons: tuple[str, ...]
    level_dbfs: float | None = None
    ambient_db: float | None = None


def health_spells(points: Iterable[HealthPoint]) -> list[dict[str, Any]]:
    """Runs of one state for one set of reasons, of which figures may differ; in the points' order, which is time's."""
    spells: list[dict[str, Any]] = []
    last: tuple[str, tuple[str, ...]] | None = None
    without_figures: dict[tuple[str, ...], tuple[str, ...]] = {}
    for point in points:
        if point.reasons not in without_figures:
            without_figures[point.reasons] = tuple(re.sub(r"\d", "", reason) for reason in point.reasons)
        kind = (point.state, without_figures[point.reasons])
        at = point.at_ns / 1e9
        if kind != last or at - spells[-1]["end"] > SILENCE_NS / 1e9:
            spells.append({"begin": at, "end": at, "state": point.state, "reasons": point.reasons})
        spells[-1]["end"] = at
        spells[-1]["reasons"] = point.reasons
        last = kind
    return spells


def level_curves(points: Sequence[HealthPoint]) -> list[list[float | None]]:
    """Time, input level (dB re full scale) and ambient level (dB re 1 µPa), thinned evenly."""
    known = [
        [point.at_ns / 1e9, point.level_dbfs, point.ambient_db]
        for point in points
        if point.level_dbfs is not None or point.ambient_db is not None
    ]
    return known[:: -(-len(known) // MOST_POINTS) or 1]
