"""The pages of a real board in a real browser, beside a real daemon that hears calls: nothing goes wrong, nothing is
fetched from elsewhere, and it comes back by itself."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.effort.listened import heard_spans, missed_by_cause, open_spans
from edge_daemon.history.table import SCHEMA as HISTORY
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection
from tests.integration.browser import Browser
from tests.integration.page.conftest import DEVICE, RealBoard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PAGES = ("live", "presence", "device")
SCRIPT = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\"'></script>{{7*7}}"
PASSWORD = "whales at dawn"  # noqa: S105 - of this test
ENTRY = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass
class Technician:
    """Somebody with a phone beside the board."""

    browser: Browser
    board: RealBoard

    def open(self, page: str) -> None:
        self.browser.open(f"{self.board.url}/{page}")

    def nothing_went_wrong(self) -> None:
        errors = [error for error in self.browser.errors if "NavigationEntryMarkedSkippable" not in error]
        assert errors == []
        assert [url for url in self.browser.requests if not url.startswith(f"{self.board.url}/")] == []


@pytest.fixture
def technician(make_board: Callable[..., RealBoard], page_browser: Browser) -> Iterator[Callable[..., Technician]]:
    made: list[Technician] = []

    def make(*, daemon: bool = True, **sections: Any) -> Technician:
        board = make_board(**sections)
        if daemon:
            board.start_daemon()
        board.start_page()
        page_browser.begin()
        made.append(Technician(page_browser, board))
        return made[-1]

    yield make
    for one in made:
        one.nothing_went_wrong()


def drawn(browser: Browser) -> int:
    return int(browser.value("Number(document.getElementById('columns').dataset.drawn ?? 0)"))


def picture(browser: Browser) -> str:
    return str(browser.value("document.getElementById('columns').toDataURL()"))


def test_every_page_on_desktop_and_phone_in_light_and_dark(technician: Callable[..., Technician]) -> None:
    looking = technician()
    browser = looking.browser
    for width, height, phone in ((1280, 900, False), (390, 844, True)):
        for dark in (False, True):
            browser.screen(width, height, phone=phone, dark=dark)
            grounds = {}
            for page in PAGES:
                looking.open(page)
                assert browser.value("document.documentElement.scrollWidth") <= width, page
                assert browser.value("document.querySelectorAll('h1').length") == 1
                assert browser.value("document.querySelector('nav [aria-current]').textContent.toLowerCase()") == page
                unnamed = browser.value(
                    "[...document.querySelectorAll('button, input:not([type=hidden]), select, meter, svg[role=img],"
                    " canvas')].filter(one => !(one.textContent.trim() || one.ariaLabel || one.closest('label')))"
                    ".length"
                )
                assert unnamed == 0, page
                grounds[page] = browser.value("getComputedStyle(document.body).backgroundColor")
            assert set(grounds.values()) == {"rgb(16, 21, 27)" if dark else "rgb(246, 247, 249)"}
    looking.open("device")
    assert "unsynchronised" in browser.value("document.getElementById('figures').textContent")
    browser.until("document.querySelectorAll('#spells tbody tr').length > 0")


def test_the_input_is_seen_and_detections_come(technician: Callable[..., Technician]) -> None:
    looking = technician()
    browser = looking.browser
    browser.screen(390, 844, phone=True)
    looking.open("live")
    browser.until("document.getElementById('doing').textContent.startsWith('listening to')")
    browser.until("/^level −\\d+\\.\\d dB, peak −/.test(document.getElementById('levels').textContent)")
    browser.until("Number(document.getElementById('columns').dataset.drawn) > 8")
    assert browser.value("document.getElementById('columns').height") == 124
    before, columns = picture(browser), drawn(browser)
    browser.until(f"Number(document.getElementById('columns').dataset.drawn) >= {columns + 8}")
    assert picture(browser) != before
    browser.until("document.querySelectorAll('#list .card').length >= 2", 60)
    card = browser.value("document.querySelector('#list .card').textContent")
    assert "score 0." in card
    assert "right whale upcall" in card
    browser.until("!!document.querySelector('#list canvas[aria-label=\"Small spectrogram\"]')")
    assert browser.value("document.querySelectorAll('#list .verdicts, #list .notes').length") == 0
    shown = json.loads(
        browser.value("JSON.stringify([...document.querySelectorAll('#list .card .when')].map(one => one.textContent))")
    )
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) == len(shown)


def test_keys_hold_the_picture_and_reach_every_page(technician: Callable[..., Technician]) -> None:
    looking = technician()
    browser = looking.browser
    looking.open("live")
    browser.until("Number(document.getElementById('columns').dataset.drawn) > 4")
    browser.press("h")
    assert browser.value("document.getElementById('hold').getAttribute('aria-pressed')") == "true"
    held = picture(browser)
    level = browser.value("document.getElementById('levels').textContent")
    browser.until(f"document.getElementById('levels').textContent !== {json.dumps(level)}")
    assert picture(browser) == held
    browser.press("h")
    browser.until(f"document.getElementById('columns').toDataURL() !== {json.dumps(held)}")
    for stop in ("#main", "/live", "/presence"):
        browser.press("Tab")
        assert browser.value("document.activeElement.getAttribute('href')") == stop
    browser.command("Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r", windowsVirtualKeyCode=13)
    browser.until("location.pathname === '/presence' && document.documentElement?.dataset.ready === 'yes'")


def test_nobody_looks_and_the_daemon_has_no_connection(technician: Callable[..., Technician]) -> None:
    looking = technician()
    browser, board = looking.browser, looking.board

    def connections() -> int:
        rows = Path("/proc/net/unix").read_text().splitlines()
        return sum(row.endswith(str(board.socket)) for row in rows)

    def settle(number: int) -> None:
        end = time.monotonic() + 20
        while connections() != number:
            assert time.monotonic() < end, connections()
            time.sleep(0.05)

    looking.open("live")
    browser.until("Number(document.getElementById('columns').dataset.drawn) > 0")
    settle(2)  # what it listens at, and one for all streams
    looking.open("presence")
    settle(1)


def test_it_comes_back_after_page_and_daemon_were_away(technician: Callable[..., Technician]) -> None:
    looking = technician()
    browser, board = looking.browser, looking.board
    looking.open("live")
    browser.until("document.querySelectorAll('#list .card').length >= 1", 60)
    board.end_page(signal.SIGKILL)
    browser.until("document.getElementById('doing').textContent.includes('connection is lost')")
    board.start_page()
    columns = drawn(browser)
    browser.until(f"Number(document.getElementById('columns').dataset.drawn) >= {columns + 4}", 60)
    browser.until("document.getElementById('link').textContent.startsWith('Connected')", 60)
    assert board.end_daemon() == 0
    browser.until("document.getElementById('doing').textContent.includes('daemon does not answer')", 60)
    looking.open("device")
    assert browser.value("document.querySelector('#state .word').textContent") == "offline"
    looking.open("live")
    cards = browser.value("document.querySelectorAll('#list .card').length")
    assert cards >= 1
    board.start_daemon()
    browser.until("Number(document.getElementById('columns').dataset.drawn ?? 0) >= 4", 60)
    browser.until(f"document.querySelectorAll('#list .card').length > {cards}", 60)
    browser.errors.clear()  # of the time without a page


def test_a_killed_daemon_is_found_again(technician: Callable[..., Technician]) -> None:
    looking = technician()
    looking.open("live")
    looking.browser.until("Number(document.getElementById('columns').dataset.drawn) > 0")
    looking.board.end_daemon(signal.SIGKILL)
    assert looking.board.socket.exists()
    looking.browser.until("document.getElementById('doing').textContent.includes('daemon does not answer')", 60)
    looking.board.start_daemon()
    looking.browser.until("document.getElementById('doing').textContent.startsWith('listening to')", 60)


def test_who_has_the_password_may_look(technician: Callable[..., Technician], tmp_path: Path) -> None:
    secret = tmp_path / "page-password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    looking = technician(page={"password_file": "page-password"})
    browser, board = looking.browser, looking.board

    def log_in(password: str) -> None:
        browser.value(
            f"document.querySelector('[name=password]').value = {password!r};"
            "document.querySelector('form.login').submit()"
        )

    browser.screen(390, 844, phone=True)
    browser.command("Page.navigate", url=f"{board.url}/device")
    browser.until("location.search === '?next=/device' && !!document.querySelector('form.login')")
    log_in("something else")
    browser.until("document.querySelector('[role=alert]')?.textContent === 'The password is wrong.'")
    browser.errors.clear()  # of the answer 403
    log_in(PASSWORD)
    browser.until("location.pathname === '/device' && document.documentElement?.dataset.ready === 'yes'")
    board.end_page()
    board.start_page()
    looking.open("live")  # the session is not the process's
    browser.until("Number(document.getElementById('columns').dataset.drawn) > 0")
    browser.click(".account button")
    browser.until("location.pathname === '/login' && !!document.querySelector('form.login')")
    assert browser.value("fetch('/api/devices').then(answer => answer.status)") == 401
    browser.errors.clear()


def test_a_crowd_of_which_most_never_read_does_not_touch_the_daemon(technician: Callable[..., Technician]) -> None:
    looking = technician()
    browser, board = looking.browser, looking.board
    crowd = []
    for number in range(50):
        made = socket.create_connection(("127.0.0.1", board.port), timeout=20)
        made.sendall(f"GET {('/input', '/events')[number % 2]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        crowd.append(made)
    direct = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    direct.connect(str(board.socket))
    direct.send(b"\x00\xff garbage" * 500)
    looking.open("live")
    browser.until("Number(document.getElementById('columns').dataset.drawn) >= 1", 60)
    began = time.monotonic()
    browser.until("Number(document.getElementById('columns').dataset.drawn) >= 80", 60)
    browser.until("document.querySelectorAll('#list .card').length >= 2", 60)
    for one in (*crowd, direct):
        one.close()
    watched_s = time.monotonic() - began
    assert board.end_daemon() == 0
    with closing(open_spans(board.state / "effort.db")) as effort:
        heard_ns = sum(end - begin for begin, end in heard_spans(effort, 0, 2**62))
        missed = {cause: seconds for cause, seconds, _ in missed_by_cause(effort, 0)}
    assert heard_ns / 1e9 > watched_s - 2.5  # the last window was not whole yet
    assert missed.keys() & {"inference_behind", "overflow"} == set()
    browser.errors.clear()  # of the time without a daemon


def write_history(state: Path, device: str) -> None:
    """A history whose every text is hostile."""
    state.mkdir()
    now = time.time_ns()
    with closing(sqlite3.connect(state / "history.db")) as connection:
        connection.executescript(HISTORY)
        connection.execute("PRAGMA user_version=1")
        for number in range(3):
            told = detection(device, number, now - number * HOUR_NS, label=SCRIPT, clip=SCRIPT, file=SCRIPT)
            told["device"] = told["clock"] = SCRIPT
            row = (told["id"], "detection", now - number * HOUR_NS, now, SCRIPT, json.dumps(told), 0.9, 1, SCRIPT, 0)
            connection.execute(ENTRY, row)
            health = {"utc": SCRIPT, "state": SCRIPT, "reasons": [SCRIPT], "level_dbfs": SCRIPT}
            row = (f"h{number}", "health", now - number * 60 * 10**9, now, SCRIPT, json.dumps(health), None, 0, None, 0)
            connection.execute(ENTRY, row)
        for number, text in enumerate(["{", "[]", "null", '{"id": 1}', '{"id": "zz", "begin_s": "x"}']):
            row = (f"bad{number}", "detection", now, now, "", text, None, 0, None, 0)
            connection.execute(ENTRY, row)
        connection.commit()


def test_hostile_texts_are_texts(technician: Callable[..., Technician], tmp_path: Path) -> None:
    write_history(tmp_path / "state", DEVICE)
    looking = technician(daemon=False)
    browser = looking.browser
    for width, phone in ((1280, False), (390, True)):
        browser.screen(width, 844, phone=phone)
        for page in PAGES:
            looking.open(page)
            assert browser.value("window.hacked") is None
            assert browser.value("document.querySelectorAll('main img, main script').length") == 0
            if page == "live":
                browser.until("document.querySelectorAll('#list .card').length === 3")
                assert "<script>" in browser.value("document.querySelector('#list .card').textContent")
                # a call whose picture nobody kept still shows its contour
                assert (
                    browser.value("document.querySelectorAll('#list canvas[aria-label=\"No picture came\"]').length")
                    == 3
                )
                assert browser.value("document.querySelectorAll('#list .contour path').length") == 3
            elif page == "device":
                assert "<script>" in browser.value("document.getElementById('spells').textContent")
            else:
                browser.until("document.getElementById('notice').textContent.includes('effort ledger')")
        browser.errors.clear()  # of the answer 503: there is no effort
