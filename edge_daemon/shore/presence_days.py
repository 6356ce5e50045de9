"""Presence at the station: hours by days of a device, and the same judged period by period for export."""

from __future__ import annotations

import io
import json
from typing import Any

from sqlalchemy import Connection, select

from edge_daemon.clock.utc import utc_text
from edge_daemon.presence.periods import DAY_NS, HOUR_NS, JudgedCall, PresenceRule, judge
from edge_daemon.shore.tables import DETECTIONS, DEVICES, EFFORT, HOURS
from edge_daemon.system.printable import CsvRows

MOST_DAYS = 731
COLUMNS = ("device", "begin_utc", "end_utc", "effort_s", "calls", "validated", "result")


def calendar(connection: Connection, device: str, days: int, now_ns: int) -> dict[str, Any] | None:
    """What the calendar draws; None for a device that nobody knows.

    Returns:
        `hours`: [hour since 1970, calls that nobody denied, those judged a call, share listened to].
    """
    number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
    if number is None:
        return None
    last = now_ns // HOUR_NS
    wanted = select(HOURS).where(HOURS.c.device == number, HOURS.c.hour > last - days * 24).order_by(HOURS.c.hour)
    rows = [
        [
            row.hour,
            max(0, row.calls - row.denied),
            row.validated,
            round(min(1.0, max(row.listened_s, row.tallied_s) / 3600), 3),
        ]
        for row in connection.execute(wanted)
    ]
    return {"device": device, "hours": rows}


def presence_csv(connection: Connection, device: str, days: int, hourly: bool, now_ns: int) -> str | None:
    """Periods as `edge-daemon presence` judges them, in CSV; None for a device that nobody knows.

    Of each period that a device reported, its effort is counted from the period's begin on.
    """
    number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
    if number is None:
        return None
    since_ns = now_ns // DAY_NS * DAY_NS - (days - 1) * DAY_NS
    calls = select(DETECTIONS.c.at_ns, DETECTIONS.c.score, DETECTIONS.c.verdict).where(
        DETECTIONS.c.device == number, DETECTIONS.c.at_ns >= since_ns
    )
    effort = select(EFFORT.c.begin_ns, EFFORT.c.end_ns, EFFORT.c.document).where(
        EFFORT.c.device == number, EFFORT.c.kind == "effort", EFFORT.c.begin_ns >= since_ns
    )
    heard = []
    for row in connection.execute(effort):
        listened_ns = round(json.loads(row.document)["listened_s"] * 1e9)
        heard.append((row.begin_ns, min(row.end_ns, row.begin_ns + listened_ns)))
    judged = [JudgedCall(row.at_ns, row.score, row.verdict) for row in connection.execute(calls)]
    text = io.StringIO()
    rows = CsvRows(text)
    rows.writerow(COLUMNS)
    for one in judge(judged, heard, HOUR_NS if hourly else DAY_NS, PresenceRule()):
        times = (utc_text(one.begin_ns), utc_text(one.end_ns))
        rows.writerow([device, *times, f"{one.effort_s:.1f}", one.calls, one.validated, one.result])
    return text.getvalue()
