"""Section `history`: what was found and told, kept on the board whatever became of its delivery."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class HistorySection(Section):
    """Bounds of the history; `edge-daemon detections` and `edge-daemon presence` read it."""

    keep_days: float = key(
        1000.0, "Detections, tallies and health older than this are deleted", unit="d", gt=0, le=36_500, live=True
    )
    max_mb: float = key(
        200.0, "Largest history; beyond this the oldest entries are deleted", unit="MB", ge=1, le=100_000, live=True
    )
