"""Which recording each selection is of: those of the Raven tables below a folder, or of a CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from train.data.dataset import DataError
from train.data.label_table import read_span_table
from train.data.raven import Selection, is_raven_table, read_raven_table
from train.data.recording_index import RecordingIndex, by_time

RUN_TABLE = "selections.txt"
"""The table of a whole replay, which repeats those of its recordings."""


@dataclass
class Selected:
    """What tables say about one recording.

    Attributes:
        selections: in the tables' order.
        tables: that are about it.
    """

    selections: list[Selection] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)

    def add(self, table: Path, *selections: Selection) -> None:
        """Add what a table says; nothing, where it says that there is nothing."""
        self.selections += selections
        if table not in self.tables:
            self.tables.append(table)


def tables_in(folder: Path) -> list[Path]:
    """Raven selection tables below a folder, in order of their names; a replay's joined one only if it stands alone."""
    tables = sorted((path for path in folder.rglob("*") if path.is_file() and is_raven_table(path)), key=by_time)
    alone = {path.parent for path in tables} - {path.parent for path in tables if path.name != RUN_TABLE}
    return [path for path in tables if path.name != RUN_TABLE or path.parent in alone]


def selections_of(source: Path, index: RecordingIndex, report: Callable[[str], object]) -> dict[Path, Selected]:
    """The selections of each recording that a folder's tables, or a CSV file, are about.

    Args:
        source: the folder, or the file.
        index: the recordings that they may be about.
        report: told where it is not plain that a table is about a recording.

    Raises:
        DataError: no tables, one that cannot be read, or a recording that is missing or cannot be told from another.
    """
    marked: dict[Path, Selected] = {}
    if source.is_file():
        for row in read_span_table(source, unlabelled="call"):
            where = f"{source}, line {row.line}"
            words = (row.word,) if row.word else ()
            selection = Selection(row.begin_s, row.end_s, math.nan, math.nan, words, row.file, where=where)
            marked.setdefault(index.find(row.file, where, source.parent), Selected()).add(source, selection)
        return marked
    tables = tables_in(source)
    if not tables:
        raise DataError(f"{source} contains no Raven selection table.", "Save NAME.selections.txt next to NAME.wav.")
    for table in tables:
        found = read_raven_table(table)
        named = {name: index.find(name, str(table), table.parent) for name in {part.file for part in found} - {""}}
        if not found or any(not selection.file for selection in found):
            named[""] = _recording_of(table, index, report)
            marked.setdefault(named[""], Selected()).add(table)
        for selection in found:
            marked.setdefault(named[selection.file], Selected()).add(table, selection)
    several = [(path, parts.tables) for path, parts in marked.items() if len(parts.tables) > 1]
    if several:
        path, both = several[0]
        report(
            f"The marks of several tables count together, those of {' and '.join(map(str, both))} for {path}"
            f"{f', and so for {len(several) - 1} other recordings' if several[1:] else ''}."
        )
    return marked


def _recording_of(table: Path, index: RecordingIndex, report: Callable[[str], object]) -> Path:
    """The recording that a table belongs to by its name: the longest beginning of it that is a recording's name."""
    parts = table.name.split(".")
    names = [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    fitting = [found for name in names if (found := index.called(name))]
    beside = [found for paths in fitting if (found := [path for path in paths if path.parent == table.parent])]
    for found in beside + fitting:
        return index.nearest(found, str(table), table.parent)
    path = index.find("", str(table), table.parent)
    report(f"{table} has no recording's name; its marks are taken for {path}, which is alone.")
    return path
