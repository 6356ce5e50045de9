"""Raven selection tables: the way bioacousticians mark calls in long recordings.

A table is a text file with tab-separated columns: `Selection`, `View`, `Channel`, `Begin Time (s)`, `End Time (s)`,
`Low Freq (Hz)`, `High Freq (Hz)` and whatever else the analyst added (Raven Pro user's manual, Cornell Lab of
Ornithology). Real ones differ: a byte-order mark, line ends of Windows or old Macs, decimal commas, missing frequency
columns, each selection once per view (waveform and spectrogram), times relative to a series of files (`Begin Path` or
`Begin File`, and `File Offset (s)`, then say where within which file).
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from train.data.dataset import DataError
from train.data.span import Span
from train.data.text_file import decoded, read_text

BEGIN, END, OFFSET = "begin time (s)", "end time (s)", "file offset (s)"
ANNOTATIONS = ("annotation", "label", "species", "call type", "call_type", "class", "type", "tags")
"""Columns that may say what a selection is, in this order."""
ENDINGS = ("selections.txt", "selections.tsv")
"""Names with these ends are selection tables, whatever they contain."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One marked sound.

    Args:
        begin_s: seconds after the begin of its file.
        end_s: end, after `begin_s`.
        low_hz: lower edge, NaN where the table has none.
        high_hz: upper edge, NaN where the table has none.
        annotations: what the analyst called it, in each column that says something.
        file: name of the recording, with its folders where the table has them; empty where it does not say.
        channel: in which it was marked, counted from 1; None where the table does not say.
        where: its table and line, for errors.
    """

    begin_s: float
    end_s: float
    low_hz: float
    high_hz: float
    annotations: tuple[str, ...]
    file: str
    channel: int | None = None
    where: str = field(default="", compare=False)

    @property
    def span(self) -> Span:
        """Begin and end."""
        return self.begin_s, self.end_s


def is_raven_table(path: Path) -> bool:
    """Whether a text file is a selection table by the end of its name, or by its header."""
    if path.suffix.lower() not in (".txt", ".tsv") or path.name.startswith("."):
        return False
    if path.name.lower().endswith(ENDINGS):
        return path.is_file()
    try:
        with path.open("rb") as file:
            head = decoded(file.read(4096)).partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return False
    return bool({BEGIN, END} & {column.strip().lower() for column in head.split("\t")})


def read_raven_table(path: Path) -> list[Selection]:
    """Reads a selection table.

    Returns:
        its selections in order of file and time, each once; an empty list where there is only a header.

    Raises:
        DataError: not such a table, a row whose times are not numbers or run backwards, or times of a series of files
            that do not say where within a file.
    """
    text = read_text(path, "Save the selection table again from Raven.")
    if not text.strip():
        raise DataError(
            f"{path} is empty; the table of a recording without a mark has a header.",
            "Save the selection table again from Raven, or remove it.",
        )
    rows = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [column.strip().lower() for column in next(rows, [])]
    for column in (BEGIN, END):
        if column not in header:
            raise DataError(f"{path} has no column {column!r}.", "Save it from Raven with its measurement columns.")
    found: dict[object, Selection] = {}
    placed = True
    for row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if not any(cells.values()):
            continue
        selection = _selection(path, rows.line_num, cells)
        placed &= bool(cells.get(OFFSET))
        # Raven writes a selection once for each view that shows it: same number, same times
        key = (cells.get("selection"), selection.file, selection.channel, selection.begin_s, selection.end_s)
        found.setdefault(key, selection)
    files = sorted({selection.file for selection in found.values()} - {""})
    if len(files) > 1 and not placed:
        raise DataError(
            f"{path} names several files, {files[0]} and {files[1]} among them, but not every row has a"
            " File Offset (s): its times may count over all files, or within each.",
            "Save it from Raven with the column File Offset (s), or save a table for each file.",
        )
    return sorted(found.values(), key=lambda selection: (selection.file, selection.begin_s, selection.end_s))


def _selection(path: Path, line: int, cells: dict[str, str]) -> Selection:
    begin_s, end_s = _number(path, line, BEGIN, cells), _number(path, line, END, cells)
    if not (math.isfinite(begin_s) and math.isfinite(end_s) and end_s > begin_s):
        raise DataError(f"{path}, line {line}: a selection from {begin_s} to {end_s} s.", "Correct or remove the line.")
    length_s = end_s - begin_s
    if cells.get(OFFSET):
        begin_s = _number(path, line, OFFSET, cells)
    return Selection(
        begin_s=begin_s,
        end_s=begin_s + length_s,
        low_hz=_number(path, line, "low freq (hz)", cells),
        high_hz=_number(path, line, "high freq (hz)", cells),
        annotations=tuple(dict.fromkeys(cells[column] for column in ANNOTATIONS if cells.get(column))),
        file=_file(cells.get("begin path", ""), cells.get("begin file", "")),
        channel=int(cells["channel"]) if cells.get("channel", "").isdecimal() else None,
        where=f"{path}, line {line}",
    )


def _file(path: str, name: str) -> str:
    """The recording with its folders; `Begin Path` has its name, too, or is its folder alone."""
    if not path or not name or PureWindowsPath(path).name == name:
        return path or name
    return f"{path}/{name}"


def _number(path: Path, line: int, column: str, cells: dict[str, str]) -> float:
    """A cell as a number, decimal comma allowed; NaN where the cell or the column is missing."""
    cell = cells.get(column, "")
    try:
        return float(cell.replace(",", ".")) if cell else math.nan
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {column} is {cell!r}, not a number.", "Correct the line.") from error
