"""Presence at the station: hours by days of a device, and the same judged period by period for export."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy import Connection, and_, func, null, or_, select

from edge_daemon.clock.utc import utc_text
from edge_daemon.presence.calendar import calendar_rows
from edge_daemon.presence.periods import DAY_NS, HOUR_NS, PeriodCalls, PresencePeriod, PresenceRule, judge_counted
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
    judged = judged_periods(connection, device, days, HOUR_NS, now_ns, rule)
    if judged is None:
        return None
    return {"device": device, "hours": calendar_rows(judged)}


def presence_csv(
    connection: Connection, device: str, days: int, now_ns: int, rule: PresenceRule, *, hourly: bool
) -> str | None:
    """Periods as `edge-daemon presence` judges them, in CSV; None for a device that nobody knows."""
    judged = judged_periods(connection, device, days, HOUR_NS if hourly else DAY_NS, now_ns, rule)
    if judged is None:
        return None
    text = io.StringIO()
    rows = CsvRows(text)
    rows.writerow(COLUMNS)
    for one in judged:
        times = (utc_text(one.begin_ns), utc_text(one.end_ns))
        rows.writerow([device, *times, f"{one.effort_s:.1f}", one.calls, one.validated, one.result])
    return text.getvalue()


def judged_periods(
    connection: Connection, device: str, days: int, length_ns: int, now_ns: int, rule: PresenceRule
) -> list[PresencePeriod] | None:
    """Periods of the last whole days, today among them.

    Of each hour it is known how long was listened, not when: its effort is counted from the hour's begin on.
    """
    number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
    if number is None:
        return None
    since_ns = now_ns // DAY_NS * DAY_NS - (days - 1) * DAY_NS
    hours = select(HOURS.c.hour, HOURS.c.listened_s, HOURS.c.tallied_s).where(
        HOURS.c.device == number, HOURS.c.hour >= since_ns // HOUR_NS
    )
    heard = [
        (hour * HOUR_NS, hour * HOUR_NS + round(min(3600.0, max(listened_s, tallied_s)) * 1e9))
        for hour, listened_s, tallied_s in connection.execute(hours)
    ]
    return judge_counted(_counted(connection, number, since_ns, length_ns, rule), heard, length_ns, rule)


def _counted(
    connection: Connection, device: int, since_ns: int, length_ns: int, rule: PresenceRule
) -> dict[int, PeriodCalls]:
    """Calls that count, by period, as `presence.periods.judge` counts them: the database does it without reading rows.

    A test holds the two against each other.
    """
    at_ns, verdict = DETECTIONS.c.at_ns, DETECTIONS.c.verdict
    period = (at_ns // length_ns).label("period")
    likely = and_(or_(verdict.is_(None), verdict != "not a call"), DETECTIONS.c.score >= rule.least_score)
    found = select(period, at_ns, verdict).where(
        DETECTIONS.c.device == device, at_ns >= since_ns, or_(verdict == "call", likely)
    )
    if rule.detected_calls is not None:  # the time since the call that was so many before, in the same period
        before = func.lag(at_ns, rule.detected_calls - 1).over(partition_by=at_ns // length_ns, order_by=at_ns)
        found = found.add_columns((at_ns - before).label("span"))
    calls = found.subquery()
    span = func.min(calls.c.span) if rule.detected_calls is not None else null()
    counted = select(calls.c.period, func.count(), func.count().filter(calls.c.verdict == "call"), span).group_by(
        calls.c.period
    )
    return {
        int(number): PeriodCalls(count, validated, dense=closest is not None and closest <= rule.within_ns)
        for number, count, validated, closest in connection.execute(counted)
    }
