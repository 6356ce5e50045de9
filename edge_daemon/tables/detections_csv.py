"""One CSV of all detections: the document's fields as columns, for spreadsheets and data frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from edge_daemon.detection.document import Detection
from edge_daemon.system.printable import CsvRows
from edge_daemon.tables.format import RunFormat

COLUMNS = (
    "file",
    "begin_s",
    "end_s",
    "begin_utc",
    "end_utc",
    "clock",
    "label",
    "peak_score",
    "mean_score",
    "windows",
    "threshold",
    "low_hz",
    "high_hz",
    "channel",
    "device",
    "model_name",
    "model_version",
    "model_digest",
    "backend",
    "id",
    "time_source",
    "call_begin_s",
    "call_end_s",
    "call_start_hz",
    "call_end_hz",
    "call_low_hz",
    "call_high_hz",
    "call_peak_hz",
    "call_slope_hz_s",
    "call_above_background_db",
    "call_received_level_db",
    "call_number",
    "call_of",
    "contour_begin_s",
    "contour_step_s",
    "contour_hz",
    "clip",
)


class DetectionsCsv:
    """Writes rows as the recordings are done.

    Args:
        file: open for text, without translation of line ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._rows = CsvRows(file)
        self._rows.writerow(COLUMNS)

    def add(self, detections: Iterable[Detection], _sound: Path | None = None, _seconds: float = 0.0) -> None:
        """Append detections; what is not known is an empty cell."""
        for detection in detections:
            fields = detection.model_dump(mode="json", by_alias=True)
            for part in ("model", "call", "contour"):
                fields |= {f"{part}_{key}": value for key, value in (fields[part] or {}).items()}
            fields["contour_hz"] = " ".join(map(str, fields.get("contour_hz") or ()))
            self._rows.writerow([fields.get(column) for column in COLUMNS])


FORMAT = RunFormat("detections.csv", DetectionsCsv)
