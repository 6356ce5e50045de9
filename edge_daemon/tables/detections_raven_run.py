"""One selection table for Raven with the detections of all recordings.

Raven opens the recordings as one, in the order of the run: `Begin Time (s)` counts over all of them. Opened alone, the
table leads to each recording by `Begin Path` and `File Offset (s)`, the place within it. The rows are those of
`detections_raven`, numbered through.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from edge_daemon.detection.document import Detection
from edge_daemon.tables.detections_raven import COLUMNS, raven_line
from edge_daemon.tables.format import RunFormat


class RavenRun:
    """Writes rows as the recordings are done.

    Args:
        file: open for text, without translation of line ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._number, self._before_s = 0, 0.0
        file.write("\t".join(COLUMNS) + "\n")

    def add(self, detections: Iterable[Detection], sound: Path, seconds: float) -> None:
        """Append the detections of one recording, `seconds` long, whose path is `sound`."""
        for detection in detections:
            self._number += 1
            self._file.write(raven_line(self._number, detection, sound, self._before_s))
        self._before_s += seconds


FORMAT = RunFormat("selections.txt", RavenRun)
