"""The database: everything once, whatever comes twice or in another order; refusals are kept, too."""

from __future__ import annotations

import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from edge_daemon.errors import StorageError
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake, RefusedMessage, tidy
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HEALTH, HOURS, METADATA, REFUSALS
from tests.edge_daemon.shore.buoy_documents import (
    HOUR_NS,
    SECOND_NS,
    detection,
    effort,
    excerpt,
    health,
    message,
    order_reply,
    thumbnail,
)

NOW = 1_790_000_000_000_000_000 // HOUR_NS * HOUR_NS
Take = Callable[..., list[Any]]


def everything(database: StationDatabase) -> dict[str, list[tuple[Any, ...]]]:
    """All rows but the numbers, which follow the order in which things came."""
    found = {}
    with database.reading() as connection:
        names = {row.number: row.name for row in connection.execute(select(DEVICES))}
        for table in METADATA.sorted_tables:
            rows = []
            for row in connection.execute(select(table)).mappings():
                kept = {name: value for name, value in row.items() if name != "number"}
                if "device" in kept and isinstance(kept["device"], int):
                    kept["device"] = names[kept["device"]]
                rows.append(tuple(round(v, 6) if isinstance(v, float) else v for v in kept.values()))
            found[table.name] = sorted(rows, key=repr)
    return found


def documents() -> list[dict[str, Any]]:
    made = []
    for device in ("buoy-1", "buoy-2"):
        for number in range(5):
            found = detection(device, number, NOW - number * 1_000 * SECOND_NS)
            made += [found, thumbnail(found), excerpt(found, NOW)]
        made += [effort(device, NOW - hour * HOUR_NS - HOUR_NS // 2) for hour in range(1, 4)]
        made += [order_reply(device, NOW - minute * SECOND_NS, minute) for minute in range(2)]
        made += [health(device, NOW - minute * 60 * SECOND_NS, "hot") for minute in range(3)]
    return made


def test_repetitions_and_another_order_change_nothing(tmp_path: Any) -> None:
    databases = []
    for seed in range(3):
        database = StationDatabase(f"sqlite:///{tmp_path / str(seed)}.db")
        database.migrate()
        intake, rng = Intake(database), random.Random(seed)
        batch = [read_message("edge_daemon", *message(document)) for document in documents()]
        ready = [one for one in batch if one is not None]
        if seed:
            ready += rng.choices(ready, k=30)
            rng.shuffle(ready)
        while ready:
            count = rng.randint(1, 9)
            intake.take(ready[:count], NOW)
            ready = ready[count:]
        databases.append(everything(database))
        database.close()
    assert len(databases[0]["detections"]) == 10
    assert len(databases[0]["health"]) == 6
    assert databases[0] == databases[1] == databases[2]


def test_only_what_is_new_is_told(take: Take) -> None:
    found = detection("buoy-1", 1, NOW)
    assert [one.detection for one in take(NOW, found, found)] == [1]
    assert take(NOW, found) == []
    assert [one.detection for one in take(NOW, thumbnail(found))] == [1]


def test_one_device_cannot_take_the_place_of_anothers_detection(take: Take, database: StationDatabase) -> None:
    """The id is the sender's word: the same one from two devices is two detections."""
    first = detection("buoy-1", 1, NOW)
    take(NOW, first | {"device": "buoy-2"})
    take(NOW, first)
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(DETECTIONS)) == 2


def test_effort_is_shared_out_to_its_hours(take: Take, database: StationDatabase) -> None:
    take(NOW, effort("buoy-1", NOW - HOUR_NS // 4, listened_s=3600.0))
    with database.reading() as connection:
        rows = [
            tuple(row) for row in connection.execute(select(HOURS.c.hour, HOURS.c.listened_s).order_by(HOURS.c.hour))
        ]
    assert rows == [(NOW // HOUR_NS - 1, pytest.approx(900.0)), (NOW // HOUR_NS, pytest.approx(2700.0))]


def test_a_time_to_come_counts_as_now(take: Take, database: StationDatabase) -> None:
    """A device whose clock is wrong must not stand first in every list for years."""
    take(NOW, detection("buoy-1", 1, NOW + 10_000 * HOUR_NS))
    with database.reading() as connection:
        assert connection.scalar(select(DETECTIONS.c.at_ns)) == NOW


def test_older_health_does_not_take_the_place_of_newer(take: Take, database: StationDatabase) -> None:
    take(NOW, health("buoy-1", NOW, "hot"))
    take(NOW, health("buoy-1", NOW - HOUR_NS))
    with database.reading() as connection:
        assert connection.scalar(select(DEVICES.c.state)) == "warning"


def test_a_batch_that_fails_is_kept_not_at_all_and_again_whole(database: StationDatabase) -> None:
    failing = True

    def watch(*_: Any) -> None:
        if failing:
            raise SQLAlchemyError("full")

    intake = Intake(database, watch)
    batch = [one for one in (read_message("edge_daemon", *message(one)) for one in documents()) if one is not None]
    with pytest.raises(SQLAlchemyError):
        intake.take(batch, NOW)
    assert not any(everything(database).values())
    failing = False
    assert len(intake.take(batch, NOW)) == len(documents())


def test_refusals_are_kept_to_a_bound(database: StationDatabase) -> None:
    intake = Intake(database)
    for _ in range(3):
        intake.take([RefusedMessage("a/b/c" * 200, "no JSON" * 100)] * 500, NOW)
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(REFUSALS)) == 1000


def test_statuses_change_only_when_they_differ(database: StationDatabase) -> None:
    intake = Intake(database)
    told = [intake.take([Incoming("buoy-1", None, online=online)], NOW) for online in (True, True, False, False)]
    assert [[one.online for one in arrivals] for arrivals in told] == [[True], [], [False], []]


def test_old_health_goes_and_detections_stay(take: Take, database: StationDatabase) -> None:
    take(
        NOW - 50 * 24 * HOUR_NS,
        health("buoy-1", NOW - 50 * 24 * HOUR_NS),
        detection("buoy-1", 1, NOW - 50 * 24 * HOUR_NS),
    )
    take(NOW, health("buoy-1", NOW))
    tidy(database, NOW, health_days=40, sound_days=40)
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(HEALTH)) == 1
        assert connection.scalar(select(func.count()).select_from(DETECTIONS)) == 1


def test_the_migrations_make_the_tables_and_take_them_away(database: StationDatabase) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    database.migrate()
    database.migrate("1")
    with database.reading() as connection:
        missing = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert {one[1].name for one in missing if one[0] == "add_table"} == {"orders", "replies"}
    database.migrate()
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    database.migrate("base")
    with database.reading() as connection:
        assert len(compare_metadata(MigrationContext.configure(connection), METADATA)) > 10
    database.migrate()


def test_nobody_else_may_read_the_database(tmp_path: Path) -> None:
    database = StationDatabase(f"sqlite:///{tmp_path / 'shore.db'}")
    database.migrate()
    with database.reading():
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    database.close()


def test_a_newer_programs_database_is_left_alone(database: StationDatabase) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '999'")
    with pytest.raises(StorageError, match="version 999"):
        database.migrate()
