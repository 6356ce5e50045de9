"""Selection tables for Raven (Cornell's sound analysis program): one per recording, tab-separated.

Opened beside the recording, each detection is a box on the spectrogram: that of the call, or of the event where the
call's pitch could not be followed. `Begin Path`, `Begin File` and
`File Offset (s)` let Raven find the sound when the table is opened alone. Columns that Raven does not know (scores,
UTC, identity) are kept and shown as annotations. The class stands in three columns: `Annotation`, where Raven and
crowsetta look for it, `Tags`, where koogu does, and `Label`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TextIO

from edge_daemon.clock.utc import nanoseconds, utc_text
from edge_daemon.detection.document import Detection
from edge_daemon.tables.cells import plain
from edge_daemon.tables.format import RecordingFormat

COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin Path",
    "Begin File",
    "File Offset (s)",
    "Label",
    "Score",
    "Mean Score",
    "Windows",
    "Begin UTC",
    "Detection ID",
    "Annotation",
    "Tags",
)


def write_raven(file: TextIO, detections: Iterable[Detection], sound: Path) -> None:
    """Write the selection table of one recording, whose path is `sound`."""
    file.write("\t".join(COLUMNS) + "\n")
    for number, detection in enumerate(detections, start=1):
        file.write(raven_line(number, detection, sound))


def raven_line(number: int, detection: Detection, sound: Path, before_s: float = 0.0) -> str:
    """One selection.

    Args:
        number: of the selection, from 1.
        detection: what is selected.
        sound: path of its recording.
        before_s: seconds of the recordings in front of this one, where a table is about several.
    """
    box = detection.box
    cells = (
        str(number),
        "Spectrogram 1",
        str(detection.channel),
        f"{before_s + box.begin_s:.6f}",
        f"{before_s + box.end_s:.6f}",
        "" if box.low_hz is None else f"{box.low_hz:.1f}",
        "" if box.high_hz is None else f"{box.high_hz:.1f}",
        plain(str(sound)),
        plain(sound.name),
        f"{box.begin_s:.6f}",
        plain(detection.label),
        f"{detection.peak_score:.6f}",
        f"{detection.mean_score:.6f}",
        str(detection.windows),
        _utc(detection, box.begin_s),
        str(detection.id),
        plain(detection.label),
        plain(detection.label),
    )
    return "\t".join(cells) + "\n"


def _utc(detection: Detection, at_s: float) -> str:
    """When a moment of the recording was, or nothing."""
    if detection.begin_utc is None:
        return ""
    begin_ns = nanoseconds(datetime.fromisoformat(detection.begin_utc))
    return utc_text(begin_ns + round((at_s - detection.begin_s) * 1e9))


FORMAT = RecordingFormat(".selections.txt", write_raven)
