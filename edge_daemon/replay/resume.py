"""What an interrupted replay has finished, kept beside its tables, so that the next run goes on from there.

Each recording's result is a file of its own, whole or not there. Its name is made from all that the result depends on:
the settings, the model's digest, the program's version, and the recording's path, size and time of change. What was
made under other circumstances therefore has another name and is never taken. A run that ends well removes the folder:
its tables say it all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from edge_daemon import __version__
from edge_daemon.audio.defect import Defect
from edge_daemon.audio.source import Gap
from edge_daemon.detection.document import ReceivedLevel, UtcBasis
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.origin import Origin
from edge_daemon.errors import StorageError
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.storage.atomic_file import whole_file

FOLDER = ".replay"
"""Inside the output folder."""

Kept = TypeVar("Kept", bound=BaseModel)


class ResultDocument(BaseModel):
    """A result without its recording, as it is written."""

    model_config = ConfigDict(extra="forbid")

    defects: list[Defect]
    found: list[Found]
    levels: list[ReceivedLevel | None]
    origin: Origin | None
    clock: UtcBasis
    starts: list[int]
    scores: list[float]
    window: int
    rate: int
    start_utc_ns: int | None
    zone_assumed: bool
    stretches: list[tuple[int, int]]
    time_remarks: list[str]
    seconds: float
    read_s: float
    lost_s: dict[str, float]
    gaps: list[Gap]
    windows: int
    unusable: int
    not_rising: int
    layer_spikes: list[int] | None

    @classmethod
    def of(cls, result: ReplayResult) -> ResultDocument:
        """The document of a result."""
        values = {name: getattr(result, name) for name in cls.model_fields}
        spikes = result.layer_spikes
        values |= {
            "starts": result.starts.tolist(),
            "scores": result.scores.tolist(),
            "layer_spikes": None if spikes is None else spikes.tolist(),
        }
        return cls.model_construct(**values)

    def result(self, recording: Recording) -> ReplayResult:
        """The result of a recording."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        spikes = self.layer_spikes
        values |= {
            "starts": np.array(self.starts, np.int64),
            "scores": np.array(self.scores, np.float32),
            "layer_spikes": None if spikes is None else np.array(spikes, np.int64),
        }
        return ReplayResult(recording, **values)


class FinishedResults:
    """Finished results of one run, by recording.

    Args:
        output: the folder of the tables.
        settings: of the run.
        digest: of the model.
    """

    def __init__(self, output: Path, settings: ReplaySettings, digest: str) -> None:
        self._folder = output / FOLDER
        # how sound is read and batched does not show in a result, and the digest stands for the model's path
        detector = replace(settings.detector, model=Path())
        seen = replace(settings, detector=detector, batch=0, block_s=0.0, decode_ahead=False)
        self._circumstances = [__version__, digest, repr(seen)]

    def load(self, recording: Recording) -> ReplayResult | None:
        """The recording's result, if it is there and whole."""
        document = self.read(self.name([recording]), ResultDocument)
        return None if document is None else document.result(recording)

    def save(self, result: ReplayResult) -> None:
        """Keep a result; one that failed is not kept, so that the next run tries it again.

        Raises:
            StorageError: it cannot be written.
        """
        if result.error is None:
            self.write(self.name([result.recording]), ResultDocument.of(result))

    def clear(self) -> None:
        """Remove all that is kept, of earlier runs too: the tables have taken its place."""
        with suppress(OSError):
            shutil.rmtree(self._folder)

    def name(self, recordings: Sequence[Recording], more: Sequence[object] = ()) -> str:
        """The file for what came of recordings under the circumstances of this run, and under more of them."""
        files = [_state(recording) for recording in recordings]
        text = json.dumps([*self._circumstances, *files, *more], sort_keys=True)
        return f"{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}.json"

    def _within(self, name: str) -> str:
        return os.path.join(self._folder, name)  # noqa: PTH118 - a text, of each recording

    def read(self, name: str, kind: type[Kept]) -> Kept | None:
        """What is kept under a name, if it is there and whole."""
        try:
            with open(self._within(name), "rb") as file:  # noqa: PTH123 - a text
                return kind.model_validate_json(file.read())
        except (OSError, ValidationError):
            return None

    def write(self, name: str, document: BaseModel) -> None:
        """Keep a document.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The folder {self._folder} cannot be created: {error.strerror}.") from error
        with whole_file(self._within(name)) as file:
            file.write(document.model_dump_json())


def _state(recording: Recording) -> list[object]:
    try:
        state = os.stat(recording.file)  # noqa: PTH116 - a text
    except OSError:
        return [recording.absolute, recording.name]  # whoever opens it will say what is wrong
    return [recording.absolute, recording.name, state.st_size, state.st_mtime_ns]
