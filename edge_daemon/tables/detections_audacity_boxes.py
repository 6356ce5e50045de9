"""Label tracks for Audacity's spectrogram view: two lines for each detection, written when they are asked for.

The first line is `begin TAB end TAB label`; the second begins with a backslash and gives the lower and upper frequency,
so that the label shows as a box. Readers of this form (crowsetta's `aud-bbox`) take two lines at a time, so where the
band is not known -1 stands for both, as Audacity writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from edge_daemon.detection.document import Detection
from edge_daemon.tables.cells import plain
from edge_daemon.tables.format import RecordingFormat


def write_audacity_boxes(file: TextIO, detections: Iterable[Detection], _sound: Path) -> None:
    """Write the label track of one recording; empty where nothing was detected."""
    for detection in detections:
        box = detection.box
        file.write(f"{box.begin_s:.6f}\t{box.end_s:.6f}\t{plain(detection.label)}\n")
        low, high = (-1.0 if edge is None else edge for edge in (box.low_hz, box.high_hz))
        file.write(f"\\\t{low:.6f}\t{high:.6f}\n")


FORMAT = RecordingFormat(".boxes.txt", write_audacity_boxes, by_default=False)
