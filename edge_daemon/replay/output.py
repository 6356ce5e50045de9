"""Where a replay's results go: tables per recording, and tables of the whole run.

The tables of a recording appear when it is done; those of the run grow under temporary names and appear when the run
is. An interrupted run leaves whole tables or none; what a killed one has left is removed by the next one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO, TypeVar

from edge_daemon.audio.defect import Defect
from edge_daemon.errors import StorageError
from edge_daemon.replay.copies import Copy
from edge_daemon.replay.result import ReplayResult
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.storage.part_file import remove_left_parts
from edge_daemon.tables.failures_csv import write_failures
from edge_daemon.tables.format import RecordingFormat, RunFormat, RunTable, format_names, load_format
from edge_daemon.tables.names_csv import write_names
from edge_daemon.tables.problems_csv import write_problems
from edge_daemon.tables.scores_csv import ScoresCsv

FAILURES = "failures.csv"
"""There after a run in which recordings failed, and only then."""
NAMES = "names.csv"
"""There after a run in which tables could not be named after their recordings, and only then."""
PROBLEMS = "problems.csv"
"""There after a run in which something was wrong with recordings that were replayed, and only then."""

Row = TypeVar("Row")
_NAME_REFUSED = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # FAT takes no colon, encrypted folders 143 bytes
_MADE_UP = re.compile(r"~[0-9a-f]{8,16}(-\d+)?$")


class ReplayOutput:
    """Writes results into a folder; use it as a context.

    Args:
        folder: made if it is not there.
        formats: some of `format_names`; None for all that are written by default.
        scores: also write `scores.csv`.
        copies: recordings that are there twice.

    Raises:
        StorageError: the folder cannot be made, or a table cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        formats: Collection[str] | None = None,
        *,
        scores: bool = False,
        copies: Iterable[Copy] = (),
    ) -> None:
        self.folder = folder
        named = [load_format(name) for name in format_names() if formats is None or name in formats]
        chosen = [each for each in named if formats is not None or each.by_default]
        self._recording_formats = [each for each in chosen if isinstance(each, RecordingFormat)]
        self._run_formats = [each for each in chosen if isinstance(each, RunFormat)]
        self._want_scores = scores
        self._files = ExitStack()
        self._run_tables: list[RunTable] = []
        self._scores: ScoresCsv | None = None
        self._failures: list[tuple[str, str]] = []
        self._problems = [(copy.name, 0.0, Defect("copy", 0.0, copy.sentence)) for copy in copies]
        self._names: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The folder {self.folder} cannot be created: {error.strerror}.", "Choose another --output folder."
            ) from error
        remove_left_parts(self.folder, self._is_table)
        with ExitStack() as files:
            for run_format in self._run_formats:
                file = files.enter_context(whole_file(self.folder / run_format.file_name))
                self._run_tables.append(run_format.table(file))
            if self._want_scores:
                self._scores = ScoresCsv(files.enter_context(whole_file(self.folder / "scores.csv")))
            self._files = files.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)
        if error is None:
            self._tell(FAILURES, write_failures, self._failures)
            self._tell(PROBLEMS, write_problems, self._problems)
            self._tell(NAMES, write_names, self._names)

    def _is_table(self, name: str) -> bool:
        """Whether a file of this name is one of ours; of a name that is too long nothing is left to tell by."""
        ours = {"", "scores.csv", FAILURES, PROBLEMS, NAMES, *(each.file_name for each in self._run_formats)}
        return name in ours or any(name.endswith(each.ending) for each in self._recording_formats)

    def _tell(self, name: str, write: Callable[[TextIO, list[Row]], None], rows: list[Row]) -> None:
        path = self.folder / name
        if rows:
            with whole_file(path) as file:
                write(file, rows)
        else:
            with suppress(OSError):  # of an earlier run
                path.unlink(missing_ok=True)

    def write(self, result: ReplayResult) -> None:
        """Take one recording's result; one that failed leaves no tables.

        Raises:
            StorageError: a table cannot be written.
        """
        if result.error is not None:
            self._failures.append((result.recording.name, result.error))
            return
        recording = result.recording
        self._problems += [(recording.name, result.read_s, defect) for defect in result.defects]
        self._write_tables(result)
        for table in self._run_tables:
            table.add(result.detections(), Path(recording.absolute), result.seconds)
        if self._scores is not None:
            for windows, start_utc_ns in result.runs():
                self._scores.add(
                    recording.name,
                    result.starts[windows],
                    result.scores[windows],
                    window=result.window,
                    rate=result.rate,
                    start_utc_ns=start_utc_ns,
                )

    def _write_tables(self, result: ReplayResult) -> None:
        """The recording's own tables, under another name where the folder does not take the right one."""
        recording = result.recording
        stem, digest = recording.output, hashlib.sha256(recording.name.encode()).hexdigest()
        try:
            self._write_under(stem, result)
        except StorageError as error:
            if getattr(error.__cause__, "errno", None) not in _NAME_REFUSED:
                raise
            stem = f"recording~{digest[:16]}"
            self._write_under(stem, result)
        if _MADE_UP.search(stem):
            self._names.append((stem, recording.name))

    def _write_under(self, stem: str, result: ReplayResult) -> None:
        for recording_format in self._recording_formats:
            table = os.path.join(self.folder, f"{stem}{recording_format.ending}")  # noqa: PTH118 - a text
            with whole_file(table) as file:
                recording_format.write(file, result.detections(), Path(result.recording.absolute))
