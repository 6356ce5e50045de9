"""Spans of a recording: marks, calls, what was listened to."""

from __future__ import annotations

from pathlib import Path

from train.data.dataset import DataError

Span = tuple[float, float]
"""Begin and end, seconds after the begin of the recording."""


def clipped(span: Span, duration_s: float, path: Path, where: str) -> Span:
    """A span within its recording.

    Args:
        span: begin and end as a table has them.
        duration_s: length of the recording.
        path: the recording, for errors.
        where: the table and line, for errors.

    Raises:
        DataError: no part of it is in the recording.
    """
    begin_s, end_s = span
    if begin_s >= duration_s or end_s <= 0.0:
        raise DataError(
            f"{where}: {path} lasts {duration_s:.1f} s, but a selection begins at {begin_s:.1f} s and ends at"
            f" {end_s:.1f} s.",
            "Put the right recording next to the table, or correct the line; where times count over several files, the"
            " table needs Begin File and File Offset (s).",
        )
    return max(begin_s, 0.0), min(end_s, duration_s)
