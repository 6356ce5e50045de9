"""Label tracks for Audacity: one per recording, tab-separated, a line `begin TAB end TAB label` for each detection.

Audacity can have a second line with the frequencies, which readers of label tracks that take three columns do not stand
(crowsetta's `aud-seq`, pandas); `detections_audacity_boxes` writes that form. A label is the class alone, as readers
take it for the class; scores are in the other tables.
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
        file.write(f"{detection.box.begin_s:.6f}\t{detection.box.end_s:.6f}\t{plain(detection.label)}\n")


FORMAT = RecordingFormat(".labels.txt", write_audacity)
