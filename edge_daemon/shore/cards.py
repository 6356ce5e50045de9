"""Detections as the pages want them: what a card shows, newest first, a page at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select, tuple_

from edge_daemon.detection.document import Detection
from edge_daemon.detection.thumbnail import Thumbnail
from edge_daemon.shore.incoming import utc_ns
from edge_daemon.shore.tables import DETECTIONS, DEVICES, LOST_CLIPS, PICTURES, SOUNDS, VERDICTS
from edge_daemon.web.detection_card import detection_card, picture_card

PAGE = 24
"""Cards at a time."""
_COLUMNS = (
    *(DETECTIONS.c.number, DETECTIONS.c.device, DETECTIONS.c.id, DETECTIONS.c.at_ns, DETECTIONS.c.came_ns),
    *(DETECTIONS.c.document, DEVICES.c.name),
)


def _wanted() -> Select[Any]:
    return select(*_COLUMNS).join(DEVICES, DEVICES.c.number == DETECTIONS.c.device)


def newest(
    connection: Connection,
    *,
    which: str = "all",
    device: str | None = None,
    before: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """Cards, those heard last first.

    Args:
        connection: to read from.
        which: `all`, `open` (not judged), or a verdict.
        device: only this one's.
        before: time and number of the last card that is already known.
    """
    wanted = _wanted().order_by(DETECTIONS.c.at_ns.desc(), DETECTIONS.c.number.desc()).limit(PAGE)
    if which == "open":
        wanted = wanted.where(DETECTIONS.c.verdict.is_(None))
    elif which != "all":
        wanted = wanted.where(DETECTIONS.c.verdict == which)
    if device is not None:
        number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
        wanted = wanted.where(DETECTIONS.c.device == (number or 0))
    if before is not None:
        at_ns, number = before
        earlier = and_(DETECTIONS.c.at_ns == at_ns, DETECTIONS.c.number < number)
        wanted = wanted.where(DETECTIONS.c.at_ns <= at_ns, or_(DETECTIONS.c.at_ns < at_ns, earlier))
    return _cards(connection, connection.execute(wanted).all())


def numbered(connection: Connection, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Cards by number, in order of numbers."""
    wanted = _wanted().where(DETECTIONS.c.number.in_(numbers)).order_by(DETECTIONS.c.number)
    return _cards(connection, connection.execute(wanted).all())


def highest(connection: Connection) -> int:
    """Number of the detection that came last; 0 without any."""
    return connection.scalar(select(func.max(DETECTIONS.c.number))) or 0


def _cards(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    keys = [(row.device, row.id) for row in rows]
    pictures = _of(connection, select(PICTURES.c.device, PICTURES.c.id, PICTURES.c.document), PICTURES, keys)
    figures = (SOUNDS.c.begin_ns, SOUNDS.c.seconds, SOUNDS.c.format)
    sounds = _of(connection, select(SOUNDS.c.device, SOUNDS.c.id, *figures), SOUNDS, keys)
    lost = _of(connection, select(LOST_CLIPS.c.device, LOST_CLIPS.c.id, LOST_CLIPS.c.reason), LOST_CLIPS, keys)
    said = defaultdict(list)
    wanted = select(VERDICTS).where(VERDICTS.c.detection.in_([row.number for row in rows])).order_by(VERDICTS.c.number)
    for verdict in connection.execute(wanted):
        said[verdict.detection].append(verdict)
    return [
        _card(row, pictures.get((row.device, row.id)), sounds.get((row.device, row.id)))
        | {"lost": None if (gone := lost.get((row.device, row.id))) is None else gone.reason}
        | {"said": opinions(said[row.number])}
        for row in rows
    ]


def _of(connection: Connection, wanted: Select[Any], table: Any, keys: Sequence[tuple[int, str]]) -> dict[Any, Any]:
    found = connection.execute(wanted.where(tuple_(table.c.device, table.c.id).in_(keys)))
    return {(row.device, row.id): row for row in found}


def opinions(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """What each reviewer says last, in order of time; those who have taken it back are left out."""
    last: dict[str, Row[Any]] = {}
    for row in rows:
        last.pop(row.reviewer, None)
        last[row.reviewer] = row
    return [
        {"reviewer": row.reviewer, "verdict": row.verdict, "species": row.species, "remark": row.remark}
        for row in last.values()
        if row.verdict or row.species or row.remark
    ]


def _card(row: Row[Any], picture: Row[Any] | None, sound: Row[Any] | None) -> dict[str, Any]:
    found = Detection.model_validate(json.loads(row.document), extra="ignore")
    card: dict[str, Any] = detection_card(found.model_dump(mode="json")) | {
        "number": row.number,
        "device": row.name,
        "at": row.at_ns / 1e9,
        "at_ns": str(row.at_ns),  # as text: the browser's numbers are too short for it
        "came": row.came_ns / 1e9,
    }
    if picture is not None:
        made = Thumbnail.model_validate(json.loads(picture.document))
        card["picture"] = picture_card(made.model_dump(mode="json"), made.levels())
    if sound is not None:
        begin_utc = None if found.begin_utc is None else utc_ns(found.begin_utc)
        begin = found.begin_s if begin_utc is None else found.begin_s + (sound.begin_ns - begin_utc) / 1e9
        card["sound"] = {"begin": begin, "seconds": sound.seconds, "format": sound.format}
    return card


def sound_of(connection: Connection, number: int) -> tuple[bytes, str] | None:
    """The sound of a detection and its format; None if none came."""
    joined = and_(SOUNDS.c.device == DETECTIONS.c.device, SOUNDS.c.id == DETECTIONS.c.id)
    wanted = select(SOUNDS.c.sound, SOUNDS.c.format).join(DETECTIONS, joined).where(DETECTIONS.c.number == number)
    row = connection.execute(wanted).first()
    return None if row is None else (bytes(row.sound), row.format)
