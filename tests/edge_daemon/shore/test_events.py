"""The stream of events: what a page has not seen, once, from where it left off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import delete, select

from edge_daemon.shore import events
from edge_daemon.shore.events import _stream
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.live_feed import MOST_CHANGES, MOST_VIEWERS, LiveFeed, Viewer
from edge_daemon.shore.station import Station
from edge_daemon.shore.tables import DETECTIONS
from tests.edge_daemon.shore.buoy_documents import detection, message

NOW = time.time_ns()


class Open:
    """A page that stays."""

    async def is_disconnected(self) -> bool:
        return False


def fill(station: Station, *numbers: int) -> None:
    batch = [read_message("edge_daemon", *message(detection("buoy-1", number, NOW - number))) for number in numbers]
    Intake(station.database).take([one for one in batch if isinstance(one, Incoming)], NOW)


async def told(stream: AsyncIterator[str], count: int) -> list[tuple[str, int | None]]:
    """Kind and number of so many events; comments and the first line are passed over."""
    found: list[tuple[str, int | None]] = []
    async for text in stream:
        lines = dict(line.partition(": ")[::2] for line in text.strip().splitlines())
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"]).get("number")))
        if len(found) == count:
            break
    return found


def follow(station: Station, viewer: Viewer, last: str, count: int, more: Callable[[], Any] = lambda: None) -> Any:
    async def run() -> Any:
        more()
        stream = _stream(Open(), station, viewer, last)  # type: ignore[arg-type]
        found = await asyncio.wait_for(told(stream, count), 20)
        await stream.aclose()  # type: ignore[attr-defined]
        return found

    return asyncio.run(run())


def test_a_page_goes_on_where_it_left_off(make_station: Callable[..., Station]) -> None:
    station = make_station()
    fill(station, *range(70))
    assert follow(station, Viewer(), "10", 60) == [("detection", number) for number in range(11, 71)]


def test_one_that_has_missed_too_much_loads_itself_again(
    make_station: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_BEHIND", 3)
    station = make_station()
    fill(station, *range(5))
    assert follow(station, Viewer(), "1", 1) == [("reload", None)]


def test_what_has_changed_is_told_with_what_is_new_only_once(make_station: Callable[..., Station]) -> None:
    station, viewer = make_station(), Viewer()
    fill(station, *range(5))
    found = follow(station, viewer, "3", 3, lambda: viewer.tell([1, 4, 5]))
    assert found == [("detection", 4), ("detection", 5), ("changed", 1)]


def test_of_two_stations_the_lower_number_may_come_later(make_station: Callable[..., Station]) -> None:
    """A number is given at the insertion and seen at the commit, which may be the other way round."""
    station, viewer = make_station(), Viewer()
    fill(station, *range(4))
    third = DETECTIONS.c.number == 3
    with station.database.writing() as connection:
        later = dict(connection.execute(select(DETECTIONS).where(third)).mappings().one())
        connection.execute(delete(DETECTIONS).where(third))

    async def run() -> list[Any]:
        stream = _stream(Open(), station, viewer, "2")  # type: ignore[arg-type]
        first = await told(stream, 1)
        with station.database.writing() as connection:
            connection.execute(DETECTIONS.insert().values(**later))
        viewer.tell(())
        return first + await asyncio.wait_for(told(stream, 1), 20)

    assert asyncio.run(run()) == [("detection", 4), ("detection", 3)]


def test_many_changes_and_many_viewers_are_bounded() -> None:
    feed = LiveFeed()
    viewers = [feed.join() for _ in range(MOST_VIEWERS)]
    assert all(viewers)
    assert feed.join() is None
    viewer = viewers[0]
    assert viewer is not None
    viewer.tell(range(MOST_CHANGES + 1))
    assert (viewer.flooded, viewer.changed) == (True, set())
    feed.leave(viewer)
    assert feed.join() is not None
