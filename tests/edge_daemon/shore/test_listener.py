"""The listener: nothing is acknowledged that is not committed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from edge_daemon.documents.compact import encode
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Accepted, Event, Lost, Received, Request
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.intake import Arrival, Intake
from edge_daemon.shore.listener import Listener
from edge_daemon.shore.settings import BrokerSection
from edge_daemon.shore.tables import DETECTIONS
from tests.edge_daemon.shore.buoy_documents import detection, message

NOW = 1_790_000_000_000_000_000


class DurableLink:
    """A broker that keeps each message until it is acknowledged, and sends it again after a new connection."""

    def __init__(self) -> None:
        self.unacknowledged: dict[int, tuple[str, bytes]] = {}
        self.requests: list[Request] = []
        self.patterns: list[str] = []
        self.before_acknowledging: Callable[[], None] = lambda: None
        self._events: list[Event] = []
        self._open = False

    def open(self, request: Request) -> None:
        self.requests.append(request)
        self._open = True
        self._events = [Accepted()]
        self._events += [Received(*one, retained=False, packet=packet) for packet, one in self.unacknowledged.items()]

    def bring(self, *documents: dict[str, Any]) -> None:
        for document in documents:
            packet = len(self.unacknowledged) + 1 + max(self.unacknowledged, default=0)
            self.unacknowledged[packet] = message(document)
            if self._open:
                self._events.append(Received(*message(document), retained=False, packet=packet))

    def cut(self) -> None:
        self._open = False
        self._events = [Lost(Failure("the connection was lost"))]

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int:  # noqa: ARG002 - a link's form
        return 1

    def subscribe(self, pattern: str) -> int:
        self.patterns.append(pattern)
        return 1

    def unsubscribe(self, pattern: str) -> None:
        pass

    def acknowledge(self, packet: int) -> None:
        self.before_acknowledging()
        self.unacknowledged.pop(packet, None)

    def poll(self, timeout_s: float) -> list[Event]:  # noqa: ARG002 - a link's form
        events, self._events = self._events, []
        return events

    def wake(self) -> None:
        pass

    def close(self, *, polite: bool) -> None:  # noqa: ARG002 - a link's form
        self._open = False

    def release(self) -> None:
        pass


class Failing(Intake):
    """An intake whose database is out of order for a while."""

    broken = True

    def take(self, batch: Sequence[Any], now_ns: int) -> list[Arrival]:
        if self.broken:
            raise OperationalError("INSERT", {}, Exception("disk full"))
        return super().take(batch, now_ns)


def kept(database: StationDatabase) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(DETECTIONS)) or 0


def test_it_acknowledges_only_what_is_committed(database: StationDatabase) -> None:
    link, told = DurableLink(), []
    listener = Listener(BrokerSection(), Intake(database), told.extend, {}, link)
    listener.turn()
    link.bring(*(detection("buoy-1", number, NOW) for number in range(3)))
    counts: list[int] = []
    link.before_acknowledging = lambda: counts.append(kept(database))
    listener.turn()
    assert counts == [3, 3, 3]
    assert not link.unacknowledged
    assert len(told) == 3
    assert link.requests[0].session_s == 30 * 86_400
    assert link.requests[0].client_id == "edge-daemon-shore"


def test_what_the_database_does_not_take_comes_again(database: StationDatabase) -> None:
    link, intake = DurableLink(), Failing(database)
    listener = Listener(BrokerSection(), intake, lambda _: None, {}, link)
    listener.turn()
    link.bring(*(detection("buoy-1", number, NOW) for number in range(3)))
    listener.turn()
    assert len(link.unacknowledged) == 3
    assert not listener.online
    intake.broken = False
    while not listener.online:  # after the pause between two attempts
        listener.turn()
    listener.turn()
    assert kept(database) == 3
    assert not link.unacknowledged


def test_a_connection_lost_before_the_answer_doubles_nothing(database: StationDatabase) -> None:
    link, told = DurableLink(), []
    listener = Listener(BrokerSection(), Intake(database), told.extend, {}, link)
    listener.turn()
    link.bring(detection("buoy-1", 1, NOW))
    unanswered = dict(link.unacknowledged)
    listener.turn()
    link.unacknowledged = unanswered  # the answer did not arrive
    link.cut()
    listener.turn()
    while not listener.online:
        listener.turn()
    listener.turn()
    assert (kept(database), len(told)) == (1, 1)


def test_what_is_packed_is_kept_as_if_it_were_not(database: StationDatabase) -> None:
    link, told = DurableLink(), []
    listener = Listener(BrokerSection(), Intake(database), told.extend, {}, link)
    listener.turn()
    documents = [json.dumps(detection("buoy-1", number, NOW), separators=(",", ":")) for number in range(2)]
    packed = Received("edge_daemon/buoy-1/packed", encode(documents), retained=False, packet=1)
    damaged = Received("edge_daemon/buoy-1/packed", b"\xff" + packed.payload, retained=False, packet=2)
    other = Received("edge_daemon/buoy-2/packed", packed.payload, retained=False, packet=3)  # not the sender's own
    link.unacknowledged = {event.packet: (event.topic, event.payload) for event in (packed, damaged, other)}
    link._events += [packed, damaged, other]
    listener.turn()
    assert (kept(database), len(told)) == (2, 2)
    assert not link.unacknowledged


def test_shared_subscriptions_hear_the_retained_status_too(database: StationDatabase) -> None:
    link = DurableLink()
    Listener(BrokerSection(share="shore"), Intake(database), lambda _: None, {}, link).turn()
    assert link.patterns == [
        "$share/shore/edge_daemon/+/+", "$share/shore/edge_daemon/+/orders/reply", "edge_daemon/+/status",
    ]  # fmt: skip
