"""Orders and replies as the station sees them: kept once, shown together, refused if hostile; sent for who may."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from edge_daemon.clock.utc import utc_text
from edge_daemon.shore import orders
from edge_daemon.shore.incoming import UnfitError, read_message
from edge_daemon.shore.intake import Intake, tidy
from edge_daemon.shore.orders import note_order, orders_of, read_order, seen_order, signatures
from edge_daemon.shore.station import Station
from edge_daemon.shore.tables import DEVICES, ORDERS, REFUSALS, REPLIES
from tests.edge_daemon.orders.shore import WAYS, Shore, spoiled
from tests.edge_daemon.shore.station_fixtures import Visitor

NOW = time.time_ns()
DAY_NS = 86_400 * 10**9


@pytest.fixture
def shore() -> Shore:
    return Shore(now_s=NOW // 10**9, counter=NOW // 10**6, device="buoy-1")


def reply(shore: Shore, device: str = "buoy-1", **fields: Any) -> tuple[str, bytes]:
    document = {
        "schema": "edge_daemon.order_reply/1", "device": device, "utc": utc_text(NOW), "key": shore.name,
        "order": shore.counter, "kind": "health", "outcome": "done",
    } | fields  # fmt: skip
    return f"edge_daemon/{device}/orders/reply", json.dumps(document).encode()


class Log:
    """What the station keeps of orders."""

    def __init__(self, station: Station, *keys: str) -> None:
        self.station, self.verify = station, signatures(keys)
        self._intake = Intake(station.database)

    def come(self, topic: str, payload: bytes) -> None:
        found = seen_order("edge_daemon", topic, payload, self.verify) or read_message("edge_daemon", topic, payload)
        self._intake.take([] if found is None else [found], NOW)

    def order(self, payload: bytes, to: str = "buoy-1") -> None:
        self.come(f"edge_daemon/{to}/orders", payload)

    def shown(self, device: str = "buoy-1") -> list[dict[str, Any]]:
        with self.station.database.reading() as connection:
            number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == device))
            return orders_of(connection, number or 0, device)

    def count(self, table: Any) -> int:
        with self.station.database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def log(make_station: Callable[..., Station], shore: Shore) -> Log:
    return Log(make_station(), shore.public_key)


def test_an_order_and_its_replies_stand_together(log: Log, shore: Shore) -> None:
    envelope = shore.sealed("set", {"values": {"detection.threshold": 0.8}})
    for _ in range(2):  # a retained one comes with every connection
        log.order(envelope)
    for _ in range(2):
        log.come(*reply(shore, kind="set", outcome="trial", text="on trial for 600 s", utc=utc_text(NOW - 2 * 10**9)))
    log.come(*reply(shore, kind="set", outcome="confirmed", utc=utc_text(NOW - 10**9)))
    log.order(b"")  # a retained one is taken away
    (shown,) = log.shown()
    assert (shown["kind"], shown["key"], shown["sender"], shown["to"]) == ("set", shore.name, None, "buoy-1")
    assert json.loads(shown["arguments"]) == {"values": {"detection.threshold": 0.8}}
    assert [(one["outcome"], one["text"]) for one in shown["replies"]] == [
        ("trial", "on trial for 600 s"), ("confirmed", ""),
    ]  # fmt: skip
    assert log.count(REPLIES) == 2


def test_a_group_is_shown_where_it_was_answered(log: Log, shore: Shore) -> None:
    log.order(shore.sealed(to="@east"), "@east")
    assert log.shown("buoy-1") == log.shown("buoy-2") == []
    log.come(*reply(shore, "buoy-2"))
    (shown,) = log.shown("buoy-2")
    assert (shown["to"], shown["replies"][0]["outcome"]) == ("@east", "done")
    assert log.shown("buoy-1") == []


def test_a_reply_to_an_order_that_nobody_saw_is_shown_too(log: Log, shore: Shore) -> None:
    log.come(*reply(shore, outcome="refused", reason="signature", key=None, order=None, kind=None))
    (shown,) = log.shown()
    assert (shown["kind"], shown["expires"], shown["replies"][0]["reason"]) == (None, None, "signature")


def test_the_reply_to_another_keys_order_of_the_same_counter_is_not_this_ones(log: Log, shore: Shore) -> None:
    log.order(shore.sealed())
    log.come(*reply(shore, key="0123456789ab"))
    assert sorted(len(one["replies"]) for one in log.shown()) == [0, 1]


@pytest.mark.parametrize("way", range(WAYS - 4))
def test_what_is_no_signed_order_is_refused(log: Log, shore: Shore, way: int) -> None:
    payload, reason = spoiled(shore, way)
    with pytest.raises(UnfitError, match=f"^{reason}: "):
        log.order(payload)
    assert log.count(ORDERS) == 0


def test_an_order_on_another_devices_topic_is_refused(log: Log, shore: Shore) -> None:
    with pytest.raises(UnfitError, match="another device"):
        log.order(shore.sealed(), "buoy-2")


def test_pieces_of_a_model_are_passed_over(log: Log, shore: Shore) -> None:
    log.order(shore.sealed("piece", {"digest": "0" * 64, "number": 1}, attachment=b"x" * 100))
    assert log.count(ORDERS) == 0


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"order": 2**60}, "counter"), ({"order": -1}, "counter"), ({"kind": "x" * 33}, "too long"),
        ({"key": "x" * 33}, "too long"), ({"reason": "x" * 33}, "too long"),
    ],
)  # fmt: skip
def test_replies_that_cannot_be(log: Log, shore: Shore, fields: dict[str, Any], word: str) -> None:
    log.come(*reply(shore, **fields))
    assert log.count(REPLIES) == 0
    with log.station.database.reading() as connection:
        assert word in (connection.scalar(select(REFUSALS.c.reason)) or "")


@pytest.mark.parametrize(
    "fields", [{"outcome": "won"}, {"utc": "yesterday"}, {"device": "buoy-2"}, {"text": "x" * 16_000}, {"order": 1.5}]
)
def test_replies_of_no_possible_form(log: Log, shore: Shore, fields: dict[str, Any]) -> None:
    topic, payload = reply(shore)
    with pytest.raises(UnfitError):
        log.come(topic, json.dumps(json.loads(payload) | fields).encode())


def test_without_keys_an_order_is_taken_for_what_it_says_and_the_newest_are_kept(
    make_station: Callable[..., Station], shore: Shore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_ORDERS", 3)
    log = Log(make_station())
    for _ in range(5):
        log.order(shore.sealed())
    assert log.count(ORDERS) == 3
    assert {one["key"] for one in log.shown()} == {None}
    log.come(*reply(shore))
    assert log.shown()[0]["replies"][0]["outcome"] == "done"


def test_old_replies_go(log: Log, shore: Shore) -> None:
    log.come(*reply(shore))
    tidy(log.station.database, NOW + 39 * DAY_NS, health_days=40, sound_days=40)
    assert log.count(REPLIES) == 1
    tidy(log.station.database, NOW + 41 * DAY_NS, health_days=40, sound_days=40)
    assert log.count(REPLIES) == 0


class Sending:
    """A user who may order, and what the broker is given."""

    def __init__(
        self, make_station: Callable[..., Station], shore: Shore, role: str = "order", **settings: Any
    ) -> None:
        self.station = make_station(**({"orders": {"public_keys": [shore.public_key]}} | settings))
        self.published: list[tuple[str, bytes]] = []
        self.online = True
        self.station.listener.publish = self._publish  # type: ignore[method-assign]
        self.visitor = Visitor(self.station).log_in("ann", role)

    def _publish(self, topic: str, payload: bytes) -> bool:
        if self.online:
            self.published.append((topic, payload))
        return self.online

    def send(self, payload: bytes) -> Any:
        return self.visitor.post("/api/orders", {"order": base64.encodebytes(payload).decode()})

    @property
    def kept(self) -> list[Any]:
        with self.station.database.reading() as connection:
            return list(connection.execute(select(ORDERS)))


def test_an_order_from_the_page_is_published_as_it_was_signed(
    make_station: Callable[..., Station], shore: Shore
) -> None:
    sending, envelope = Sending(make_station, shore), shore.sealed("restart")
    answer = sending.send(envelope)
    assert (answer.status, answer.json) == (200, {"to": "buoy-1"})
    assert sending.published == [("edge_daemon/buoy-1/orders", envelope)]
    # it comes back from the broker; that changes nothing
    with sending.station.database.writing() as connection:
        assert not note_order(sending.station.database, connection, read_order(envelope, None), NOW)
    assert [(row.sender, row.kind, row.key) for row in sending.kept] == [("ann", "restart", shore.name)]
    assert sending.send(envelope).status == 200  # it may have been lost on its way
    assert len(sending.kept) == 1


@pytest.mark.parametrize("role", ["look", "judge"])
def test_who_may_not_order_sends_none(make_station: Callable[..., Station], shore: Shore, role: str) -> None:
    sending = Sending(make_station, shore, role)
    assert sending.send(shore.sealed()).status == 403
    assert sending.published == sending.kept == []


def test_what_no_device_would_obey_is_not_sent(make_station: Callable[..., Station], shore: Shore) -> None:
    sending = Sending(make_station, shore)
    bad = [spoiled(shore, way)[0] for way in (0, 1, 3, 4, 6, 7, 9)]
    bad += [shore.sealed("sing"), shore.sealed("set", {"values": {}}), shore.sealed("piece", {}, attachment=b"x")]
    for payload in bad:
        answer = sending.send(payload)
        assert answer.status == 400, payload
        assert answer.json["problem"].startswith("The order was not sent: ")
    for data in ([], {}, {"order": 1}, {"order": "%"}, {"order": ""}):
        assert sending.visitor.post("/api/orders", data).status == 400
    assert sending.published == sending.kept == []


def test_without_a_broker_nothing_is_written_down(make_station: Callable[..., Station], shore: Shore) -> None:
    sending = Sending(make_station, shore)
    sending.online = False
    assert sending.send(shore.sealed()).status == 503
    assert sending.kept == []


def test_a_station_without_keys_sends_nothing(make_station: Callable[..., Station], shore: Shore) -> None:
    sending = Sending(make_station, shore, orders={})
    assert sending.send(shore.sealed()).status == 409
    assert sending.published == []


def test_the_form_is_there_for_those_who_may(make_station: Callable[..., Station], shore: Shore) -> None:
    def form(role: str, **settings: Any) -> bool:
        return b'id="sending"' in Sending(make_station, shore, role, **settings).visitor.get("/device/buoy-1").body

    assert [form("order"), form("judge"), form("order", orders={})] == [True, False, False]
