"""The daemon's socket for the page: tells while somebody looks, never waits, and minds nothing that comes."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from edge_daemon.live.page_feed import BUFFER_BYTES, MOST_VIEWERS, PATIENCE_S
from tests.edge_daemon.live.conftest import SAMPLE, Buoy


class Onlooker:
    """Somebody at the socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise

    def told(self) -> list[dict[str, Any]]:
        """All that has come; ends with {} where the daemon has closed."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                packet = self.socket.recv(1 << 20)
            except BlockingIOError:
                return found
            found.append(json.loads(packet) if packet else {})
            if not packet:
                return found


@pytest.fixture
def looks(tmp_path: Path) -> Iterator[Callable[[], Onlooker]]:
    made: list[Onlooker] = []

    def look() -> Onlooker:
        made.append(Onlooker(tmp_path / "page.sock"))
        return made[-1]

    yield look
    for one in made:
        one.socket.close()


@pytest.fixture
def buoy(tmp_path: Path) -> Iterator[Buoy]:
    made = Buoy(tmp_path, page={"enabled": True, "socket": str(tmp_path / "page.sock")})
    yield made
    made.abandon()


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [one["kind"] for one in told]


def test_nobody_looks_and_nothing_is_made(buoy: Buoy, tmp_path: Path) -> None:
    buoy.until(5)
    page = buoy.daemon.components.page
    assert page is not None
    assert not page.watched
    assert page._waterfall._count == 0
    assert stat.S_IMODE((tmp_path / "page.sock").stat().st_mode) == 0o600


def test_who_looks_is_told_of_levels_sound_health_and_detections(
    buoy: Buoy, tmp_path: Path, looks: Callable[[], Onlooker]
) -> None:
    sound, _ = soundfile.read(SAMPLE, dtype="float32")
    buoy.until(2)
    onlooker = looks()
    buoy.play(sound)
    told = []
    for second in range(3, 45):
        buoy.until(second)
        told += onlooker.told()
    assert kinds(told)[0] == "hello"
    assert kinds(told)[1:3] == ["health", "state"]
    rows = told[0]["columns"]["rows"]
    pieces = [one for one in told if one["kind"] == "sound"]
    assert len(pieces) >= 80
    assert {len(base64.b64decode(one["columns"])) % rows for one in pieces} == {0}
    moments = [one["at"] for one in pieces]
    assert max(late - early for early, late in itertools.pairwise(moments)) == pytest.approx(0.5, abs=1e-3)
    assert max(one["peak"] for one in pieces) > -40
    found = [one for one in told if one["kind"] == "detection"]
    assert [one["document"] for one in found] == buoy.detections()
    assert {one["picture"]["id"] == one["document"]["id"] for one in found if one["picture"]} == {True}
    state = [one for one in told if one["kind"] == "state"][-1]
    assert state["phase"] == "listening"
    assert "listening to" in state["status"]
    buoy.finish()
    assert onlooker.told()[-1:] == [{}]
    assert not (tmp_path / "page.sock").exists()


def test_pictures_are_kept_for_the_page_but_not_sent(tmp_path: Path) -> None:
    from edge_daemon.history.table import HistoryFilter

    sound, _ = soundfile.read(SAMPLE, dtype="float32")
    buoy = Buoy(tmp_path, page={"enabled": True, "socket": str(tmp_path / "page.sock")})
    buoy.play(sound)
    buoy.until(45)
    history = buoy.daemon.components.history
    found = history.entries(HistoryFilter())
    pictures = history.entries(HistoryFilter("thumbnail"))
    assert pictures
    assert {one.id.removeprefix("thumbnail-") for one in pictures} <= {one.id for one in found}
    assert "thumbnail" not in {one.kind for one in buoy.daemon.components.outbox.take(1000, "oldest_first")}
    buoy.daemon.components.outbox.release()
    buoy.finish()


def test_who_does_not_read_loses_it_and_then_the_connection(
    buoy: Buoy, tmp_path: Path, looks: Callable[[], Onlooker]
) -> None:
    buoy.until(1)
    hanging, reading = looks(), looks()
    page = buoy.daemon.components.page
    assert page is not None
    buoy.until(3)
    second = 3.0
    while not page.dropped:
        second += 1
        buoy.until(second)
        reading.told()
        assert second < 600
    for _ in range(round(PATIENCE_S) + 3):
        second += 1
        buoy.until(second)
        reading.told()
    lost = page.dropped
    assert 20 < lost < 40  # three messages a second
    buoy.until(second + 7)
    assert page.dropped == lost  # it is no longer among those who look
    assert page.watched
    assert reading.told()[-1]["kind"] in ("state", "sound")
    left = hanging.told()
    assert left[-1] == {}
    assert sum(len(json.dumps(one)) for one in left) < 8 * BUFFER_BYTES
    assert buoy.effort().lost_s == 0


def test_a_fault_of_the_picture_does_not_close_the_ear(
    buoy: Buoy, looks: Callable[[], Onlooker], caplog: pytest.LogCaptureFixture
) -> None:
    page = buoy.daemon.components.page
    assert page is not None
    buoy.until(1)
    looks()
    buoy.until(2)
    page._waterfall._need = None  # type: ignore[assignment]
    buoy.until(10)
    assert buoy.effort().lost_s == 0
    assert buoy.effort().listened_s > 6
    told = [record.message for record in caplog.records].count("the page cannot be told what is heard")
    assert 1 <= told <= 7  # of some eighty: the first, the second, the fourth …
    assert len(page._waterfall._held) <= 1


def test_garbage_and_a_crowd_change_nothing(buoy: Buoy, tmp_path: Path, looks: Callable[[], Onlooker]) -> None:
    buoy.until(1)
    crowd = []
    for number in range(50):
        try:
            crowd.append(looks())
        except BlockingIOError:  # more than can wait
            buoy.until(2 + number * 0.1)
    for one in crowd:
        try:
            one.socket.send(b"\xff\x00{" * 1000)
        except OSError:  # turned away already
            continue
    buoy.until(12)
    answers = [one.told() for one in crowd]
    assert sum(told[-1] != {} for told in answers) == MOST_VIEWERS
    for one in crowd:
        one.socket.close()
    buoy.until(14)
    page = buoy.daemon.components.page
    assert page is not None
    assert not page.watched
    assert buoy.effort().lost_s == 0


def test_a_socket_that_was_left_is_replaced_and_one_in_use_is_told(tmp_path: Path) -> None:
    path = tmp_path / "page.sock"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.bind(str(path))
    left.close()
    first = Buoy(tmp_path / "first", page={"enabled": True, "socket": str(path)})
    first.until(2)
    assert first.daemon.components.page is not None
    assert first.daemon.components.page.problem == ""
    second = Buoy(tmp_path / "second", page={"enabled": True, "socket": str(path)})
    second.until(2)
    assert "another daemon listens there" in " ".join(second.daemon.health.document().reasons)
    second.finish()
    assert path.exists()
    Onlooker(path).socket.close()
    first.finish()


def test_a_file_in_the_sockets_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "page.sock"
    path.write_text("mine")
    buoy = Buoy(tmp_path / "state", page={"enabled": True, "socket": str(path)})
    buoy.until(2)
    assert "no socket" in " ".join(buoy.daemon.health.document().reasons)
    buoy.finish()
    assert path.read_text() == "mine"
