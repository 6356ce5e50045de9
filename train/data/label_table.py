"""Tables of labels: a CSV file that says which sound file, or which stretch of it, is a call.

Columns are found by their usual names, in any order, separated by commas, semicolons or tabs. `file` may be missing
where there is only one recording, `begin` where whole clips are labelled, `end` where windows are.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train.data.dataset import DataError
from train.data.text_file import read_text

COLUMNS = {
    "file": ("file", "filename", "file_name", "clip", "clip_name", "path", "recording", "wav", "begin_file"),
    "begin": ("begin_s", "start_s", "begin", "start", "begin_time", "start_time", "onset"),
    "end": ("end_s", "stop_s", "end", "stop", "end_time", "stop_time", "offset"),
    "label": ("label", "verdict", "class", "is_call", "target", "y"),
}
"""What a column is called, most usual first."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One line.

    Args:
        line: its number in the file, for errors.
        file: name of the sound file, empty where the table has no such column.
        begin_s: begin in seconds, NaN where the table has no such column.
        end_s: end in seconds, NaN where the table has no such column.
        word: the label as written.
    """

    line: int
    file: str
    begin_s: float
    end_s: float
    word: str


def read_label_table(path: Path) -> list[LabelRow]:
    """Reads a table of labels.

    Raises:
        DataError: unreadable, no column of labels, neither files nor times, a time that is not a number, or no rows.
    """
    table = _Table(path)
    if table.label is None or (table.file is None and table.begin is None):
        raise table.refused("A table of labels has a column label (or verdict) and a column file or begin_s, or both.")
    rows = table.rows("")
    if not rows:
        raise DataError(f"{path} has no rows.", "Label some sound first.")
    return rows


def read_span_table(path: Path, unlabelled: str = "") -> list[LabelRow]:
    """Reads a table of stretches of sound; one without rows names none.

    Args:
        path: the CSV file.
        unlabelled: the label of every row where the table has no column of labels.

    Raises:
        DataError: unreadable, no columns of begin and end, or a row whose end is not after its begin.
    """
    table = _Table(path)
    if table.begin is None or table.end is None:
        raise table.refused("The columns of such a table are file, begin_s and end_s.")
    rows = table.rows(unlabelled)
    for row in rows:
        if not row.begin_s < row.end_s:  # not a number counts as no time
            raise DataError(
                f"{path}, line {row.line}: a mark needs begin_s and end_s, the latter after the former.",
                "Correct the line.",
            )
    return rows


class _Table:
    """A CSV file, and where its columns are; None: it has no such column."""

    def __init__(self, path: Path) -> None:
        text = read_text(path, "Save it as CSV in UTF-8.")
        if not text.strip():
            raise DataError(f"{path} is empty.", "A table has a header, also where it has no rows.")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        self._path, self._rows = path, csv.reader(io.StringIO(text), delimiter=delimiter)
        self._header = [cell.strip().lower().replace(" ", "_") for cell in next(self._rows, [])]
        self.file, self.begin, self.end, self.label = map(self._column, COLUMNS.values())

    def _column(self, names: Sequence[str]) -> int | None:
        return next((self._header.index(name) for name in names if name in self._header), None)

    def refused(self, hint: str) -> DataError:
        """The error of a table that lacks columns."""
        return DataError(f"{self._path} has the columns {', '.join(self._header)}.", hint)

    def rows(self, unlabelled: str) -> list[LabelRow]:
        """All rows that are not blank; `unlabelled` is the label where there is no column of labels."""
        found = []
        for row in self._rows:
            if not any(cell.strip() for cell in row):
                continue
            cells = [cell.strip() for cell in row] + [""] * (len(self._header) - len(row))
            line = self._rows.line_num
            begin_s, end_s = (_seconds(self._path, line, cells, column) for column in (self.begin, self.end))
            word = unlabelled if self.label is None else cells[self.label]
            found.append(LabelRow(line, "" if self.file is None else cells[self.file], begin_s, end_s, word))
        return found


def _seconds(path: Path, line: int, cells: list[str], column: int | None) -> float:
    if column is None or cells[column] == "":
        return math.nan
    try:
        return float(cells[column])
    except ValueError as error:
        raise DataError(
            f"{path}, line {line}: {cells[column]!r} is not a time in seconds.", "Correct the line."
        ) from error
