"""What the board has kept, as the pages want it: detections as cards, health over time, missed sound."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_daemon.documents.picture_cells import picture_cells
from edge_daemon.effort.listened import missed_by_cause, open_spans
from edge_daemon.errors import StorageError
from edge_daemon.health.facts import health_facts
from edge_daemon.health.spells import HealthPoint, health_spells, level_curves
from edge_daemon.history.table import HistoryFilter, select
from edge_daemon.storage.connection import open_to_read, unreadable
from edge_daemon.web.detection_card import detection_card, picture_card

CARDS = 24
DAY_NS = 86_400 * 1_000_000_000
FRESH_NS = 2 * 3600 * 1_000_000_000
"""Kept health that is older says nothing about now."""


def has_history(folder: Path) -> bool:
    """Whether a daemon has begun its history in this folder."""
    return (folder / "history.db").exists()


@contextmanager
def open_board(folder: Path) -> Iterator[sqlite3.Connection]:
    """The history in a daemon's folder, for reading.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    path = folder / "history.db"
    probe = "SELECT id, document FROM entry LIMIT 0"
    hint = "The daemon makes it when it starts."
    with closing(open_to_read(path, probe, "history", hint)) as connection:
        try:
            connection.execute("PRAGMA cache_size=-256")
            yield connection
        except sqlite3.Error as error:
            raise unreadable(path, "history", error) from error


def newest_cards(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Cards of the newest detections, the last one first; those that rot has changed are left out."""
    rows = connection.execute(
        "SELECT d.begin_utc_ns, d.document, t.document FROM entry AS d"
        " LEFT JOIN entry AS t ON t.id = 'thumbnail-' || d.id"
        " WHERE d.kind = 'detection' ORDER BY d.begin_utc_ns DESC, d.seq DESC LIMIT ?",
        (CARDS,),
    )
    cards = (card(begin_ns, read(document), read(picture)) for begin_ns, document, picture in rows)
    return [one for one in cards if one is not None]


def read(text: str | None) -> Mapping[str, Any] | None:
    """A document; None for what is none."""
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def card(
    begin_ns: int | None, document: Mapping[str, Any] | None, picture: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """A detection as a card; None for what is no detection.

    Args:
        begin_ns: UTC in ns; None takes the document's.
        document, picture: of the detection, and of its thumbnail if it has one.
    """
    if document is None:
        return None
    try:
        if begin_ns is None:
            begin_ns = round(datetime.fromisoformat(document["begin_utc"]).astimezone(UTC).timestamp() * 1e9)
        made = detection_card(document) | {
            "number": int(str(document["id"]).replace("-", "")[:13], 16),  # as much as a browser's numbers hold
            "device": document["device"],
            "at": begin_ns / 1e9,
            "at_ns": str(begin_ns),
            "came": begin_ns / 1e9,
        }
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if picture is not None:
        try:
            made["picture"] = picture_card(picture, picture_cells(picture["cells"], picture["rows"]))
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            made["picture"] = None
    return made


def health_over_time(
    folder: Path, device: str, days: int, now_ns: int, health: Mapping[str, Any] | None
) -> dict[str, Any]:
    """All that the device's page shows.

    Args:
        folder: the daemon's.
        device: its id.
        days: how far back.
        now_ns: UTC.
        health: the document that the daemon tells now; None if it does not answer.

    Raises:
        StorageError: the history cannot be read.
    """
    since_ns = now_ns - days * DAY_NS
    points: list[HealthPoint] = []
    if has_history(folder):
        wanted = HistoryFilter("health", since_ns, now_ns + DAY_NS)
        with open_board(folder) as connection:
            kept = [_point(entry.begin_utc_ns, entry.document) for entry in select(connection, wanted)]
        points = [point for point in kept if point is not None]
    newest = points[-1] if points and now_ns - points[-1].at_ns < FRESH_NS else None
    word = "offline"
    reasons: tuple[str, ...] = ("the daemon does not answer",)
    if health is not None:
        word, reasons = str(health.get("state")), tuple(map(str, health.get("reasons") or ()))
        points.append(HealthPoint(now_ns, word, reasons))
    elif newest is not None:
        reasons = (*reasons, *newest.reasons)
    try:
        facts = [] if health is None else health_facts(health)
    except (KeyError, TypeError):
        facts = []
    return {
        "name": device,
        "word": word,
        "reasons": reasons,
        "begin": since_ns / 1e9,
        "end": now_ns / 1e9,
        "spells": health_spells(points),
        "levels": level_curves(points),
        "gaps": _missed(folder, since_ns),
        "facts": facts,
    }


def _point(at_ns: int, document: str) -> HealthPoint | None:
    told = read(document)
    if told is None:
        return None
    levels = (told.get(name) for name in ("level_dbfs", "ambient_db"))
    numbers = (float(level) if isinstance(level, int | float) else None for level in levels)
    return HealthPoint(at_ns, str(told.get("state")), tuple(map(str, told.get("reasons") or ())), *numbers)


def _missed(folder: Path, since_ns: int) -> list[tuple[str, float, int]]:
    try:
        with closing(open_spans(folder / "effort.db")) as connection:
            return missed_by_cause(connection, since_ns)
    except (StorageError, sqlite3.Error):
        return []  # the rest is worth showing
