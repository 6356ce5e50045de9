"""`listened.csv` (file,begin_s,end_s) beside tables of marks: which parts of their recordings somebody listened to.

It speaks for the tables in its folder and below: of each recording that they mark it must say what was listened to.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from train.data.dataset import DataError
from train.data.label_table import read_span_table
from train.data.recording_index import RecordingIndex
from train.data.sound_file import sound_info
from train.data.span import Span, clipped

LISTENED = "listened.csv"


@dataclass(frozen=True)
class ListenedParts:
    """What was listened to.

    Attributes:
        spans: of each recording, within it.
        tables: the files that say so.
    """

    spans: dict[Path, list[Span]]
    tables: tuple[Path, ...]

    @classmethod
    def read(cls, source: Path, index: RecordingIndex) -> Self:
        """Reads the files in and below a folder, or the one beside a CSV file.

        Raises:
            DataError: one that cannot be read, or is about no recording or no part of it.
        """
        tables = sorted(source.rglob(LISTENED)) if source.is_dir() else [source.parent / LISTENED]
        tables = [table for table in tables if table.is_file()]
        spans: dict[Path, list[Span]] = {}
        for table in tables:
            for row in read_span_table(table):
                where = f"{table}, line {row.line}"
                path = index.find(row.file, where, table.parent)
                span = clipped((row.begin_s, row.end_s), sound_info(path).duration_s, path, where)
                spans.setdefault(path, []).append(span)
        return cls(spans, tuple(tables))

    def within(self, path: Path, duration_s: float, marked_by: Collection[Path]) -> tuple[Span, ...]:
        """What was listened to of a recording; all of it where nothing speaks for its tables.

        Args:
            path: the recording.
            duration_s: its length.
            marked_by: its tables.

        Raises:
            DataError: a file that speaks for them leaves it out.
        """
        if path in self.spans:
            return tuple(self.spans[path])
        for table in self.tables:
            if any(table.parent in marks.parents for marks in marked_by):
                raise DataError(
                    f"{path} is marked, but {table} does not say which part of it was listened to.",
                    f"Add the line {path.name},0,{duration_s:.3f} where all of it was, or remove its marks.",
                )
        return ((0.0, duration_s),)
