"""What tables for the Passive Acoustic Reporting System lack: columns, types, ranges, codes, order of times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from edge_daemon.presence.pars import DETECTIONDATA, GPSDATA, METADATA, Row

_OPTIONAL = {
    *("deployment_platform_id", "dynamic_management_platform", "deployment_url", "analysis_citations"),
    *("detection_sound_source_code", "detection_call_type_code", "detection_n_validated"),
    *("localization_latitude", "localization_longitude"),
}
_WHERE_FOUND = ("detection_sound_source_code", "detection_call_type_code", "detection_n_validated")
_RESULTS = ("DETECTED", "POSSIBLY_DETECTED", "NOT_DETECTED", "NOT_AVAILABLE")
_CODES = {
    "detection_result_code": _RESULTS,
    "analysis_processing_code": ("REAL_TIME", "POST_PROCESSED"),
    "dynamic_management_platform": ("TRUE", "FALSE"),
}
_WHOLE = ("recording_bit_depth", "recording_n_channels", "detection_n_validated")
_RANGES = {"latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0), "sample_rate_khz": (0.1, 2000.0)}
_NUMBER = re.compile(r"_(m|secs|khz)$|latitude$|longitude$")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)")
_ORDERED = (
    ("monitoring_start_datetime", "monitoring_end_datetime"),
    ("analysis_start_datetime", "analysis_end_datetime"),
    ("detection_start_datetime", "detection_end_datetime"),
    ("analysis_start_datetime", "detection_start_datetime"),
    ("detection_end_datetime", "analysis_end_datetime"),
)
_PLACEHOLDERS = ("NA", "N/A", "NULL", "-")


def problems(table: str, rows: Sequence[Row]) -> list[str]:
    """What is wrong with a table, a sentence each; each column is named once.

    Args:
        table: `metadata`, `detectiondata` or `gpsdata`.
        rows: cells by column.
    """
    columns = {"metadata": METADATA, "detectiondata": DETECTIONDATA, "gpsdata": GPSDATA}[table]
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        for column in columns:
            sentence = f"the column {column} is missing" if column not in row else _wrong(column, row)
            if sentence:
                found.setdefault(column, f"{table}.csv, line {number}: {sentence}.")
        for first, last in _ORDERED:
            begin, end = _time(row.get(first, "")), _time(row.get(last, ""))
            if begin is not None and end is not None and begin > end:
                found.setdefault(f"{first} {last}", f"{table}.csv, line {number}: {last} lies before {first}.")
    if not rows and table != "gpsdata":
        found["rows"] = f"{table}.csv has no rows."
    return [*found.values(), *_doubled(table, rows)]


def _wrong(column: str, row: Row) -> str:
    cell = row[column]
    wanted = column not in _OPTIONAL or (
        column in _WHERE_FOUND and row.get("detection_result_code") in ("DETECTED", "POSSIBLY_DETECTED")
    )
    if not cell:
        return f"{column} is empty" if wanted else ""
    if cell.upper() in _PLACEHOLDERS:
        return f"{column} is {cell!r}; what is not known stays empty"
    if column in _CODES and cell not in _CODES[column]:
        return f"{column} is {cell!r}, not one of {', '.join(_CODES[column])}"
    if column.endswith("datetime") and _time(cell) is None:
        return f"{column} is {cell!r}, not a time with its zone"
    return _wrong_number(column, cell)


def _wrong_number(column: str, cell: str) -> str:
    if column in _WHOLE and not cell.isdigit():
        return f"{column} is {cell!r}, not a whole number"
    if not _NUMBER.search(column):
        return ""
    try:
        value = float(cell)
    except ValueError:
        return f"{column} is {cell!r}, not a number"
    low, high = next((bounds for name, bounds in _RANGES.items() if column.endswith(name)), (0.0, float("inf")))
    return "" if low <= value <= high else f"{column} is {cell}, outside {low:g} to {high:g}"


def _time(cell: str) -> datetime | None:
    if not _TIME.fullmatch(cell):
        return None
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def _doubled(table: str, rows: Iterable[Row]) -> list[str]:
    """Periods that overlap with the one before, or are out of order."""
    if table != "detectiondata":
        return []
    last: datetime | None = None
    for number, row in enumerate(rows, start=2):
        begin, end = _time(row.get("detection_start_datetime", "")), _time(row.get("detection_end_datetime", ""))
        if last is not None and begin is not None and begin < last:
            return [f"{table}.csv, line {number}: detection_start_datetime lies before the end of the row above."]
        last = end
    return []
