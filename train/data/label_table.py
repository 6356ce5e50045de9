"""Tables of labels: a CSV file that says which sound file, or which stretch of it, is a call.

Columns are found by their usual names, in any order, separated by commas, semicolons or tabs. `file` may be missing
where there is only one recording, `begin` where whole clips are labelled, `end` where windows are.
"""

from __future__ import annotations

import csv
import io
import math
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


def read_label_table(path: Path, unlabelled: str | None = None) -> list[LabelRow]:
    """Reads a table of labels.

    Args:
        path: the CSV file.
        unlabelled: the label of every row where the table has no column of labels; None refuses such a table.

    Raises:
        DataError: unreadable, no column of labels, neither files nor times, or a time that is not a number.
    """
    text = read_text(path, "Save it as CSV in UTF-8.")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = [cell.strip().lower().replace(" ", "_") for cell in next(rows, [])]
    at = {what: next((header.index(name) for name in names if name in header), None) for what, names in COLUMNS.items()}
    label, file, begin, end = at["label"], at["file"], at["begin"], at["end"]
    if (label is None and unlabelled is None) or (file is None and begin is None):
        raise DataError(
            f"{path} has the columns {', '.join(header)}.",
            "A table of labels has a column label (or verdict) and a column file or begin_s, or both.",
        )
    found = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
        begin_s, end_s = (_seconds(path, rows.line_num, cells, column) for column in (begin, end))
        word = cells[label] if label is not None else str(unlabelled)
        found.append(LabelRow(rows.line_num, cells[file] if file is not None else "", begin_s, end_s, word))
    if not found:
        raise DataError(f"{path} has no rows.", "Label some sound first.")
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
