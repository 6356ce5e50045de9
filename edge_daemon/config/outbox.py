"""Section `outbox`: how many unsent detections are kept, and how often they reach the disk."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class OutboxSection(Section):
    """Bounds of the store of detections that the broker has not acknowledged."""

    max_rows: int = key(
        100_000,
        "Most unsent detections kept; beyond this the oldest are dropped and counted",
        ge=100,
        le=10_000_000,
        live=True,
    )
    max_age_days: float = key(
        365.0, "Drop and count unsent detections older than this", unit="d", gt=0, le=3650, live=True
    )
    commit_interval_s: float = key(
        1.0,
        "Longest time before a detection is written to disk: the most that a power cut can lose",
        unit="s",
        ge=0,
        le=60,
        live=True,
    )
