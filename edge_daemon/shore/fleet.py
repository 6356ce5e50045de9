"""The whole fleet at a glance: each device's state in a word, its last call, and the last day hour by hour."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from edge_daemon.presence.periods import HOUR_NS
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS

HOURS_SHOWN = 24
_NOTHING: list[list[float]] = [[0, 0, 0.0]] * HOURS_SHOWN
"""Of each hour: calls, those judged a call, share of it that was listened to."""
MOST_TRACKED = 50
"""Larger fleets are shown without tracks."""
TRACK_POINTS = 200
"""Most positions in a device's track."""


def fleet(connection: Connection, now_ns: int) -> list[dict[str, Any]]:
    """Every device, those that need somebody first, then by name.

    Args:
        connection: to read from.
        now_ns: UTC.
    """
    first = now_ns // HOUR_NS - HOURS_SHOWN + 1
    strips: dict[int, list[list[float]]] = {}
    counts = (HOURS.c.calls, HOURS.c.validated, HOURS.c.denied, HOURS.c.listened_s, HOURS.c.tallied_s)
    hours = select(HOURS.c.device, HOURS.c.hour, *counts).where(
        HOURS.c.hour >= first, HOURS.c.hour < first + HOURS_SHOWN
    )
    for device, hour, calls, validated, denied, listened_s, tallied_s in connection.execute(hours):
        strip = strips.get(device) or strips.setdefault(device, list(_NOTHING))
        share = min(1.0, max(listened_s, tallied_s) / 3600)
        strip[hour - first] = [max(0, calls - denied), validated, round(share, 3)]
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
            "strip": strips.get(row.number, _NOTHING),
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


def tracks(connection: Connection, now_ns: int) -> list[list[list[float]]]:
    """Where devices that moved in the last day went, as `track`; none for a fleet that fills the map with its dots."""
    devices = connection.scalars(select(DEVICES.c.number).limit(MOST_TRACKED + 1)).all()
    if len(devices) > MOST_TRACKED:
        return []
    found = [track(connection, device, now_ns - HOURS_SHOWN * HOUR_NS) for device in devices]
    return [points for points in found if len(points) > 1]


def names(connection: Connection) -> list[str]:
    """Of all devices, in order."""
    return list(connection.scalars(select(DEVICES.c.name).order_by(DEVICES.c.name)))


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
