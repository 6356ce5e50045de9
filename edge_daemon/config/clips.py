"""Section `clips`: the sound of each event, kept as long as there is room."""

from __future__ import annotations

from typing import Literal

from edge_daemon.config.section import Section, key


class ClipsSection(Section):
    """Format, margin and retention of clips."""

    enabled: bool = key(True, "Keep the sound of each event")
    format: Literal["flac", "wav"] = key("flac", "File format")
    margin_s: float = key(2.0, "Sound kept before and after the event", unit="s", ge=0, le=60)
    max_length_s: float = key(60.0, "Longest clip; of longer events the begin is kept", unit="s", ge=1, le=600)
    max_age_days: float = key(365.0, "Clips older than this are deleted", unit="d", gt=0, le=3650, live=True)
    max_total_mb: float = key(
        4000.0, "All clips together take no more; the oldest go first", unit="MB", ge=1, le=10_000_000, live=True
    )
    min_free_mb: float = key(
        500.0,
        "Never leave less than this free on the disk: clips stop, detection goes on",
        unit="MB",
        ge=0,
        le=10_000_000,
        live=True,
    )
