"""Section `effort`: the account of what was listened to and what was lost."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class EffortSection(Section):
    """How often effort is published, how long it is kept, and whether band levels go with it."""

    publish_interval_s: float = key(3600.0, "Time between two effort reports", unit="s", ge=10, le=86_400, live=True)
    commit_interval_s: float = key(10.0, "Longest time before effort is written to disk", unit="s", ge=0.1, le=600)
    keep_days: float = key(1000.0, "Effort older than this is deleted", unit="d", gt=0, le=36_500, live=True)
    band_levels: bool = key(
        False, "Store one-minute decidecade band levels (ISO 18405) with the effort; needs `hydrophone`"
    )
