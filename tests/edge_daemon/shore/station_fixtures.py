"""A station's database in a file of its own, and its application called without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher

from edge_daemon.shore.accounts import Accounts
from edge_daemon.shore.application import application
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Arrival, Intake
from edge_daemon.shore.settings import StationConfig
from edge_daemon.shore.station import Station
from tests.edge_daemon.shore.buoy_documents import message

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "a long password"  # noqa: S105 - of made-up users


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StationDatabase]:
    made = StationDatabase(f"sqlite:///{tmp_path / 'shore.db'}")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def take(database: StationDatabase) -> Callable[..., list[Arrival]]:
    """Keep documents, as if they had come at a time."""
    intake = Intake(database)

    def taken(now_ns: int, *documents: dict[str, Any]) -> list[Arrival]:
        batch = [read_message("edge_daemon", *message(document)) for document in documents]
        return intake.take([one for one in batch if isinstance(one, Incoming)], now_ns)

    return taken


@dataclass
class Answer:
    """What the application answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """A browser without a network, with one cookie."""

    station: Station
    cookie: str = ""
    csrf: str = ""
    address: str = "127.0.0.1"
    app: Any = field(init=False)

    def __post_init__(self) -> None:
        self.app = application(self.station)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, host: str = "localhost"
    ) -> Answer:
        path, _, query = path.partition("?")
        told = {"host": host, "content-length": str(len(body))} | (headers or {})
        if self.cookie:
            told["cookie"] = f"station={self.cookie}"
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
            "client": (self.address, 1), "server": ("localhost", 80), "state": {},
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(part: dict[str, Any]) -> None:
            sent.append(part)

        asyncio.run(self.app(scope, receive, send))
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], head, b"".join(part.get("body", b"") for part in sent[1:]))

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def post(self, path: str, data: Any) -> Answer:
        return self.ask("POST", path, json.dumps(data).encode(), {"x-csrf-token": self.csrf})

    def submit(self, path: str, **fields: str) -> Answer:
        return self.ask("POST", path, urlencode(fields).encode())

    def log_in(self, name: str, role: str) -> Visitor:
        """Be a user, made on the way."""
        self.station.accounts.put(name, role, PASSWORD)  # type: ignore[arg-type]
        answer = self.submit("/login", name=name, password=PASSWORD, next="")
        assert answer.status == 303, answer.body
        self.cookie = answer.headers["set-cookie"].partition(";")[0].removeprefix("station=")
        session = self.station.accounts.session(self.cookie, 0)
        assert session is not None
        self.csrf = session.csrf
        return self


@pytest.fixture
def make_station(tmp_path: Path) -> Iterator[Callable[..., Station]]:
    """Make stations, not started: nothing listens, nothing is delivered."""
    made: list[Station] = []

    def make(**settings: Any) -> Station:
        data = {"database": {"file": tmp_path / "shore.db"}} | settings
        station = Station(StationConfig.model_validate(data), {})
        station.accounts = Accounts(station.database, 3600, CHEAP)
        made.append(station)
        return station

    yield make
    for station in made:
        station.stop()


@pytest.fixture
def visitor(make_station: Callable[..., Station]) -> Visitor:
    return Visitor(make_station())
