"""Section `clips`: the sound of each event, kept as long as there is room."""

from __future__ import annotations

from typing import Literal

from edge_daemon.config.section import Section, key


class ClipsSection(Section):
    """Format, margin and retention of clips."""

    enabled: bool = key(True, "Keep the sound of each event")
    format: Literal["flac", "wav"] = key("flac", "File format")
    margin_s: float = key(2.0, "Sound kept before and after the event", unit="s", ge=0, le=60, live=True)
    max_length_s: float = key(
        60.0, "Longest clip; longer events keep only their beginning", unit="s", ge=1, le=600, live=True
    )
    max_age_days: float = key(365.0, "Delete clips older than this", unit="d", gt=0, le=3650, live=True)
    max_total_mb: float = key(
        4000.0, "Most that all clips may take; the oldest are deleted first", unit="MB", ge=1, le=10_000_000, live=True
    )
    min_free_mb: float = key(
        500.0,
        "Disk space always left free: below it, clips stop and detection continues",
        unit="MB",
        ge=0,
        le=10_000_000,
        live=True,
    )
