"""Who is warned of what: rules, pauses, late calls, trouble, and a queue that outlives whoever sends."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from edge_daemon.shore.alert_settings import AlertsSection
from edge_daemon.shore.alerts.alarm import Alarm
from edge_daemon.shore.alerts.courier import MOST_TRIES, AlertCourier
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.tables import ALERTS, DELIVERIES
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, health, message

NOW = 1_790_000_000_000_000_000
MINUTE_NS = 60 * 10**9


class Watch:
    """An alarm with one rule, and what comes to it."""

    def __init__(self, database: StationDatabase, **rule: Any) -> None:
        channels = [{"name": "bridge", "kind": "mqtt", "topic": "alerts"}]
        self.settings = AlertsSection.model_validate({"rules": [{"name": "rule"} | rule], "channels": channels})
        self.database = database
        self.alarm = Alarm(self.settings, database)
        self._intake = Intake(database, self.alarm.consider)
        self._number = 0

    def call(self, minutes: float, device: str = "buoy-1", late: float = 0.0, score: float = 0.9) -> None:
        self._number += 1
        at = NOW + round(minutes * MINUTE_NS)
        self.come(detection(device, self._number, at, score=score), at + round(late * MINUTE_NS))

    def come(self, document: dict[str, Any], at_ns: int) -> None:
        found = read_message("edge_daemon", *message(document))
        assert found is not None
        self._intake.take([found], at_ns)

    def status(self, online: bool, minutes: float) -> None:
        self._intake.take([Incoming("buoy-1", None, online=online)], NOW + round(minutes * MINUTE_NS))

    @property
    def told(self) -> list[str]:
        with self.database.reading() as connection:
            return [row.text for row in connection.execute(select(ALERTS).order_by(ALERTS.c.number))]


def test_so_many_calls_within_so_long(database: StationDatabase) -> None:
    watch = Watch(database, calls=3, within_min=10, least_score=0.8)
    for minutes, score in ((0, 0.9), (1, 0.7), (2, 0.9), (13, 0.9), (14, 0.9)):
        watch.call(minutes, score=score)
    assert watch.told == []
    watch.call(15)
    assert watch.told == ["3 calls within 10 min: buoy-1 (3). The last scored 0.900."]


def test_calls_in_any_order_lie_within_so_long_or_do_not(database: StationDatabase) -> None:
    """The one in the middle comes last: nine minutes from each of the others, which are eighteen apart."""
    watch = Watch(database, calls=3, within_min=10)
    for minutes in (0, 18):
        watch.call(minutes)
    watch.call(9, late=10)
    assert watch.told == []
    watch.call(10, late=10)
    assert watch.told == ["3 calls within 10 min: buoy-1 (3). The last scored 0.900."]


def test_after_an_alert_there_is_a_pause_for_each_device(database: StationDatabase) -> None:
    watch = Watch(database, pause_min=60)
    for minutes, device in ((0, "buoy-1"), (30, "buoy-1"), (31, "buoy-2"), (61, "buoy-1")):
        watch.call(minutes, device)
    assert [text.split()[5] for text in watch.told] == ["buoy-1", "buoy-2", "buoy-1"]


def test_a_group_counts_together(database: StationDatabase) -> None:
    watch = Watch(database, calls=2, devices=["buoy-*"], together=True)
    watch.call(0, "buoy-1")
    watch.call(1, "glider-1")
    assert watch.told == []
    watch.call(2, "buoy-2")
    assert watch.told == ["2 calls within 60 min: buoy-1 (1), buoy-2 (1). The last scored 0.900."]


def test_a_backlog_warns_nobody_unless_asked(database: StationDatabase) -> None:
    watch = Watch(database, calls=2)
    watch.call(0, late=600)
    watch.call(600)  # one that is fresh does not make two
    watch.call(601, late=600)
    assert watch.told == []
    asked = Watch(database, name="asked", calls=2, late=True)
    asked._number = 10
    asked.call(700, late=600)
    assert len(asked.told) == 0
    asked.call(701, late=600)
    assert len(asked.told) == 1


def test_a_repetition_is_no_second_call(database: StationDatabase) -> None:
    watch = Watch(database, calls=2)
    for _ in range(3):
        watch.come(detection("buoy-1", 1, NOW), NOW)
    assert watch.told == []


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"input": {"phase": "waiting", "device": "x"}, "reasons": ["no sound: gone"]},
            "buoy-1: deaf: no sound: gone.",
        ),
        ({"input": {"phase": "paused", "device": "x"}}, None),
        (
            {"input": {"phase": "listening", "device": "x", "dead_input": True}},
            "buoy-1: deaf: no sound that a hydrophone makes.",
        ),
        (
            {"input": {"phase": "listening", "device": "x", "sound": {"state": "broken"}}, "reasons": ["a b", "c"]},
            "buoy-1: deaf: a b; c.",
        ),
        ({"clock": {"state": "unsynchronised"}}, "buoy-1: the clock is not synchronised."),
        ({}, None),
    ],
)
def test_trouble(database: StationDatabase, more: dict[str, Any], text: str | None) -> None:
    watch = Watch(database, when="trouble")
    watch.come(health("buoy-1", NOW - HOUR_NS) | more, NOW)  # late: it was so, an hour ago
    assert watch.told == []
    for minutes in (0, 1, 2):
        watch.come(health("buoy-1", NOW + minutes * MINUTE_NS) | more, NOW + minutes * MINUTE_NS)
    assert watch.told == ([] if text is None else [text])


def test_little_room(database: StationDatabase) -> None:
    watch = Watch(database, when="trouble", disk_mb=20_000, trouble=["disk"])
    watch.come(health("buoy-1", NOW), NOW)
    assert watch.told == ["buoy-1: 18000 MB of disk space left."]


def test_a_device_that_stays_away_is_told_once(database: StationDatabase) -> None:
    watch = Watch(database, when="trouble", offline_min=10, pause_min=0)
    watch.status(False, 0)
    for minutes in (9, 11, 30, 300):
        watch.alarm.look_around(NOW + minutes * MINUTE_NS)
    assert watch.told == ["buoy-1: offline for 11 min."]
    watch.status(True, 301)
    watch.status(False, 302)
    watch.alarm.look_around(NOW + 313 * MINUTE_NS)
    assert len(watch.told) == 2


def test_one_that_comes_and_goes_is_told_once_in_each_pause(database: StationDatabase) -> None:
    watch = Watch(database, when="trouble", offline_min=1, pause_min=60)
    for minutes in range(0, 150, 10):
        watch.status(False, minutes)
        watch.alarm.look_around(NOW + (minutes + 5) * MINUTE_NS)
        watch.status(True, minutes + 6)
    assert watch.told == ["buoy-1: offline for 5 min."] * 3  # after 5, 65 and 125 minutes


def test_a_reviewers_call(database: StationDatabase) -> None:
    watch = Watch(database, when="verdict", devices=["buoy-1"])
    assert not watch.alarm.judged("buoy-2", "ann", NOW)
    assert watch.alarm.judged("buoy-1", "ann", NOW)
    assert not watch.alarm.judged("buoy-1", "ann", NOW + 1)
    assert watch.told == ["buoy-1: ann confirmed a call."]


def test_what_fails_is_tried_again_later_and_given_up_in_the_end(database: StationDatabase) -> None:
    watch = Watch(database)
    watch.call(0)
    answers = iter([False] * (MOST_TRIES - 1))
    courier = AlertCourier(watch.settings, database, lambda *_: next(answers, False))
    now, waits = NOW + HOUR_NS * 10**4, []
    for _ in range(MOST_TRIES):
        with database.writing() as connection:
            connection.execute(DELIVERIES.update().where(DELIVERIES.c.due_ns.is_not(None)).values(due_ns=now))
        before = courier.deliver(now)
        assert before == 1
        with database.reading() as connection:
            row = connection.execute(select(DELIVERIES)).one()
        waits.append(row.due_ns)
    assert waits[-1] is None
    assert row.tries == MOST_TRIES
    assert "given up" in watch.alarm.listed()["alerts"][0]["sent"][0]
    assert courier.deliver(now) == 0


def test_a_dead_channel_holds_no_other_one_up(database: StationDatabase) -> None:
    channels = [{"name": name, "kind": "mqtt", "topic": name} for name in ("dead", "alive")]
    settings = AlertsSection.model_validate({"channels": channels})
    alarm, sent = Alarm(settings, database), []
    for _ in range(5):
        for name in ("dead", "alive"):
            alarm.test(name, "ann", NOW)
    courier = AlertCourier(settings, database, lambda topic, _: bool(sent.append(topic) or topic == "alive"))
    assert courier.deliver(NOW) == 6
    assert sent == ["dead"] + ["alive"] * 5
    assert courier.deliver(NOW) == 1  # the next of those that wait
    gone = AlertCourier(AlertsSection.model_validate({"channels": channels[1:]}), database, lambda *_: True)
    gone.deliver(NOW)
    assert sum("not in the configuration" in one["sent"][0] for one in alarm.listed()["alerts"]) == 3


def test_a_delivery_outlives_the_station_that_took_it(database: StationDatabase) -> None:
    watch = Watch(database)
    watch.call(0)

    def dies(*_: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AlertCourier(watch.settings, database, dies).deliver(NOW + 1)
    sent: list[bytes] = []
    other = AlertCourier(watch.settings, database, lambda _, payload: bool(sent.append(payload) or True))
    assert other.deliver(NOW + 2) == 0  # the first may still be at it
    assert other.deliver(NOW + 3 * MINUTE_NS) == 1
    assert json.loads(sent[0])["text"].startswith("1 call within")
    assert other.deliver(NOW + 30 * MINUTE_NS) == 0


@pytest.fixture
def web_hook() -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback that takes what is posted; it refuses the first."""
    posted: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if len(posted) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook(database: StationDatabase, web_hook: tuple[str, list[Any]]) -> None:
    address, posted = web_hook
    settings = AlertsSection.model_validate({"channels": [{"name": "hook", "url": address}]})
    alarm = Alarm(settings, database)
    assert not alarm.test("nowhere", "ann", NOW)
    assert alarm.test("hook", "ann", NOW)
    courier = AlertCourier(settings, database, lambda *_: False)
    courier.deliver(NOW)
    assert "waits after 1 tries" in alarm.listed()["alerts"][0]["sent"][0]
    with database.writing() as connection:
        connection.execute(DELIVERIES.update().values(due_ns=NOW))
    courier.deliver(NOW)
    assert alarm.listed()["alerts"][0]["sent"] == ["hook: sent"]
    assert posted[1]["text"] == "A test, sent by ann. No whale has called."
    assert posted[0] == posted[1]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"rules": [{}]}, "required"),
        ({"rules": [{"name": "a"}, {"name": "a"}]}, "two of one name"),
        ({"rules": [{"name": "a", "to": ["nowhere"]}]}, "nowhere"),
        ({"channels": [{"name": "a", "url": "file:///etc/passwd"}]}, "http"),
        ({"channels": [{"name": "a", "kind": "mqtt"}]}, "required"),
        ({"channels": [{"name": "a", "kind": "mqtt", "topic": "a/#"}]}, "topic"),
    ],
)
def test_settings_that_will_not_do(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        AlertsSection.model_validate(settings)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its plug-ins
def test_apprise(database: StationDatabase, web_hook: tuple[str, list[Any]]) -> None:
    """Its plug-in for JSON stands for mail, SMS and chat, whose services are not here."""
    pytest.importorskip("apprise", reason="needs the extra `alerts`")
    address, posted = web_hook
    told = [
        {"name": "chat", "kind": "apprise", "url": address.replace("http://", "json://")},
        {"name": "odd", "kind": "apprise", "url": "nothing://x"},
    ]
    settings = AlertsSection.model_validate({"channels": told})
    alarm = Alarm(settings, database)
    courier = AlertCourier(settings, database, lambda *_: False)
    for name in ("chat", "odd", "chat"):
        alarm.test(name, "ann", NOW)
    for _ in range(2):  # a channel that has failed waits for the next round
        courier.deliver(NOW)
    sent = [one["sent"][0] for one in alarm.listed()["alerts"]]
    assert sent[0] == "chat: sent"
    assert "does not know this kind of address" in sent[1]
    assert "did not take it" in sent[2]  # the server refused the first
    assert posted[1]["message"].startswith("A test")
