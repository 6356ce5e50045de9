"""Presence at the station: hours by days of a device, and the same judged period by period for export."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy import Connection, select

from edge_daemon.clock.utc import utc_text
from edge_daemon.presence.periods import DAY_NS, HOUR_NS, JudgedCall, PresencePeriod, PresenceRule, judge
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS
from edge_daemon.system.printable import CsvRows

MOST_DAYS = 731
COLUMNS = ("device", "begin_utc", "end_utc", "effort_s", "calls", "validated", "result")


def calendar(connection: Connection, device: str, days: int, now_ns: int, rule: PresenceRule) -> dict[str, Any] | None:
    """What the calendar draws; None for a device that nobody knows.

    Returns:
        `hours`: [hour since 1970, calls that count, those judged a call, share listened to, result] of each hour with
        effort or calls.
    """
    judged = _judged(connection, device, days, HOUR_NS, now_ns, rule)
    if judged is None:
        return None
    rows = [
        [hour.begin_ns // HOUR_NS, hour.calls, hour.validated, round(hour.effort_s / 3600, 3), hour.result]
        for hour in judged
        if hour.calls or hour.effort_s > 0
    ]
    return {"device": device, "hours": rows}


def presence_csv(
    connection: Connection, device: str, days: int, now_ns: int, rule: PresenceRule, *, hourly: bool
) -> str | None:
    """Periods as `edge-daemon presence` judges them, in CSV; None for a device that nobody knows."""
    judged = _judged(connection, device, days, HOUR_NS if hourly else DAY_NS, now_ns, rule)
    if judged is None:
        return None
    text = io.StringIO()
    rows = CsvRows(text)
    rows.writerow(COLUMNS)
    for one in judged:
        times = (utc_text(one.begin_ns), utc_text(one.end_ns))
        rows.writerow([device, *times, f"{one.effort_s:.1f}", one.calls, one.validated, one.result])
    return text.getvalue()


def _judged(
    connection: Connection, device: str, days: int, length_ns: int, now_ns: int, rule: PresenceRule
) -> list[PresencePeriod] | None:
    """Periods of the last whole days, today among them.

    Of each hour it is known how long was listened, not when: its effort is counted from the hour's begin on.
    """
    number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
    if number is None:
        return None
    since_ns = now_ns // DAY_NS * DAY_NS - (days - 1) * DAY_NS
    calls = select(DETECTIONS.c.at_ns, DETECTIONS.c.score, DETECTIONS.c.verdict).where(
        DETECTIONS.c.device == number, DETECTIONS.c.at_ns >= since_ns
    )
    hours = select(HOURS.c.hour, HOURS.c.listened_s, HOURS.c.tallied_s).where(
        HOURS.c.device == number, HOURS.c.hour >= since_ns // HOUR_NS
    )
    heard = [
        (hour * HOUR_NS, hour * HOUR_NS + round(min(3600.0, max(listened_s, tallied_s)) * 1e9))
        for hour, listened_s, tallied_s in connection.execute(hours)
    ]
    judged = [JudgedCall(at_ns, score, verdict) for at_ns, score, verdict in connection.execute(calls)]
    return judge(judged, heard, length_ns, rule)
