"""A device over time: spells of health with their reasons, levels, and what was missed, by cause."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, select

from edge_daemon.health.document import HealthDocument
from edge_daemon.health.facts import health_facts
from edge_daemon.health.spells import HealthPoint, health_spells, level_curves
from edge_daemon.presence.periods import HOUR_NS
from edge_daemon.shore.fleet import track, word_of
from edge_daemon.shore.orders import orders_of
from edge_daemon.shore.tables import DEVICES, EFFORT, HEALTH

MOST_DAYS = 31


def device_history(connection: Connection, name: str, days: int, now_ns: int) -> dict[str, Any] | None:
    """All that the device's page shows; None for a device that nobody knows.

    Args:
        connection: to read from.
        name: the device's.
        days: how far back, 1 to `MOST_DAYS`.
        now_ns: UTC.
    """
    row = connection.execute(select(DEVICES).where(DEVICES.c.name == name)).first()
    if row is None:
        return None
    since_ns = now_ns - days * 24 * HOUR_NS
    columns = (HEALTH.c.at_ns, HEALTH.c.state, HEALTH.c.reasons, HEALTH.c.level_dbfs, HEALTH.c.ambient_db)
    wanted = select(*columns).where(HEALTH.c.device == row.number, HEALTH.c.at_ns >= since_ns).order_by(HEALTH.c.at_ns)
    reasons: dict[str, tuple[str, ...]] = {}  # as most points have those of the one before
    points = []
    for point in connection.execute(wanted):
        if point.reasons not in reasons:
            reasons[point.reasons] = tuple(json.loads(point.reasons))
        levels = point.level_dbfs, point.ambient_db
        points.append(HealthPoint(point.at_ns, point.state, reasons[point.reasons], *levels))
    return {
        "name": name,
        "word": word_of(row),
        "reasons": json.loads(row.reasons or "[]"),
        "seen": row.seen_ns / 1e9,
        "begin": since_ns / 1e9,
        "end": now_ns / 1e9,
        "spells": health_spells(points),
        "levels": level_curves(points),
        "gaps": _gaps(connection, row.number, since_ns),
        "facts": _facts(connection, row.number),
        "orders": orders_of(connection, row.number, name),
        "track": track(connection, row.number, since_ns),
    }


def _gaps(connection: Connection, device: int, since_ns: int) -> list[list[Any]]:
    """Cause, seconds and number of gaps in the reports of effort that end in the time, longest first."""
    wanted = select(EFFORT.c.document).where(
        EFFORT.c.device == device, EFFORT.c.kind == "effort", EFFORT.c.end_ns >= since_ns
    )
    total: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for row in connection.execute(wanted):
        for gap in json.loads(row.document)["gaps"]:  # was validated when it came
            sum_ = total[gap["cause"]]
            sum_[:] = [sum_[0] + abs(gap["seconds"]), sum_[1] + gap["count"]]
    return [[cause, *sums] for cause, sums in sorted(total.items(), key=lambda item: -item[1][0])][:50]


def _facts(connection: Connection, device: int) -> list[list[str]]:
    """Lines of name and text from the newest health document."""
    wanted = select(HEALTH.c.document).where(HEALTH.c.device == device).order_by(HEALTH.c.at_ns.desc()).limit(1)
    text = connection.scalar(wanted)
    if text is None:
        return []
    return health_facts(HealthDocument.model_validate(json.loads(text), extra="ignore").model_dump(mode="json"))
