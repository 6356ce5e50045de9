"""Label tracks for Audacity: one per recording, tab-separated.

A label is a line `begin TAB end TAB text`; the line after it, which begins with a backslash, gives the lower and upper
frequency, so that the label shows as a box in the spectrogram view.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from edge_daemon.detection.document import Detection
from edge_daemon.tables.cells import plain
from edge_daemon.tables.format import RecordingFormat


def write_audacity(file: TextIO, detections: Iterable[Detection], _sound: Path) -> None:
    """Write the label track of one recording; empty where nothing was detected."""
    for detection in detections:
        text = f"{plain(detection.label)} {detection.peak_score:.2f}"
        file.write(f"{detection.begin_s:.6f}\t{detection.end_s:.6f}\t{text}\n")
        if detection.low_hz is not None and detection.high_hz is not None:
            file.write(f"\\\t{detection.low_hz:.6f}\t{detection.high_hz:.6f}\n")


FORMAT = RecordingFormat(".labels.txt", write_audacity)
