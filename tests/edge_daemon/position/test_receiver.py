"""The receiver against somebody in gpsd's place: whatever comes or does not, nothing wrong is known, all is bounded."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_daemon.clock.utc import utc_text
from edge_daemon.config.position import PositionSection
from edge_daemon.position.line_source import GpsdSocket, PositionError, SerialLines
from edge_daemon.position.position import Position
from edge_daemon.position.receiver import BYTES_PER_S, SILENT_S, PositionReceiver
from edge_daemon.testing.machine import ManualTime

S = 10**9
T0 = 1_800_000_000 * S


def tpv(utc_ns: int, latitude: float = 42.35, longitude: float = -70.25, **other: object) -> bytes:
    said = {"class": "TPV", "mode": 3, "time": utc_text(utc_ns), "lat": latitude, "lon": longitude, "eph": 4.0} | other
    return json.dumps(said).encode() + b"\n"


class ScriptedLines:
    """A source that sends what is put into it."""

    name = "a script"

    def __init__(self) -> None:
        self.waiting: list[bytes | PositionError | None] = []
        self.refuses: PositionError | None = None
        self.openings = 0

    def open(self) -> None:
        self.openings += 1
        if self.refuses is not None:
            raise self.refuses

    def read(self, most: int, timeout_s: float) -> bytes | None:  # noqa: ARG002 as the protocol has it
        said = self.waiting.pop(0) if self.waiting else None
        if isinstance(said, PositionError):
            raise said
        return said

    def close(self) -> None:
        """Nothing to give back."""


class Ship:
    """A receiver in simulated time, whose source is a script."""

    def __init__(self) -> None:
        self.time, self.lines, self.believed = ManualTime(T0), ScriptedLines(), True
        section = PositionSection(source="gpsd")
        self.receiver = PositionReceiver(section, self.lines, self.time, lambda: self.believed, random.Random(0))
        self.receiver._ended.set()  # its waits return at once: one thread drives all
        self.receiver.turn()

    def hears(self, *said: bytes | PositionError | None) -> None:
        self.lines.waiting += said
        for _ in said:
            self.receiver.turn()

    def sails(self, seconds: int, **other: object) -> None:
        """A good fix each second."""
        for _ in range(seconds):
            self.time.advance(1.0)
            self.hears(tpv(self.time.utc_ns(), **other))  # type: ignore[arg-type]

    @property
    def place(self) -> Position | None:
        return self.receiver.at(self.time.monotonic_ns())

    @property
    def told(self) -> tuple[str, str]:
        report = self.receiver.report()
        return report.state, report.reason


def test_a_good_receiver() -> None:
    ship = Ship()
    assert ship.told[0] == "silent"
    ship.sails(5)
    assert ship.place is not None
    assert (ship.place.latitude, ship.place.longitude) == (42.35, -70.25)
    report = ship.receiver.report()
    assert (report.state, report.reason, report.fixes, report.refused) == ("fix", "", 3, {"confirming": 2})
    assert report.place == ship.place


@pytest.mark.parametrize(
    ("said", "state", "word"),
    [
        (lambda ns: tpv(ns, mode=1), "no_fix", "no fix"),
        (lambda _: b'{"class":"DEVICE","path":"/dev/ttyUSB0","activated":0}\n', "unplugged", "unplugged"),
        (lambda ns: tpv(ns, 0.0, 0.0), "implausible", "0° N 0° E"),
        (lambda ns: tpv(ns, 43.35), "implausible", "jumped by 111,"),
        (lambda ns: tpv(ns - 620_000_000 * S), "implausible", "days off the clock"),
        (lambda _: tpv(T0 + 5 * S), "implausible", "repeats"),
        (lambda _: b"hello\n", "implausible", "cannot be read"),
        (lambda _: None, "silent", "has said nothing of the position for"),
    ],
)
def test_a_receiver_that_fails_says_why_and_no_old_place_is_told(
    said: Callable[[int], bytes | None], state: str, word: str
) -> None:
    ship = Ship()
    ship.sails(5)
    for second in range(60):
        ship.time.advance(1.0)
        ship.hears(said(ship.time.utc_ns()))
        assert (ship.place is None) == (second >= 30)
    assert ship.told[0] == state
    assert word in ship.told[1]
    assert ship.receiver.report().place is None
    ship.sails(3)
    assert ship.told == ("fix", "")


def test_gpsd_killed_and_back() -> None:
    ship = Ship()
    ship.sails(5)
    ship.lines.refuses = PositionError("gpsd does not answer.")
    ship.hears(b"")
    for _ in range(600):
        ship.time.advance(1.0)
        ship.receiver.turn()
    assert ship.told == ("absent", "gpsd does not answer")
    assert ship.place is None
    assert 15 < ship.lines.openings < 45  # every half a minute, in the end
    ship.lines.refuses = None
    ship.time.advance(30.0)
    ship.receiver.turn()
    ship.sails(3)
    assert ship.told == ("fix", "")
    assert ship.receiver.report().openings == 2


def test_one_that_closes_at_once_is_not_besieged() -> None:
    ship = Ship()
    for _ in range(3600):
        ship.time.advance(1.0)
        ship.hears(b"")
    assert ship.lines.openings < 240


def test_what_was_begun_does_not_survive_a_connection() -> None:
    """Half a line of the old connection and half a line of the new one make no position."""
    ship = Ship()
    ship.sails(5)
    line = tpv(ship.time.utc_ns() + S, 42.3501)
    ship.hears(line[:40], b"")
    ship.time.advance(2.0)
    ship.receiver.turn()
    ship.hears(line[40:])
    assert ship.receiver.report().fixes == 3


def test_an_error_of_our_own_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ship = Ship()
    ship.receiver._ended.clear()
    times = []

    def fail() -> None:
        times.append(1)
        if len(times) > 3:
            ship.receiver.stop()
        raise RuntimeError("a defect")

    monkeypatch.setattr(ship.receiver, "turn", fail)
    ship.receiver._run()
    assert len(times) == 4
    assert ship.told == ("absent", "reading the position failed: RuntimeError")


# in gpsd's place, over a real socket


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening


def receiver_of(port: int) -> PositionReceiver:
    from edge_daemon.clock.time_source import SystemTime

    section = PositionSection(source="gpsd", gpsd_port=port)
    return PositionReceiver(section, None, SystemTime(), lambda: True, random.Random(0))


@pytest.mark.slow
def test_a_flood_is_read_slowly(server: socket.socket) -> None:
    """Whoever fills the socket as fast as it goes makes no more work than a bound allows."""
    ended = threading.Event()
    sent = []

    def flood() -> None:
        connection, _ = server.accept()
        chunk = tpv(time.time_ns(), 0.0, 0.0) * 500
        while not ended.is_set():
            try:
                sent.append(connection.send(chunk))
            except OSError:
                return
        connection.close()

    thread = threading.Thread(target=flood)
    thread.start()
    receiver = receiver_of(server.getsockname()[1])
    receiver.start()
    begin_s = time.monotonic()
    time.sleep(1.5)
    read = sum(receiver.report().refused.values()) * len(tpv(0, 0.0, 0.0))
    elapsed_s = time.monotonic() - begin_s
    receiver.stop()
    ended.set()
    assert 0 < read < 1.2 * BYTES_PER_S * elapsed_s + 32_768
    assert receiver.report().place is None
    receiver._thread.join(5)  # type: ignore[union-attr]
    assert not receiver._thread.is_alive()  # type: ignore[union-attr]
    thread.join(5)
    assert not thread.is_alive()


def test_who_says_nothing_is_told(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_daemon.position.receiver.TICK_S", 0.01)
    receiver = receiver_of(server.getsockname()[1])
    for _ in range(5):
        receiver.turn()
    receiver._word_ns -= round((SILENT_S + 1) * S)
    report = receiver.report()
    assert report.state == "silent"
    assert "has said nothing of the position for 16 s" in report.reason
    receiver._source.close()


def test_who_closes_at_once(server: socket.socket) -> None:
    receiver = receiver_of(server.getsockname()[1])
    receiver.turn()
    server.accept()[0].close()
    receiver.turn()
    assert receiver.report().state == "absent"


def test_nobody_is_there(server: socket.socket) -> None:
    port = server.getsockname()[1]
    server.close()
    with pytest.raises(PositionError, match=f"gpsd at 127.0.0.1:{port} does not answer: Connection refused"):
        GpsdSocket(port, b"").open()


# serial devices and pipes


def test_a_serial_device_is_set_and_read() -> None:
    master, slave = pty.openpty()
    lines = SerialLines(Path(os.ttyname(slave)), 4800)
    lines.open()
    os.write(master, b"$GPRMC\r\n")
    assert lines.read(100, 1.0) == b"$GPRMC\r\n"  # raw: nothing is turned into something else
    assert lines.read(100, 0.01) is None
    os.close(master)
    os.close(slave)
    with contextlib.suppress(PositionError):  # the kernel may call it an error, or an end
        assert lines.read(100, 1.0) == b""
    lines.close()


def test_a_named_pipe_may_have_its_writer_later(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gps")
    lines = SerialLines(tmp_path / "gps", 4800)
    lines.open()
    assert lines.read(100, 0.01) is None
    with (tmp_path / "gps").open("wb", buffering=0) as writer:
        writer.write(b"$GPRMC\n")
        assert lines.read(100, 1.0) == b"$GPRMC\n"
    assert lines.read(100, 1.0) == b""
    lines.close()


@pytest.mark.parametrize("kind", ["file", "folder", "nothing"])
def test_what_is_no_device_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "gps"
    if kind == "file":
        path.write_bytes(b"$GPRMC\n" * 1000)
    elif kind == "folder":
        path.mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(PositionError, match="gps'"):
        SerialLines(path, 4800).open()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
