"""The recordings that could not be replayed, and why: what to look at again, or to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from edge_daemon.system.printable import CsvRows

COLUMNS = ("file", "error")


def write_failures(file: TextIO, failures: Sequence[tuple[str, str]]) -> None:
    """Write the table.

    Args:
        file: open for text, without translation of line ends.
        failures: name of the recording and a sentence, in the order of the recordings.
    """
    rows = CsvRows(file)
    rows.writerow(COLUMNS)
    rows.writerows(failures)
