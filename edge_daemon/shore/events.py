"""Server-sent events: what is new, for each open page, from where it left off."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from edge_daemon.shore import cards
from edge_daemon.shore.answers import note_session, problem, session_of, station_of
from edge_daemon.shore.live_feed import Viewer
from edge_daemon.shore.station import Station
from edge_daemon.shore.tables import DETECTIONS

WAIT_S = 2.0
"""Another station on the same database tells us nothing, so we look ourselves."""
QUIET_S = 15.0
"""A sign of life at least so often, so that a dead connection is noticed."""
BACK = 100
"""Of two stations one may commit a lower number after a higher one: look so many back for those not seen yet."""

MOST_BEHIND = 500
"""A page that has missed more loads itself again; it would not show them all anyway."""


async def events(request: Request) -> Response:
    """A stream of `detection` (new), `changed` (judged, or with picture or sound), `reload` (too much has changed)."""
    await note_session(request)
    if session_of(request) is None:
        return problem("Log in first.", 401)
    station = station_of(request)
    viewer = station.feed.join()
    if viewer is None:
        return problem("Too many pages are open.", 503)
    last = request.headers.get("last-event-id", "") or request.query_params.get("after", "")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(request, station, viewer, last), media_type="text/event-stream", headers=headers)


async def _stream(request: Request, station: Station, viewer: Viewer, last: str) -> AsyncIterator[str]:
    try:
        highest = await run_in_threadpool(_highest, station)
        cursor = min(int(last), highest) if last.isascii() and last.isdecimal() and len(last) < 18 else highest
        if highest - cursor > MOST_BEHIND:
            cursor = highest
            yield _event("reload", {}, cursor)
        seen = deque(range(max(1, cursor - BACK), cursor + 1), maxlen=4 * BACK)
        told = time.monotonic()
        yield "retry: 2000\n\n"
        while not viewer.closed:
            found = await run_in_threadpool(_new, station, cursor, frozenset(seen))
            for card in found:
                seen.append(card["number"])
                cursor = max(cursor, card["number"])
                yield _event("detection", card, cursor)
            changed, viewer.changed = viewer.changed - {card["number"] for card in found}, set()
            if viewer.flooded:
                viewer.flooded = False
                yield _event("reload", {})
            for card in await run_in_threadpool(_numbered, station, sorted(changed)) if changed else ():
                yield _event("changed", card)
            if found or changed:
                told = time.monotonic()
            elif time.monotonic() - told > QUIET_S:
                told = time.monotonic()
                await note_session(request)
                if session_of(request) is None:
                    break
                yield ": still here\n\n"
            if len(found) < BACK // 2:
                await viewer.news(WAIT_S)
            if await request.is_disconnected():
                break
    finally:
        station.feed.leave(viewer)


def _event(kind: str, data: dict[str, Any], number: int | None = None) -> str:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n"


def _highest(station: Station) -> int:
    with station.database.reading() as connection:
        return cards.highest(connection)


def _new(station: Station, cursor: int, seen: frozenset[int]) -> list[dict[str, Any]]:
    with station.database.reading() as connection:
        wanted = select(DETECTIONS.c.number).where(DETECTIONS.c.number > cursor - BACK)
        numbers = connection.scalars(wanted.order_by(DETECTIONS.c.number).limit(2 * BACK)).all()
        new = [number for number in numbers if number not in seen][: BACK // 2]
        return cards.numbered(connection, new) if new else []


def _numbered(station: Station, numbers: list[int]) -> list[dict[str, Any]]:
    with station.database.reading() as connection:
        return cards.numbered(connection, numbers)
