"""The whole fleet at a glance: each device's state in a word, its last call, and the last day hour by hour."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, select

from edge_daemon.presence.periods import HOUR_NS
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS

HOURS_SHOWN = 24
TRACK_POINTS = 200
"""Most positions in a device's track."""


def fleet(connection: Connection, now_ns: int) -> list[dict[str, Any]]:
    """Every device, those that need somebody first, then by name.

    Args:
        connection: to read from.
        now_ns: UTC.
    """
    hour = now_ns // HOUR_NS
    strips: dict[int, dict[int, Row[Any]]] = defaultdict(dict)
    for row in connection.execute(select(HOURS).where(HOURS.c.hour > hour - HOURS_SHOWN, HOURS.c.hour <= hour)):
        strips[row.device][row.hour] = row
    found = [
        {
            "name": row.name,
            "word": word_of(row),
            "reasons": json.loads(row.reasons or "[]"),
            "seen": row.seen_ns / 1e9,
            "online": row.online,
            "since": None if row.online_ns is None else row.online_ns / 1e9,
            "call": None if row.call_ns is None else row.call_ns / 1e9,
            "position": None if row.latitude is None else [row.latitude, row.longitude],
            "strip": [_hour(strips[row.number].get(hour - back)) for back in range(HOURS_SHOWN - 1, -1, -1)],
        }
        for row in connection.execute(select(DEVICES))
    ]
    order = ("failing", "offline", "warning", "unknown", "ok")
    return sorted(found, key=lambda device: (order.index(device["word"]), device["name"]))


def word_of(row: Row[Any]) -> str:
    """A device's state in a word: ok, warning, failing, offline, unknown."""
    if row.online is False:
        return "offline"
    if row.state in ("warning", "failing"):
        return str(row.state)
    return "ok" if row.online and row.state == "ok" else "unknown"


def _hour(row: Row[Any] | None) -> list[float]:
    """Calls, those judged a call, share of the hour that was listened to."""
    if row is None:
        return [0, 0, 0.0]
    share = min(1.0, max(row.listened_s, row.tallied_s) / 3600)
    return [max(0, row.calls - row.denied), row.validated, round(share, 3)]


def track(connection: Connection, device: int, since_ns: int) -> list[list[float]]:
    """Where a device's calls were heard since a time: latitude and longitude, in order, without repetitions."""
    wanted = (
        select(DETECTIONS.c.latitude, DETECTIONS.c.longitude)
        .where(DETECTIONS.c.device == device, DETECTIONS.c.at_ns >= since_ns, DETECTIONS.c.latitude.is_not(None))
        .order_by(DETECTIONS.c.at_ns.desc())
        .limit(5000)
    )
    points: list[list[float]] = []
    for row in connection.execute(wanted):
        point = [row.latitude, row.longitude]
        if not points or points[-1] != point:
            points.append(point)
    return points[:TRACK_POINTS][::-1]
