"""How a station bears a fleet: real mosquitto, real station, made-up devices, all on this machine and on loopback.

    python tests/benchmarks/bench_fleet.py [--devices 1000] [--per-hour 10000] [--seconds 60] [--fill 100000]
        [--kills 0]

Devices publish detections (one in ten comes twice, one in twenty hours late) and a health document each five minutes.
Printed: what was lost or doubled, the time from publishing to the page's stream of events, the station's memory, and
how long each view takes with the database as full as asked.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import psutil
from sqlalchemy import func, select

from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import read_message
from edge_daemon.shore.intake import Intake
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, SECOND_NS, detection, effort, health, message
from tests.integration.shore.conftest import Buoys, PlainBroker, RealStation

VIEWS = (
    "/api/fleet", "/api/detections?which=open", "/api/detections?which=all&device=buoy-0001",
    "/api/detections?which=unsure", "/api/devices/buoy-0001?days=31", "/api/presence/buoy-0001?days=366", "/api/alerts",
)  # fmt: skip


class Page:
    """An open page: what came over its stream of events, and when.

    Attributes:
        came: id of a detection → monotonic seconds.
    """

    def __init__(self, station: RealStation) -> None:
        self.came: dict[str, float] = {}
        self._host = station.url.removeprefix("http://")
        self.cookie = self._log_in()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._last = ""

    def start(self) -> None:
        self._thread.start()

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds and body of a view."""
        begin = time.perf_counter()
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, (path, answer.status, body[:200])
        return time.perf_counter() - begin, body

    def _log_in(self) -> str:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        fields = urlencode({"name": "bench", "password": "password of bench"})
        connection.request("POST", "/login", fields, {"Content-Type": "application/x-www-form-urlencoded"})
        cookie = str(connection.getresponse().getheader("set-cookie")).partition(";")[0]
        connection.close()
        return cookie

    def _follow(self) -> None:
        while True:
            try:
                connection = http.client.HTTPConnection(self._host, timeout=60)
                headers = {"Cookie": self.cookie} | ({"Last-Event-ID": self._last} if self._last else {})
                connection.request("GET", "/events", headers=headers)
                answer = connection.getresponse()
                while line := answer.readline():
                    if line.startswith(b"id: "):
                        self._last = line[4:].decode().strip()
                    elif line.startswith(b"data: ") and b'"id"' in line:
                        self.came.setdefault(json.loads(line[6:])["id"], time.monotonic())
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.2)


def fill(path: Path, devices: int, count: int) -> float:
    """Detections of a year before now, as the intake writes them; seconds that it took."""
    database = StationDatabase(f"sqlite:///{path}")
    database.migrate()
    rng, now = random.Random(1), time.time_ns()
    begin = time.perf_counter()
    names = [f"buoy-{number:04}" for number in range(devices)]
    with database.writing() as connection:
        connection.execute(DEVICES.insert(), [{"name": name, "seen_ns": now, "online": True} for name in names])
        text = json.dumps(detection(names[0], 0, now))
        for first in range(0, count, 20_000):
            rows = []
            for number in range(first, min(count, first + 20_000)):
                device, at_ns = rng.randrange(devices), now - rng.randrange(8760 * HOUR_NS)
                verdict = rng.choice([None, None, "call", "not a call"]) if number % 50 else "unsure"
                identity = f"{number:08x}-0000-5000-8000-{device:012x}"
                rows.append({
                    "device": device + 1, "id": identity, "at_ns": at_ns, "came_ns": at_ns, "score": rng.random(),
                    "verdict": verdict, "latitude": 42.0, "longitude": -70.0, "document": text,
                })  # fmt: skip
            connection.execute(DETECTIONS.insert(), rows)
        hour = DETECTIONS.c.at_ns // HOUR_NS
        counted = select(
            DETECTIONS.c.device, hour, func.count(), func.count().filter(DETECTIONS.c.verdict == "call")
        ).group_by(DETECTIONS.c.device, hour)
        connection.execute(HOURS.insert().from_select(["device", "hour", "calls", "validated"], counted))
    documents = [effort(names[1], now - hour * HOUR_NS) for hour in range(2000 if count else 0)]
    documents += [health(names[1], now - minutes * 300 * SECOND_NS, "hot") for minutes in range(3000 if count else 0)]
    ready = [read_message("edge_daemon", *message(document)) for document in documents]
    Intake(database).take([one for one in ready if one is not None], now)
    database.close()
    return time.perf_counter() - begin


def main() -> None:
    """Play, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("devices", 1000), ("per-hour", 10_000), ("seconds", 60), ("fill", 100_000), ("kills", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    rng = random.Random(22)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = PlainBroker(folder)
        broker.start()
        station = RealStation(folder, broker.port)
        print(f"filled with {asked.fill} detections in {fill(station.database, asked.devices, asked.fill):.1f} s")
        station.user("bench", "look")
        station.start()
        page = Page(station)
        page.start()
        memory = [rss(station)]
        sent: dict[str, float] = {}
        buoys, generation = Buoys(broker.port), 0
        kill_at = [asked.seconds * (turn + 1) / (2 * asked.kills + 1) for turn in range(2 * asked.kills)]
        begin = time.monotonic()
        number = healths = 0
        while (now := time.monotonic() - begin) < asked.seconds:
            while number < now * asked.per_hour / 3600:
                late = rng.randrange(1, 48) * HOUR_NS if rng.random() < 0.05 else 0
                found = detection(f"buoy-{rng.randrange(asked.devices):04}", number, time.time_ns() - late)
                sent[found["id"]] = time.monotonic()
                buoys.send(*[found] * (2 if rng.random() < 0.1 else 1))
                number += 1
            while healths < now * asked.devices / 300:
                buoys.send(health(f"buoy-{healths % asked.devices:04}", time.time_ns()))
                healths += 1
            if kill_at and now > kill_at[0]:
                kill_at.pop(0)
                if len(kill_at) % 2:
                    station.stop(signal.SIGKILL)
                    station.start()
                else:
                    buoys.close()
                    time.sleep(2.5)  # what mosquitto has acknowledged and not saved would die with it
                    broker.stop(signal.SIGKILL)
                    broker.start()
                    generation += 1
                    buoys = Buoys(broker.port, f"buoys{generation}")
            memory.append(rss(station))
            time.sleep(0.01)
        end = time.monotonic() + 60
        while time.monotonic() < end and count(station) < asked.fill + number:
            time.sleep(0.1)
        print(f"sent {number} detections, {healths} health documents; kept {count(station) - asked.fill}")
        waits = sorted(page.came[one] - at for one, at in sent.items() if one in page.came)
        if waits:
            p50, p99 = (1000 * waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
            print(
                f"to the page: {len(waits)} came, p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {1000 * waits[-1]:.0f} ms"
            )
        print(f"memory of the station: {memory[0]:.0f} MB at first, {memory[-1]:.0f} MB at the end")
        for view in VIEWS:
            seconds, body = min(page.get(view) for _ in range(3))
            print(f"{1000 * seconds:7.0f} ms {len(body) / 1000:8.1f} kB  {view}")
        buoys.close()
        station.stop()
        broker.stop()


def rss(station: RealStation) -> float:
    """Resident memory, MB."""
    return 0.0 if station.process is None else psutil.Process(station.process.pid).memory_info().rss / 1e6


def count(station: RealStation) -> int:
    """Detections in the database."""
    connection = sqlite3.connect(f"file:{station.database}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM detections").fetchone()[0])
    finally:
        connection.close()


if __name__ == "__main__":
    main()
