"""The real gpsd: a track of an hour replayed by gpsfake, as it was and with every kind of fault; and gpsd killed."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import pty
import random
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

from edge_daemon.checks.position import try_position
from edge_daemon.clock.time_source import SystemTime
from edge_daemon.clock.utc import nanoseconds
from edge_daemon.config import Config
from edge_daemon.config.position import PositionSection
from edge_daemon.position.gpsd import request
from edge_daemon.position.line_source import GpsdSocket, PositionError
from edge_daemon.position.receiver import PositionReceiver
from edge_daemon.position.sphere import distance_m

pytestmark = [
    pytest.mark.long,  # gpsd's search for a speed, and its pace, take tens of seconds
    pytest.mark.skipif(
        shutil.which("gpsd") is None or shutil.which("gpsfake") is None,
        reason="needs gpsd and gpsfake (apt-get install gpsd gpsd-clients)",
    ),
]
S = 10**9
T0 = 1_800_000_000  # 2027-01-15
EVERY_S = 5
FASTEST_M_S = 3.0


def place(second: float) -> tuple[float, float]:
    """A drift in a circle of 1.1 km, 1.9 m/s."""
    return 42 + 0.01 * math.sin(second / 600), -70 + 0.01 * math.cos(second / 600) / math.cos(math.radians(42))


def sentences(at: datetime, where: tuple[float, float], status: str = "A") -> str:
    """RMC and GGA of one fix."""

    def minutes(degrees: float, width: int) -> str:
        whole, part = divmod(abs(degrees), 1)
        return f"{int(whole):0{width}d}{part * 60:08.5f}"

    moment = f"{at:%H%M%S}.{at.microsecond // 10_000:02d}"
    north = f"{minutes(where[0], 2)},{'N' if where[0] >= 0 else 'S'}"
    east = f"{minutes(where[1], 3)},{'E' if where[1] >= 0 else 'W'}"
    quality = 1 if status == "A" else 0
    bodies = (
        f"GPRMC,{moment},{status},{north},{east},1.9,000.0,{at:%d%m%y},,,{'A' if status == 'A' else 'N'}",
        f"GPGGA,{moment},{north},{east},{quality},08,0.9,0.0,M,0.0,M,,",
    )
    return "".join(f"${body}*{reduce(xor, body.encode()):02X}\r\n" for body in bodies)


def told(second: int) -> str:
    return sentences(datetime.fromtimestamp(T0 + second, UTC), place(second))


def faulty(rng: random.Random) -> Iterator[str]:
    """The hour, with single jumps, minutes elsewhere, no fix, 0/0, dates of 1980 and 2038, and a frozen receiver."""
    for second in range(0, 3600, EVERY_S):
        at, where = datetime.fromtimestamp(T0 + second, UTC), place(second)
        minute = second // 60
        if minute in (10, 40):  # a whole minute elsewhere
            yield sentences(at, (where[0] + 0.5, where[1]))
        elif minute in (15, 45):
            yield sentences(at, where, "V")
        elif minute == 20:
            yield sentences(at, (0.0, 0.0))
        elif minute == 25:
            yield sentences(at.replace(year=1980), where)
        elif minute == 30:
            yield sentences(at.replace(year=2038), where)
        elif minute == 35:
            yield told(35 * 60)
        elif rng.random() < 0.05:
            yield sentences(at, (where[0] + rng.choice((-1, 1)) * 10 ** rng.uniform(-2, 1), where[1]))
        else:
            yield told(second)


class ReplayedTime:
    """A world whose time is that of the track: it is as late as the newest fix that has come."""

    def __init__(self) -> None:
        self.second = 0.0

    def utc_ns(self) -> int:
        return round((T0 + self.second) * S)

    def monotonic_ns(self) -> int:
        return round((1000 + self.second) * S)


class ReplayedLines(GpsdSocket):
    """gpsd, whose fixes move the world's time, unless they are of another world."""

    def __init__(self, port: int, clock: ReplayedTime) -> None:
        super().__init__(port, request(None))
        self._clock = clock

    def read(self, most: int, timeout_s: float) -> bytes | None:
        data = super().read(most, timeout_s)
        for line in (data or b"").split(b"\n"):
            with contextlib.suppress(ValueError, KeyError):
                second = nanoseconds(datetime.fromisoformat(json.loads(line)["time"])) / S - T0
                if self._clock.second < second < 3600:  # the first may be any: gpsd plays before it is asked
                    self._clock.second = second
        return data


