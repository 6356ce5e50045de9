"""Text from outside, made harmless for whatever shows it: a terminal, or a spreadsheet.

File names, device names and what a broker delivers may hold anything. A terminal obeys escape sequences: they move the
cursor, overwrite lines, set the title, answer with input. Marks that turn the direction of writing make `gnp.exe` look
like `exe.png`. A spreadsheet runs a cell that begins like a formula.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from typing import TextIO

REPLACEMENT = "\ufffd"
# Obeyed and not shown (defined here alone): C0 but tab and line end, DEL, C1, marks of direction, halves of characters
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKS = re.compile("[\t\n\r]")
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def printable(text: str) -> str:
    """The text without control characters; each is a replacement character. Tabs and line ends stay."""
    return _CONTROLS.sub(REPLACEMENT, text)


def escaped(text: str) -> str:
    r"""The text with every control character written as `\u001b`, in one line.

    That is JSON's own way of writing it, so a JSON document keeps its meaning; blanks between its parts become spaces.
    """
    return _CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], _BLANKS.sub(" ", text))


def spreadsheet_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: an apostrophe stands before what looks like one."""
    harmless = printable(text)
    return f"'{harmless}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else harmless


class CsvRows:
    """Writes rows of CSV whose text is harmless in a spreadsheet and a terminal.

    Args:
        file: open for text, without translation of line ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\n")

    def writerow(self, cells: Iterable[object]) -> None:
        """One row; None is an empty cell."""
        self._writer.writerow([spreadsheet_cell(cell) if isinstance(cell, str) else cell for cell in cells])

    def writerows(self, rows: Iterable[Iterable[object]]) -> None:
        """Several rows."""
        for row in rows:
            self.writerow(row)
