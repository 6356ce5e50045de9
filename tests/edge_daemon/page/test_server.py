"""What the page answers, to whom, and what it refuses."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge_daemon.config import Config
from edge_daemon.effort.table import SCHEMA as EFFORT
from edge_daemon.history.table import SCHEMA as HISTORY
from edge_daemon.page.launch import page_settings
from edge_daemon.page.pages import ASSETS, PAGES
from edge_daemon.page.server import MOST_CONNECTIONS
from edge_daemon.page.sessions import PageSecret, PageSessions
from edge_daemon.page.settings import PageSettings
from edge_daemon.presence.periods import PresenceRule
from tests.edge_daemon.page.conftest import DEVICE, Page
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, thumbnail

MakePage = Callable[..., Page]
SECRET = "whales at dawn"  # noqa: S105 - of these tests
HEAVY = {"numpy", "pydantic", "click", "asyncio", "ssl", "logging", "yaml", "rich", "onnxruntime", "_hashlib"}


def write(folder: Path, hours: int = 3) -> int:
    """A history and a ledger of some whole hours before now, with two calls an hour; returns now."""
    now = time.time_ns()
    hour = now // HOUR_NS * HOUR_NS
    with closing(sqlite3.connect(folder / "history.db")) as connection:
        connection.executescript(HISTORY)
        for number in range(2 * hours):
            at = hour - (number // 2 + 1) * HOUR_NS + (number % 2 + 1) * 60 * 10**9
            found = detection(DEVICE, number, at)
            picture = thumbnail(found)
            for name, kind, document in (
                (found["id"], "detection", found),
                ("thumbnail-" + found["id"], "thumbnail", picture),
            ):
                row = (name, kind, at, at + 10**9, "synchronised", json.dumps(document), 0.9, 1, None, 0)
                connection.execute("INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        for number in range(hours):
            told = {"state": "ok", "reasons": [], "level_dbfs": -40.0 - number, "ambient_db": None}
            at = now - number * HOUR_NS
            row = (f"health-{number}", "health", at, at, "synchronised", json.dumps(told), None, 0, None, 0)
            connection.execute("INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    with closing(sqlite3.connect(folder / "effort.db")) as connection:
        connection.executescript(EFFORT)
        for number in range(hours):
            begin = hour - (number + 1) * HOUR_NS
            spans = [(None, begin, begin + HOUR_NS // 2), ("xrun", begin + HOUR_NS // 2, begin + HOUR_NS // 2 + 10**9)]
            for place, (cause, since, until) in enumerate(spans):
                row = (1, 2 * number + place, cause, since, until)
                connection.execute("INSERT INTO span VALUES (?, ?, 0, 0, ?, ?, ?, 'synchronised')", row)
        connection.commit()
    return now


def test_cards_come_newest_first_with_their_pictures(make_page: MakePage, tmp_path: Path) -> None:
    write(tmp_path)
    status, text, _ = make_page().ask("/api/detections")
    cards = json.loads(text)["detections"]
    assert status == 200
    assert len(cards) == 6
    assert [card["at"] for card in cards] == sorted((card["at"] for card in cards), reverse=True)
    assert all(card["picture"]["columns"] > 1 for card in cards)
    assert len({card["number"] for card in cards}) == 6
    assert max(card["number"] for card in cards) < 2**53


def test_hours_are_judged_by_the_rule(make_page: MakePage, tmp_path: Path) -> None:
    now = write(tmp_path)
    told = json.loads(make_page().ask(f"/api/presence/{DEVICE}?days=7")[1])
    assert told["hours"] == [[now // HOUR_NS - back, 2, 0, 0.5, "POSSIBLY_DETECTED"] for back in (3, 2, 1)]


def test_a_span_over_days_is_shared_out_among_their_hours(make_page: MakePage, tmp_path: Path) -> None:
    now = write(tmp_path, hours=0)
    midnight = now // (24 * HOUR_NS) * 24 * HOUR_NS
    begin, end = midnight - 30 * HOUR_NS - HOUR_NS // 4, midnight - HOUR_NS // 2
    with closing(sqlite3.connect(tmp_path / "effort.db")) as connection:
        for number, (since, until) in enumerate([(begin, end), (end, end + 1), (begin, begin - 5)]):
            row = (2, number, since, until)
            connection.execute("INSERT INTO span VALUES (?, ?, 0, 0, NULL, ?, ?, 'synchronised')", row)
        connection.commit()
    told = json.loads(make_page().ask(f"/api/presence/{DEVICE}?days=3")[1])["hours"]
    assert [hour for hour, *_ in told] == list(range(midnight // HOUR_NS - 31, midnight // HOUR_NS))
    assert [share for *_, share, _ in told] == [0.25, *[1.0] * 29, 0.5]
    assert {result for *_, result in told[1:]} == {"NOT_DETECTED"}
    assert told[0][-1] == "NOT_AVAILABLE"


def test_the_device_over_time_without_its_daemon(make_page: MakePage, tmp_path: Path) -> None:
    write(tmp_path)
    told = json.loads(make_page().ask(f"/api/devices/{DEVICE}?days=31")[1])
    assert told["word"] == "offline"
    assert told["reasons"] == ["the daemon does not answer"]
    assert [level for _, level, _ in told["levels"]] == [-42.0, -41.0, -40.0]
    assert told["gaps"] == [["xrun", 3.0, 3]]
    assert [spell["state"] for spell in told["spells"]] == ["ok"]


def test_a_board_without_a_history_yet_is_empty(make_page: MakePage) -> None:
    page = make_page()
    assert json.loads(page.ask("/api/detections")[1])["detections"] == []
    assert json.loads(page.ask(f"/api/presence/{DEVICE}")[1])["hours"] == []


def test_a_damaged_history_is_told(make_page: MakePage, tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database at all" * 100)
    for path in ("/api/detections", f"/api/presence/{DEVICE}", f"/api/devices/{DEVICE}"):
        status, text, _ = make_page().ask(path)
        assert status == 503
        assert "cannot be read" in json.loads(text)["problem"]


def test_every_page_and_asset_is_served_with_the_headers(make_page: MakePage) -> None:
    page = make_page()
    for path in [*PAGES, *ASSETS]:
        status, text, headers = page.ask(path)
        assert status == 200
        assert text
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    tag = headers["ETag"]
    assert page.ask(path, If_None_Match=tag)[0] == 304
    assert page.ask(path, "HEAD")[:2] == (200, "")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/shared/../../settings.py", "/shared/%2e%2e/gate.py", "/assets/", "/api/devices/other"],
)
def test_there_is_nothing_else(make_page: MakePage, path: str) -> None:
    assert make_page().ask(path)[0] == 404


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\n\r\n", 421),
        (b"BREW /live HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        (b"GET /live HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
        (b"\xff\xfe\x00\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 300 + b"\r\n", 431),
        (b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 413),
        (b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
        (b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\nContent-Length: 0\r\n\r\n", 403),
    ],
)
def test_what_no_browser_of_ours_sends_is_refused(make_page: MakePage, sent: bytes, status: int) -> None:
    page = make_page()
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as connection:
        connection.sendall(sent)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := connection.recv(65536)):
            answer += more
    assert f" {status} ".encode() in answer.splitlines()[0] + b" "
    assert b"Content-Security-Policy" in answer
    assert page.ask("/live")[0] == 200


@pytest.mark.slow
def test_more_connections_than_there_are_places_are_ended(make_page: MakePage) -> None:
    page = make_page()
    crowd = [socket.create_connection(("127.0.0.1", page.port), timeout=20) for _ in range(MOST_CONNECTIONS + 20)]
    ended = [one for one in crowd[-20:] if one.recv(1) == b""]
    assert len(ended) == 20
    for one in crowd:
        one.close()
    deadline = time.monotonic() + 20
    while page.server._places._value < MOST_CONNECTIONS:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert page.ask("/live")[0] == 200


def test_who_has_not_logged_in_sees_nothing(make_page: MakePage, tmp_path: Path) -> None:
    write(tmp_path)
    page = make_page(SECRET)
    for path in ("/", *PAGES):
        status, text, headers = page.ask(path)
        assert (status, text) == (303, "")
        assert headers["Location"] == f"/login?next={path}"
    for path in ("/api/detections", f"/api/devices/{DEVICE}", f"/api/presence/{DEVICE}", "/input", "/events", "/no"):
        assert page.ask(path)[0] == 401
    assert DEVICE in page.ask("/login")[1]
    assert page.ask("/live", Cookie="board=1.2.3")[0] == 303
    assert page.ask("/live", Cookie="board=\xff; =;;")[0] == 303


def test_the_right_password_opens_and_logging_out_closes(make_page: MakePage) -> None:
    page = make_page(SECRET)
    status, text, _ = page.ask("/login", "POST", "password=wrong+one+here&next=/device")
    assert status == 403
    assert 'value="/device"' in text
    status, _, headers = page.ask("/login", "POST", "password=whales+at+dawn&next=/device")
    assert (status, headers["Location"]) == (303, "/device")
    assert "HttpOnly; SameSite=Lax" in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert page.ask("/device", Cookie=cookie)[0] == 200
    assert page.ask("/login", "POST", "password=whales+at+dawn&next=//evil.example")[2]["Location"] == "/live"
    assert "Max-Age=0" in page.ask("/logout", "POST", "")[2]["Set-Cookie"]


def test_guessing_is_slow(make_page: MakePage) -> None:
    page = make_page(SECRET)
    answers = [page.ask("/login", "POST", f"password=guess+number+{number}")[0] for number in range(12)]
    assert answers == [403] * 10 + [429] * 2
    assert page.ask("/login", "POST", "password=whales+at+dawn")[0] == 429


def test_a_session_ends_and_no_other_password_makes_one() -> None:
    sessions = PageSessions(PageSecret.of(SECRET), 100.0)
    token = sessions.log_in(SECRET, 1000.0)
    assert token is not None
    assert sessions.log_in("something else", 1000.0) is None
    assert sessions.knows(token, 1000.0)
    assert sessions.knows(token, 1099.0)
    assert not sessions.knows(token, 1101.0)
    assert not sessions.knows(token, 0.0)  # a clock that was set back by far makes no session eternal
    assert PageSessions(PageSecret.of(SECRET), 100.0).knows(token, 1000.0)  # the page has started anew
    assert not PageSessions(PageSecret.of("another password"), 100.0).knows(token, 1000.0)
    until, _, rest = token.partition(".")
    assert not sessions.knows(f"{int(until) + 50}.{rest}", 1050.0)
    for wrong in ("", ".", "..", token[:-1], f"{token}0", "é.é.é"):
        assert not sessions.knows(wrong, 1000.0)


def test_the_pages_process_loads_nothing_heavy() -> None:
    program = (
        "import runpy, sys\nsys.argv = ['page']\n"
        "try: runpy.run_module('edge_daemon.page', run_name='__main__')\n"
        "except ValueError: print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "edge_daemon.page.server" in loaded
    # these two are names without a module
    assert {name.partition(".")[0] for name in loaded} & HEAVY == {"ssl", "_hashlib"}


def test_settings_come_over_whole() -> None:
    rule = PresenceRule(0.5, 0.25, 3, 10)
    for secret in (None, PageSecret.of(SECRET)):
        settings = PageSettings("b", "/f", "/s", ("a", "b"), secret, 10.0, rule)
        assert PageSettings.from_json(settings.to_json()) == settings
        assert SECRET not in settings.to_json()


def test_the_board_answers_to_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Buoy-01")
    config = Config.model_validate({"page": {"hosts": ["[::1]", "Whale.example"]}, "storage": {"folder": tmp_path}})
    settings = page_settings(config, {})
    assert settings.hosts == ("::1", "whale.example", "buoy-01", "buoy-01.local")
    assert settings.secret is None
    assert settings.folder == str(tmp_path)
