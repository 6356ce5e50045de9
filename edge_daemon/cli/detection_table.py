"""Detections as a table for a person: with lines and colours on a terminal, plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_daemon.cli.say import say
from edge_daemon.system.printable import escaped, printable

if TYPE_CHECKING:
    from edge_daemon.detection.document import Detection

Row = tuple[str, ...]

HEADINGS = ("File", "Begin", "Length", "UTC", "Band", "Peak", "Mean")
_RIGHT = frozenset({"Begin", "Length", "Band", "Peak", "Mean"})


def row(detection: Detection) -> Row:
    """One detection's cells."""
    band = "?"
    if detection.low_hz is not None and detection.high_hz is not None:
        band = f"{detection.low_hz:.0f}–{detection.high_hz:.0f} Hz"
    return (
        escaped(detection.file or detection.device),
        clock_text(detection.begin_s),
        f"{detection.end_s - detection.begin_s:.2f} s",
        "" if detection.begin_utc is None else detection.begin_utc[:-5].replace("T", " "),
        band,
        f"{detection.peak_score:.3f}",
        f"{detection.mean_score:.3f}",
    )


def clock_text(seconds: float) -> str:
    """`H:MM:SS.ss`."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


def show(rows: Sequence[Row]) -> None:
    """Print the table; a column that is empty throughout is left out."""
    used = [index for index in range(len(HEADINGS)) if any(cells[index] for cells in rows)]
    headings = tuple(HEADINGS[index] for index in used)
    cut = [tuple(cells[index] for index in used) for cells in rows]
    if sys.stdout.isatty():
        _show_rich(headings, cut)
    else:
        _show_plain(headings, cut)


def _show_plain(headings: Row, rows: Sequence[Row]) -> None:
    widths = [max(len(cells[index]) for cells in [headings, *rows]) for index in range(len(headings))]
    for cells in [headings, *rows]:
        columns = (
            text.rjust(width) if heading in _RIGHT else text.ljust(width)
            for text, width, heading in zip(cells, widths, headings, strict=True)
        )
        say("  ".join(columns).rstrip())


def _show_rich(headings: Row, rows: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        right = heading in _RIGHT
        table.add_column(heading, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for cells in rows:
        table.add_row(*(Text(printable(text)) for text in cells))  # as Text, so that a bracket in a name is no markup
    Console().print(table)
