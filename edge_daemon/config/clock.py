"""Section `clock`: how the sample count is tied to UTC."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class ClockSection(Section):
    """When the system clock counts as stepped, and how drift is estimated."""

    step_limit_s: float = key(
        0.5, "A larger jump of the system clock is a step: reported, and times re-anchored", unit="s", ge=0.05, le=60
    )
    drift_window_s: float = key(
        3600.0, "Time over which the sound card's drift is estimated", unit="s", ge=60, le=86_400
    )
    holdover_s: float = key(
        86_400.0,
        "For this long after the last synchronisation the clock counts as `holdover`, then as `unsynchronised`",
        unit="s",
        ge=0,
        le=31_536_000,
    )
