"""A device over time: spells of health with their reasons, levels, and what was missed, by cause."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, select

from edge_daemon.health.document import HealthDocument
from edge_daemon.presence.periods import HOUR_NS
from edge_daemon.shore.fleet import track, word_of
from edge_daemon.shore.orders import orders_of
from edge_daemon.shore.tables import DEVICES, EFFORT, HEALTH

MOST_DAYS = 31
MOST_POINTS = 600
"""Of a curve of levels."""
SILENCE_NS = 2 * HOUR_NS
"""Health that comes so much later begins a new spell: nobody knows what was in between."""


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
    health: list[Row[Any]] = list(connection.execute(wanted))
    return {
        "name": name,
        "word": word_of(row),
        "reasons": json.loads(row.reasons or "[]"),
        "seen": row.seen_ns / 1e9,
        "begin": since_ns / 1e9,
        "end": now_ns / 1e9,
        "spells": _spells(health),
        "levels": _levels(health),
        "gaps": _gaps(connection, row.number, since_ns),
        "facts": _facts(connection, row.number),
        "orders": orders_of(connection, row.number, name),
        "track": track(connection, row.number, since_ns),
    }


def _spells(health: list[Row[Any]]) -> list[dict[str, Any]]:
    """Runs of documents of one state, for one set of reasons: figures in a reason may differ."""
    spells: list[dict[str, Any]] = []
    last: tuple[str, list[str]] | None = None
    parsed: dict[str, tuple[list[str], list[str]]] = {"[]": ([], [])}
    for row in health:
        if row.reasons not in parsed:
            told = json.loads(row.reasons)
            parsed[row.reasons] = told, [re.sub(r"\d", "", reason) for reason in told]
        reasons, without_figures = parsed[row.reasons]
        kind = (row.state, without_figures)
        at = row.at_ns / 1e9
        if kind != last or at - spells[-1]["end"] > SILENCE_NS / 1e9:
            spells.append({"begin": at, "end": at, "state": row.state, "reasons": reasons})
        spells[-1]["end"] = at
        spells[-1]["reasons"] = reasons
        last = kind
    return spells


def _levels(health: list[Row[Any]]) -> list[list[float | None]]:
    """Time, input level (dB re full scale) and ambient level (dB re 1 µPa), thinned evenly."""
    points = [
        [row.at_ns / 1e9, row.level_dbfs, row.ambient_db]
        for row in health
        if row.level_dbfs is not None or row.ambient_db is not None
    ]
    step = -(-len(points) // MOST_POINTS) or 1
    return points[::step]


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


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def _facts(connection: Connection, device: int) -> list[list[str]]:
    """Lines of name and text from the newest health document."""
    wanted = select(HEALTH.c.document).where(HEALTH.c.device == device).order_by(HEALTH.c.at_ns.desc()).limit(1)
    text = connection.scalar(wanted)
    if text is None:
        return []
    last = HealthDocument.model_validate(json.loads(text), extra="ignore")
    facts: list[tuple[str, object, str]] = [
        ("program", f"edge-daemon {last.version}", ""),
        ("running for", round(last.uptime_s / 3600, 1), " h"),
        ("model", None if last.model is None else f"{last.model.name} {last.model.version}", ""),
        ("clock", None if last.clock is None else last.clock.state, ""),
        ("messages that wait", None if last.outbox is None else last.outbox.depth, ""),
    ]
    if (board := last.board) is not None:
        facts += [
            ("disk space left", _rounded(board.disk_free_mb), " MB"),
            ("processor", board.cpu_percent, " % of a core"),
            ("memory", _rounded(board.memory_mb), " MB"),
            ("temperature", board.temperature_c, " °C"),
        ]
    return [[name, f"{value}{unit}"] for name, value, unit in facts if value is not None]
