"""All detections as JSON lines: the documents that MQTT carries, one a line, in the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from edge_daemon.detection.document import Detection
from edge_daemon.tables.format import RunFormat


class DetectionsJsonl:
    """Writes lines as the recordings are done.

    Args:
        file: open for text, without translation of line ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, detections: Iterable[Detection], _sound: Path | None = None, _seconds: float = 0.0) -> None:
        """Append detections."""
        for detection in detections:
            self._file.write(detection.to_json() + "\n")


FORMAT = RunFormat("detections.jsonl", DetectionsJsonl)
