"""Where a replay's results go: tables per recording, and tables of the whole run.

The tables of a recording appear when it is done; those of the run grow under temporary names and appear when the run
is. An interrupted run leaves whole tables or none.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_daemon.errors import StorageError
from edge_daemon.replay.task import ReplayResult
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.tables.audacity import write_audacity
from edge_daemon.tables.detections_csv import DetectionsCsv
from edge_daemon.tables.failures_csv import write_failures
from edge_daemon.tables.jsonl import DetectionsJsonl
from edge_daemon.tables.raven import write_raven
from edge_daemon.tables.scores_csv import ScoresCsv

FAILURES = "failures.csv"
"""There after a run in which recordings failed, and only then."""
FORMATS = ("raven", "audacity", "csv", "jsonl")
"""raven and audacity give a table per recording, csv and jsonl one for the run."""


class ReplayOutput:
    """Writes results into a folder; use it as a context.

    Args:
        folder: made if it is not there.
        formats: some of `FORMATS`.
        scores: also write `scores.csv`.

    Raises:
        StorageError: the folder cannot be made, or a table cannot be written.
    """

    def __init__(self, folder: Path, formats: Collection[str] = FORMATS, *, scores: bool = False) -> None:
        self.folder = folder
        self._formats = formats
        self._want_scores = scores
        self._files = ExitStack()
        self._run_tables: list[DetectionsCsv | DetectionsJsonl] = []
        self._scores: ScoresCsv | None = None
        self._failures: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The folder {self.folder} cannot be made: {error.strerror}.", "Choose another --output folder."
            ) from error
        with ExitStack() as files:
            if "csv" in self._formats:
                file = files.enter_context(whole_file(self.folder / "detections.csv"))
                self._run_tables.append(DetectionsCsv(file))
            if "jsonl" in self._formats:
                file = files.enter_context(whole_file(self.folder / "detections.jsonl"))
                self._run_tables.append(DetectionsJsonl(file))
            if self._want_scores:
                self._scores = ScoresCsv(files.enter_context(whole_file(self.folder / "scores.csv")))
            self._files = files.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)
        if error is None:
            self._tell_failures()

    def _tell_failures(self) -> None:
        path = self.folder / FAILURES
        if self._failures:
            with whole_file(path) as file:
                write_failures(file, self._failures)
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
        if "raven" in self._formats:
            write_raven(
                self.folder / f"{recording.output}.selections.txt", result.detections(), recording.path.absolute()
            )
        if "audacity" in self._formats:
            write_audacity(self.folder / f"{recording.output}.labels.txt", result.detections())
        for table in self._run_tables:
            table.add(result.detections())
        if self._scores is not None:
            self._scores.add(
                recording.name,
                result.starts,
                result.scores,
                window=result.window,
                rate=result.rate,
                start_utc_ns=result.start_utc_ns,
            )
