"""The real station beside a real broker: nothing lost or doubled, whoever is killed."""

from __future__ import annotations

import random
import re
import signal
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, effort, health
from tests.integration.shore.conftest import Buoys, PlainBroker, RealStation

pytestmark = pytest.mark.slow


def rows(station: RealStation, question: str) -> list[Any]:
    connection = sqlite3.connect(f"file:{station.database}?mode=ro", uri=True)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def until_count(station: RealStation, count: int, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while rows(station, "SELECT count(*) FROM detections") != [(count,)]:
        assert time.monotonic() < end, (rows(station, "SELECT count(*) FROM detections"), station.log.read_text())
        time.sleep(0.05)


def test_what_came_while_it_was_away_is_kept_once(make_real_station: Callable[..., RealStation], buoys: Buoys) -> None:
    now = time.time_ns()
    station = make_real_station()
    assert "ok       mqtt" in station.command("check")
    station.start()
    buoys.raw(("edge_daemon/buoy-1/status", b"online"), retain=True)
    buoys.send(*(detection("buoy-1", number, now - number) for number in range(5)))
    until_count(station, 5)
    assert station.stop() == 0
    buoys.send(*(detection("buoy-1", number, now - number) for number in range(3, 12)))
    buoys.send(effort("buoy-1", now - HOUR_NS), health("buoy-1", now))
    buoys.raw(("edge_daemon/buoy-1/detections", b"{"), ("edge_daemon/buoy-1/detections", b""))
    station.start()
    until_count(station, 12)
    end = time.monotonic() + 20
    while not rows(station, "SELECT topic FROM refusals"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert rows(station, "SELECT topic, reason FROM refusals") == [("edge_daemon/buoy-1/detections", "is not JSON")]
    assert rows(station, "SELECT online, state FROM devices") == [(1, "ok")]
    assert station.stop() == 0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_station_and_broker_killed_five_times_each(
    make_real_station: Callable[..., RealStation], broker: PlainBroker
) -> None:
    """The devices' outbox is played by sending again what the broker has not acknowledged."""
    rng, now = random.Random(22), time.time_ns()
    station = make_real_station()
    station.start()
    number = sent = 0
    for turn in range(10):
        unproven, sent = sent, number  # of the turn before, the broker may have died before it told anybody
        number += rng.randrange(20, 60)
        buoys = Buoys(broker.port, f"buoys{turn}")
        buoys.send(*(detection(f"buoy-{n % 7}", n, now - n) for n in range(unproven, number)))
        buoys.close()
        time.sleep(rng.random())
        if turn % 2:
            time.sleep(2.5)  # what mosquitto has acknowledged and not saved dies with it: that loss is its own
            broker.stop(signal.SIGKILL)
            broker.start()
        else:
            station.stop(signal.SIGKILL)
            station.start()
    until_count(station, number, 120)
    assert rows(station, "SELECT sum(calls) FROM hours") == [(number,)]
    assert number > 200
    station.stop()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_stations_on_one_postgresql_share_what_comes(
    make_real_station: Callable[..., RealStation], broker: PlainBroker, address: str
) -> None:
    """MQTT 5's shared subscription: each message goes to one of them, and both write to one database."""
    psycopg = pytest.importorskip("psycopg", reason="needs the extra `postgresql`")
    broker.configure("log_type all")
    now = time.time_ns()
    names = ("one", "two")
    first, second = (
        make_real_station(mqtt={"client_id": name, "share": "shore"}, database={"url": address}) for name in names
    )
    first.start()
    second.start()
    buoys = Buoys(broker.port)

    def kept() -> tuple[int, int]:
        with psycopg.connect(address) as connection:
            counts = connection.execute("SELECT (SELECT count(*) FROM detections), (SELECT sum(calls) FROM hours)")
            return tuple(int(one or 0) for one in counts.fetchone())  # type: ignore[return-value]

    def until_kept(count: int) -> None:
        end = time.monotonic() + 120
        while kept() != (count, count):
            assert time.monotonic() < end, (kept(), first.log.read_text(), second.log.read_text())
            time.sleep(0.1)

    def handed(name: str) -> int:
        return len(re.findall(rf"Sending PUBLISH to {name} \(.*/detections'", broker.said()))

    buoys.send(*(detection(f"buoy-{number % 5}", number, now - number) for number in range(200)))
    until_kept(200)
    shares = [handed(name) for name in names]
    assert sum(shares) == 200  # each to one of them
    assert min(shares) > 20
    second.stop(signal.SIGKILL)
    buoys.send(*(detection(f"buoy-{number % 5}", number, now - number) for number in range(200, 300)))
    second.start()  # what it had been handed waits for it
    until_kept(300)
    buoys.close()
    assert [first.stop(), second.stop()] == [0, 0]
