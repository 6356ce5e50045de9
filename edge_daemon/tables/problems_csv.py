"""The recordings that were replayed but not heard whole, or whose header is wrong: what was lost, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from edge_daemon.audio.defect import Defect
from edge_daemon.system.printable import CsvRows

COLUMNS = ("file", "kind", "lost_s", "read_s", "problem")


def write_problems(file: TextIO, problems: Iterable[tuple[str, float, Defect]]) -> None:
    """Write the table.

    Args:
        file: open for text, without translation of line ends.
        problems: name of the recording, seconds of it that were read, and what is wrong; in the order of recordings.
    """
    rows = CsvRows(file)
    rows.writerow(COLUMNS)
    for name, read_s, defect in problems:
        rows.writerow([name, defect.kind, f"{defect.lost_s:.6f}", f"{read_s:.6f}", defect.sentence])
