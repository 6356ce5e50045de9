"""The station's database in a real PostgreSQL: migrations up and down, and the same rows as in SQLite."""

from __future__ import annotations

import random
import threading
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from edge_daemon.presence.periods import PresenceRule
from edge_daemon.shore.accounts import Accounts
from edge_daemon.shore.alert_settings import AlertsSection
from edge_daemon.shore.alerts.alarm import Alarm
from edge_daemon.shore.cards import newest
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.device_history import device_history
from edge_daemon.shore.fleet import fleet
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.judging import Judgement, judge
from edge_daemon.shore.presence_days import calendar
from edge_daemon.shore.settings import DatabaseSection
from edge_daemon.shore.tables import ALERTS, DETECTIONS, HOURS, METADATA, VERDICTS
from tests.edge_daemon.shore.buoy_documents import (
    HOUR_NS,
    detection,
    effort,
    excerpt,
    health,
    message,
    order_reply,
    thumbnail,
)

pytestmark = pytest.mark.slow
pytest.importorskip("psycopg", reason="needs the extra `postgresql`")


def test_everything_in_postgresql(address: str) -> None:
    now = time.time_ns()
    url = DatabaseSection(url=address).address
    assert url.startswith("postgresql+psycopg://")
    first, second = StationDatabase(url), StationDatabase(url)
    both = [threading.Thread(target=database.migrate) for database in (first, second)]  # two stations start at once
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    with first.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []

    found = [detection("buoy-1", number, now - number * HOUR_NS) for number in range(20)]
    documents = [*found, thumbnail(found[0]), excerpt(found[0], now), effort("buoy-1", now - 2 * HOUR_NS)]
    documents += [
        order_reply("buoy-1", now, 7, outcome="done"),
        health("buoy-1", now),
        detection("buoy-1", 99, now, label="nul \x00 and half \ud800"),
    ]
    batch = [one for one in (read_message("edge_daemon", *message(one)) for one in documents) if one is not None]
    assert all(isinstance(one, Incoming) for one in batch)
    threads = [threading.Thread(target=Intake(database).take, args=(batch, now)) for database in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with first.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(DETECTIONS)) == 21
        assert connection.scalar(select(func.sum(HOURS.c.calls))) == 21
        cards = newest(connection, which="open")
        assert len(cards) == 21
        assert fleet(connection, now)[0]["name"] == "buoy-1"
        (order,) = device_history(connection, "buoy-1", 7, now)["orders"]  # type: ignore[index]
        assert [one["outcome"] for one in order["replies"]] == ["done"]
        for rule in (PresenceRule(), PresenceRule(least_score=0.5, detected_calls=1)):
            hours = calendar(connection, "buoy-1", 7, now, rule)["hours"]  # type: ignore[index]
            assert sum(hour[1] for hour in hours) == 21
            assert {hour[4] for hour in hours} >= {"POSSIBLY_DETECTED" if rule.detected_calls is None else "DETECTED"}
    number = cards[0]["number"]
    judges = [
        threading.Thread(target=judge, args=(database, number, f"r{n}", Judgement("call"), now + n))
        for n, database in enumerate([first, second] * 4)
    ]
    for thread in judges:
        thread.start()
    for thread in judges:
        thread.join()
    with second.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(VERDICTS)) == 8
        assert connection.scalar(select(func.sum(HOURS.c.validated))) == 1
    accounts = Accounts(first, 60)
    accounts.put("ann", "judge", "a long password")
    token = accounts.log_in("ann", "a long password", now)
    assert token is not None
    assert accounts.session(token, now) is not None
    assert accounts.remove("ann")
    assert accounts.session(token, now) is None

    first.migrate("1")
    with first.reading() as connection:
        assert not connection.dialect.has_table(connection, "orders")
    first.migrate()
    first.migrate("base")
    with first.reading() as connection:
        assert len(compare_metadata(MigrationContext.configure(connection), METADATA)) > 10
    first.migrate()
    first.close()
    second.close()


def test_two_stations_at_once_neither_wait_in_a_circle_nor_miss_an_alert(address: str) -> None:
    """Batches of the same devices in opposite orders; each third call of a device is to alert, whoever takes it in."""
    now = time.time_ns()
    url = DatabaseSection(url=address).address
    databases = [StationDatabase(url) for _ in range(2)]
    databases[0].migrate()
    rules = AlertsSection.model_validate({"rules": [{"name": "three", "calls": 3, "pause_min": 0.0}]})
    devices = [f"buoy-{number}" for number in range(8)]
    failed: list[Exception] = []

    def take(station: int) -> None:
        intake = Intake(databases[station], Alarm(rules, databases[station]).consider)
        rng = random.Random(station)
        for turn in range(12):
            order = rng.sample(devices, len(devices))
            found = [detection(name, 100 * station + turn, now - turn * 10**9) for name in order]
            batch = [read_message("edge_daemon", *message(one)) for one in found]
            try:
                intake.take([one for one in batch if one is not None], now)
            except SQLAlchemyError as error:
                failed.append(error)

    threads = [threading.Thread(target=take, args=(station,)) for station in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with databases[0].reading() as connection:
        told = connection.execute(select(ALERTS.c.device, ALERTS.c.text)).all()
    counts = {name: sorted(int(row.text.split()[0]) for row in told if row.device == name) for name in devices}
    assert counts == {name: list(range(3, 25)) for name in devices}
    for database in databases:
        database.close()