@pytest.fixture
def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def replay(log: Path, port: int, look: Callable[[PositionReceiver, float], None]) -> PositionReceiver:
    """Play a log through gpsfake and gpsd to a receiver, and look after each turn."""
    clock = ReplayedTime()
    section = PositionSection(source="gpsd", gpsd_port=port, max_speed_m_s=FASTEST_M_S)
    lines = ReplayedLines(port, clock)
    receiver = PositionReceiver(section, lines, clock, lambda: True, random.Random(0))
    fake = subprocess.Popen(
        ["gpsfake", "-1", "-q", "-c", "0.003", "-P", str(port), str(log)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    try:
        while True:
            assert time.monotonic() < end, "gpsfake has not come to its end"
            try:
                lines.open()
                break
            except PositionError:
                time.sleep(0.05)
        receiver._open = True
        while receiver._open and time.monotonic() < end:
            receiver.turn()
            look(receiver, clock.second)
            if fake.poll() is not None or clock.second >= 3590:
                break
    finally:
        lines.close()
        fake.terminate()
        fake.wait(10)
    return receiver


@pytest.mark.parametrize("kind", ["as it was", "with faults"])
def test_an_hour_of_track(kind: str, free_port: int, tmp_path: Path) -> None:
    """At each moment the position is off by no more than is promised, or it is not known."""
    log = tmp_path / "track.nmea"
    fixes = (told(second) for second in range(0, 3600, EVERY_S)) if kind == "as it was" else faulty(random.Random(7))
    log.write_text("".join(fixes))
    errors: list[float] = []
    looked = [0.0]

    def look(receiver: PositionReceiver, second: float) -> None:
        for moment in itertools.takewhile(lambda moment: moment <= second, itertools.count(looked[0], 0.7)):
            looked[0] = moment + 0.7
            # a call is told of some seconds after it was: the fix behind it has come
            called = moment - 6
            position = receiver.at(round((1000 + called) * S))
            if position is None:
                continue
            assert position.fix is not None
            off_m = distance_m((position.latitude, position.longitude), place(called))
            assert off_m <= 2 * FASTEST_M_S * position.fix.age_s + 0.5, (called, position)
            errors.append(off_m)

    receiver = replay(log, free_port, look)
    assert receiver.report().fixes > 400
    assert len(errors) > 2000
    assert statistics.median(errors) < 0.5  # between fixes of a turning device
    if kind == "as it was":
        assert max(errors[50:]) < 0.5  # the first are from before the first fix: it stands for half a minute
        assert set(receiver.report().refused) <= {"confirming", "date"}
    else:
        assert {"jump", "zero"} <= set(receiver.report().refused)


def test_a_receiver_unplugged_and_gpsd_killed_and_back(free_port: int) -> None:
    section = PositionSection(source="gpsd", gpsd_port=free_port, max_age_s=1.5)
    receiver = PositionReceiver(section, None, SystemTime(), lambda: True, random.Random(0))
    wrong: list[object] = []

    def until(*states: str) -> None:
        end = time.monotonic() + 60
        while receiver.report().state not in states:
            assert time.monotonic() < end, receiver.report()
            found = receiver.report().place
            if found is not None and distance_m((found.latitude, found.longitude), (42.0, -70.0)) > 10:
                wrong.append(found)
            time.sleep(0.02)

    receiver.start()
    try:
        for _ in range(2):
            master, slave = pty.openpty()
            Path(os.ttyname(slave)).chmod(0o666)  # gpsd gives up root
            os.set_blocking(master, False)
            unplugged = threading.Event()

            def feed(master: int = master, unplugged: threading.Event = unplugged) -> None:
                while not unplugged.is_set():
                    with contextlib.suppress(BlockingIOError):
                        os.write(master, sentences(datetime.now(UTC), (42.0, -70.0)).encode())
                    time.sleep(0.2)

            feeder = threading.Thread(target=feed)
            gpsd = subprocess.Popen(
                ["gpsd", "-N", "-n", "-S", str(free_port), os.ttyname(slave)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            feeder.start()
            try:
                until("fix")
                verdict = try_position(Config(position=section))
                assert verdict.state == "ok"
                assert "42.00000 -70.00000" in verdict.text
                unplugged.set()
                feeder.join(5)
                os.close(slave)
                os.close(master)
                until("no_fix", "silent", "unplugged")  # not every gpsd says that a receiver has gone
                assert receiver.report().place is None
            finally:
                unplugged.set()
                gpsd.kill()
                gpsd.wait(10)
            until("absent")
            assert receiver.report().place is None
    finally:
        receiver.stop()
    assert not wrong
