"""The station's database in a real PostgreSQL: migrations up and down, and the same rows as in SQLite."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select

from edge_daemon.presence.periods import PresenceRule
from edge_daemon.shore.accounts import Accounts
from edge_daemon.shore.cards import newest
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.device_history import device_history
from edge_daemon.shore.fleet import fleet
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.judging import Judgement, judge
from edge_daemon.shore.presence_days import calendar
from edge_daemon.shore.settings import DatabaseSection
from edge_daemon.shore.tables import DETECTIONS, HOURS, METADATA, VERDICTS
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
from tests.integration.shore.conftest import free_port

pytestmark = pytest.mark.slow
pytest.importorskip("psycopg", reason="needs the extra `postgresql`")


def program(name: str) -> str:
    """A program of PostgreSQL's; Debian keeps the server's outside PATH."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    return found


@pytest.fixture
def address() -> Iterator[str]:
    """A server of our own on loopback; it refuses to run as root, and its user may not look into pytest's folders."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        yield from served(Path(folder))


def served(folder: Path) -> Iterator[str]:
    """Its address while it runs."""
    initdb, postgres, port = program("initdb"), program("postgres"), free_port()
    words: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("needs runuser, since PostgreSQL does not run as root")
        words = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data = folder / "data"
    made = subprocess.run(
        [*words, initdb, "-D", str(data), "-U", "shore", "-A", "trust", "--no-sync", "-E", "UTF8"],
        capture_output=True, timeout=110, check=False, cwd="/",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr.decode()
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*words, postgres, *options], stdout=log, stderr=log, cwd="/")
    url = f"postgresql://shore@127.0.0.1:{port}/postgres"
    deadline = time.monotonic() + 60
    import psycopg

    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(30)


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
