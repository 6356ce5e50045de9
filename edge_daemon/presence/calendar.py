"""Judged hours as a calendar draws them; the script `calendar.js` does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edge_daemon.presence.periods import HOUR_NS, PresencePeriod


def calendar_rows(hours: Iterable[PresencePeriod]) -> list[list[Any]]:
    """Hour since 1970, calls that count, those judged a call, share listened to, and the result.

    Of each hour with effort or calls.
    """
    return [
        [hour.begin_ns // HOUR_NS, hour.calls, hour.validated, round(hour.effort_s / 3600, 3), hour.result]
        for hour in hours
        if hour.calls or hour.effort_s > 0
    ]
