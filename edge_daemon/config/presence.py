"""Section `presence`: how often detections are tallied, and what makes an hour or a day one with whales."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class PresenceRuleSection(Section):
    """The rule by which hours and days are judged: by `edge-daemon presence`, on the report page, at the station."""

    least_score: float | None = key(
        None, "Detections with a lower peak_score do not count. Empty: all count", ge=0.0, le=1.0, live=True
    )
    least_effort: float = key(
        0.5,
        "Share of an hour or a day that must have been listened to; less is not available",
        ge=0.0,
        le=1.0,
        live=True,
    )
    detected_calls: int | None = key(
        None,
        "So many calls within detected_within_min make a period detected without a person's verdict. Empty: only a "
        "verdict does",
        ge=1,
        le=100_000,
        live=True,
    )
    detected_within_min: float = key(
        60.0, "Time within which detected_calls must lie", unit="min", gt=0, le=1440, live=True
    )


class PresenceSection(PresenceRuleSection):
    """Tallies on `…/presence`, and the rule of presence."""

    publish_interval_s: float = key(900.0, "Time between two tallies", unit="s", ge=60, le=86_400, live=True)
