"""Which tables belong to which recording, where a recording's name is too long for a table's, or not allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from edge_daemon.system.printable import CsvRows

COLUMNS = ("tables", "file")


def write_names(file: TextIO, names: Iterable[tuple[str, str]]) -> None:
    """Write the table.

    Args:
        file: open for text, without translation of line ends.
        names: with what the names of a recording's tables begin, and the recording's own name.
    """
    rows = CsvRows(file)
    rows.writerow(COLUMNS)
    rows.writerows(names)
