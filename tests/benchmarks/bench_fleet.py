"""How a station bears a fleet: real mosquitto, real station, made-up devices, all on this machine and on loopback.

    python tests/benchmarks/bench_fleet.py [--devices 1000] [--per-hour 10000] [--seconds 60] [--fill 100000]
        [--kills 0] [--pages 3] [--filled FILE]

Devices publish detections (one in ten comes twice, one in twenty hours late) and a health document each five minutes,
whatever becomes of station and broker, each of which is killed so often in the first half. Printed: what was lost or
doubled, the time from publishing to each page's stream of events, the station's memory minute by minute, and how long
each view took over HTTP while all this went on and afterwards, with the database as full as asked; one device has a
tenth of its detections. Filling takes minutes: a later run takes it from FILE, where the first one leaves it.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

import psutil

from tests.benchmarks.fleet_page import OpenPage, ViewTimes
from tests.benchmarks.fleet_year import fill
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, health
from tests.integration.shore.conftest import Buoys, PlainBroker, RealStation

VIEWS = (
    "/fleet",
    "/live",
    "/review",
    "/presence",
    "/alerts",
    "/device/buoy-0001",
    "/api/fleet",
    "/api/devices",
    "/api/detections",
    "/api/detections?which=open",
    "/api/detections?which=all&device=buoy-0001",
    "/api/detections?which=unsure",
    "/api/detections?which=open&device=buoy-0002",
    "/api/devices/buoy-0001?days=31",
    "/api/presence/buoy-0001?days=366",
    "/presence/buoy-0001.csv?days=366&by=hour",
    "/api/alerts",
)
SETTLE_S = 20.0
"""After a kill, until broker, station and pages are connected again; what was sent meanwhile is told apart."""
SAVED_S = 2.5
"""What mosquitto has acknowledged and not saved would die with it."""


class FleetAtSea:
    """A thread that publishes what the devices say.

    Attributes:
        sent: id of a detection → monotonic seconds.
        healths: documents of health that were sent.
    """

    def __init__(self, port: int, devices: int, per_hour: int) -> None:
        self.sent: dict[str, float] = {}
        self.healths = 0
        self.lock = threading.Lock()  # held by whoever publishes, or kills the broker
        self._port, self._devices, self._per_hour = port, devices, per_hour
        self._rng = random.Random(22)
        self._generation = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.connect()

    def connect(self) -> None:
        """To a broker that has just started."""
        self._generation += 1
        self._buoys = Buoys(self._port, f"buoys{self._generation}")

    def disconnect(self) -> None:
        self._buoys.close()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.disconnect()

    def _run(self) -> None:
        begin, number, rng = time.monotonic(), 0, self._rng
        while not self._stop.is_set():
            now = time.monotonic() - begin
            with self.lock:
                while number < now * self._per_hour / 3600:
                    late = rng.randrange(1, 48) * HOUR_NS if rng.random() < 0.05 else 0
                    name = f"buoy-{rng.randrange(self._devices):04}"
                    found = detection(name, 10_000_000 + number, time.time_ns() - late)
                    self.sent[found["id"]] = time.monotonic()
                    self._buoys.send(*[found] * (2 if rng.random() < 0.1 else 1))
                    number += 1
                while self.healths < now * self._devices / 300:
                    self._buoys.send(health(f"buoy-{self.healths % self._devices:04}", time.time_ns()))
                    self.healths += 1
            time.sleep(0.01)


def main() -> None:
    """Play, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = {"devices": 1000, "per-hour": 10_000, "seconds": 60, "fill": 100_000, "kills": 0, "pages": 3}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--filled", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = PlainBroker(folder)
        broker.start()
        station = RealStation(folder, broker.port)
        if asked.filled is None or not asked.filled.exists():
            seconds = fill(station.database, asked.devices, asked.fill)
            say(f"filled with {asked.fill} detections in {seconds:.1f} s")
            if asked.filled is not None:
                shutil.copy(station.database, asked.filled)
        else:
            shutil.copy(asked.filled, station.database)
        say(f"the database has {station.database.stat().st_size / 1e6:.0f} MB; the machine's load is {load()}")
        healths = rows(station, "health")
        station.user("bench", "look")
        station.start()
        try:
            play(asked, broker, station, healths)
        finally:
            station.stop(signal.SIGKILL)
            broker.stop(signal.SIGKILL)


