"""Raven selection tables: the way bioacousticians mark calls in long recordings.

A table is a text file with tab-separated columns: `Selection`, `View`, `Channel`, `Begin Time (s)`, `End Time (s)`,
`Low Freq (Hz)`, `High Freq (Hz)` and whatever else the analyst added (Raven Pro user's manual, Cornell Lab of
Ornithology). Real ones differ: a byte-order mark, Windows line ends, decimal commas, missing frequency columns, each
selection once per view (waveform and spectrogram), times relative to a series of files (`Begin File` and
`File Offset (s)` then say where within which file).
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from train.data.dataset import DataError

BEGIN, END = "begin time (s)", "end time (s)"
ANNOTATIONS = ("annotation", "label", "species", "call type", "call_type", "class", "type", "tags")
"""Columns that may say what a selection is, in this order."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One marked sound.

    Args:
        begin_s: seconds after the begin of its file.
        end_s: end, after `begin_s`.
        low_hz: lower edge, NaN where the table has none.
        high_hz: upper edge, NaN where the table has none.
        annotation: what the analyst called it, empty where nothing.
        file: name of the recording, empty where the table does not say.
    """

    begin_s: float
    end_s: float
    low_hz: float
    high_hz: float
    annotation: str
    file: str


def is_raven_table(path: Path) -> bool:
    """Whether a text file begins with the header of a selection table."""
    if path.suffix.lower() not in (".txt", ".tsv"):
        return False
    try:
        with path.open("rb") as file:
            head = _decode(file.read(4096)).splitlines()[:1]
    except (OSError, UnicodeDecodeError):
        return False
    return bool(head) and {BEGIN, END} <= {column.strip().lower() for column in head[0].split("\t")}


def read_raven_table(path: Path) -> list[Selection]:
    """Reads a selection table.

    Returns:
        its selections in order of file and time, each once; an empty list where there is only a header.

    Raises:
        DataError: not such a table, or a row whose times are not numbers or run backwards.
    """
    try:
        text = _decode(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", "Save the selection table again from Raven.") from error
    rows = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [column.strip().lower() for column in next(rows, [])]
    for column in (BEGIN, END):
        if column not in header:
            raise DataError(f"{path} has no column {column!r}.", "Save it from Raven with its measurement columns.")
    found: dict[object, Selection] = {}
    for row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if not any(cells.values()):
            continue
        selection = _selection(path, rows.line_num, cells)
        # Raven writes a selection once for each view that shows it: same number, same times
        found.setdefault((cells.get("selection"), selection.file, selection.begin_s, selection.end_s), selection)
    return sorted(found.values(), key=lambda selection: (selection.file, selection.begin_s, selection.end_s))


def _decode(raw: bytes) -> str:
    """Text of a table: UTF-16 with a byte-order mark, UTF-8 with or without one, else Windows' western code page."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw[: len(raw) // 2 * 2].decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def _selection(path: Path, line: int, cells: dict[str, str]) -> Selection:
    begin_s, end_s = _number(path, line, BEGIN, cells), _number(path, line, END, cells)
    if not (math.isfinite(begin_s) and math.isfinite(end_s) and end_s > begin_s):
        raise DataError(f"{path}, line {line}: a selection from {begin_s} to {end_s} s.", "Correct or remove the line.")
    length_s = end_s - begin_s
    if cells.get("file offset (s)"):
        begin_s = _number(path, line, "file offset (s)", cells)
    return Selection(
        begin_s=begin_s,
        end_s=begin_s + length_s,
        low_hz=_number(path, line, "low freq (hz)", cells),
        high_hz=_number(path, line, "high freq (hz)", cells),
        annotation=next((cells[column] for column in ANNOTATIONS if cells.get(column)), ""),
        file=cells.get("begin file", "") or Path(cells.get("begin path", "").replace("\\", "/")).name,
    )


def _number(path: Path, line: int, column: str, cells: dict[str, str]) -> float:
    """A cell as a number, decimal comma allowed; NaN where the cell or the column is missing."""
    cell = cells.get(column, "")
    try:
        return float(cell.replace(",", ".")) if cell else math.nan
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {column} is {cell!r}, not a number.", "Correct the line.") from error