def play(asked: argparse.Namespace, broker: PlainBroker, station: RealStation, healths: int) -> None:
    """Play, and print what came of it.

    Args:
        asked: the options.
        broker, station: both run.
        healths: documents of health in the database before.
    """
    pages = [OpenPage(station) for _ in range(asked.pages)]
    for page in pages:
        page.start()
    at_work, afterwards = ViewTimes(pages[0], VIEWS), ViewTimes(pages[0], VIEWS)
    fleet = FleetAtSea(broker.port, asked.devices, asked.per_hour)
    kill_at = [asked.seconds * (turn + 1) / (4 * asked.kills + 1) for turn in range(2 * asked.kills)]
    troubled: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    work: list[tuple[float, float]] = []
    begin, asked_s = time.monotonic(), 0.0
    fleet.start()
    while (now := time.monotonic() - begin) < asked.seconds:
        if kill_at and now > kill_at[0]:
            kill_at.pop(0)
            killed = time.monotonic()
            kill(broker if len(kill_at) % 2 == 0 else None, station, fleet)
            troubled.append((killed - 1.0, time.monotonic() + SETTLE_S))
        memory.append((now, rss(station)))
        work.append((now, cpu_s(station)))
        if now - asked_s > 10:
            asked_s = now
            at_work.ask()
        time.sleep(0.25)
    fleet.stop()
    number = len(fleet.sent)
    end = time.monotonic() + 60
    while time.monotonic() < end and not (
        rows(station, "detections") >= asked.fill + number
        and all(len(page.came.keys() & fleet.sent.keys()) == number for page in pages)
    ):
        time.sleep(0.2)
    say(
        f"sent {number} detections, {fleet.healths} health documents; "
        f"kept {rows(station, 'detections') - asked.fill}, {rows(station, 'health') - healths}; "
        f"counted in hours {total(station) - asked.fill}; station and broker killed {asked.kills} times each"
    )
    for page in pages:
        tell_waits(page, fleet.sent, troubled)
    for minute in range(int(memory[-1][0] // 60) + 1):
        of_it = [mb for at, mb in memory if minute * 60 <= at < (minute + 1) * 60]
        if of_it:
            say(f"memory in minute {minute + 1}: {min(of_it):.0f} to {max(of_it):.0f} MB")
    calm = [one for one in work if one[0] > asked.seconds / 2 + SETTLE_S]
    if len(calm) > 1:
        share = (calm[-1][1] - calm[0][1]) / (calm[-1][0] - calm[0][0])
        say(f"the station takes {share:.0%} of a processor in the second half, pages and views included")
    say(f"views while it runs, every ten seconds ({at_work.failed} got no answer, while the station was away)")
    say(*at_work.lines())
    for _ in range(10):
        afterwards.ask()
    say(f"views afterwards; the machine's load is {load()}")
    say(*afterwards.lines())


def kill(broker: PlainBroker | None, station: RealStation, fleet: FleetAtSea) -> None:
    """Kill the broker if one is given, else the station, and start it again."""
    if broker is None:
        station.stop(signal.SIGKILL)
        station.start()
        return
    with fleet.lock:
        fleet.disconnect()
        time.sleep(SAVED_S)
        broker.stop(signal.SIGKILL)
        broker.start()
        fleet.connect()


def tell_waits(page: OpenPage, sent: dict[str, float], troubled: list[tuple[float, float]]) -> None:
    """How long detections were on their way to a page."""
    waits = {one: page.came[one] - at for one, at in sent.items() if one in page.came}
    calm = [
        wait for one, wait in waits.items() if not any(first < sent[one] < last for first, last in troubled)
    ]  # fmt: skip
    for title, all_ in (("all", list(waits.values())), ("away from kills", calm)):
        if all_:
            ordered = sorted(all_)
            p50, p99 = (1000 * ordered[int(share * (len(all_) - 1))] for share in (0.5, 0.99))
            say(
                f"to a page, {title}: {len(all_)} came, "
                f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {1000 * ordered[-1]:.0f} ms"
            )
    say(f"  {page.repeated} came twice")


def cpu_s(station: RealStation) -> float:
    """Seconds of processor that the station has used since it started."""
    if station.process is None:
        return 0.0
    times = psutil.Process(station.process.pid).cpu_times()
    return float(times.user + times.system)


def rss(station: RealStation) -> float:
    """Resident memory, MB."""
    return 0.0 if station.process is None else psutil.Process(station.process.pid).memory_info().rss / 1e6


def rows(station: RealStation, table: str) -> int:
    """Rows of a table."""
    return asked_of(station, f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names


def total(station: RealStation) -> int:
    """Calls as hours count them, where one that was doubled would show."""
    return asked_of(station, "SELECT sum(calls) FROM hours")


def asked_of(station: RealStation, question: str) -> int:
    """A number from the database."""
    connection = sqlite3.connect(f"file:{station.database}?mode=ro", uri=True)
    try:
        return int(connection.execute(question).fetchone()[0] or 0)
    finally:
        connection.close()


def load() -> str:
    """What else goes on here: processes that want a processor, over one, five and fifteen minutes."""
    return f"{' '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} processors"


def say(*lines: str) -> None:
    """Print at once, for whoever follows a long run."""
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
