"""What the page answers to each request, within the bounds of `web.gate`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from edge_daemon.errors import EdgeDaemonError
from edge_daemon.page.board import BoardSide
from edge_daemon.page.board_history import has_history, health_over_time, newest_cards, open_board
from edge_daemon.page.pages import ASSETS, PAGES, login_html
from edge_daemon.page.presence_days import MOST_DAYS, board_calendar
from edge_daemon.page.streams import detection_events, input_events
from edge_daemon.web.gate import security_headers

COOKIE = "board"
ANSWER_S = 1.5
"""How long the daemon is waited for when it is asked how it is."""
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_HTML = "text/html; charset=utf-8"
_HEADERS = security_headers()


class PageRequest(BaseHTTPRequestHandler):
    """One connection, and the requests that come on it.

    Args:
        board: what it asks.
        rest: as the standard library's server has it.
    """

    protocol_version = "HTTP/1.1"
    timeout = 20.0  # of a browser that says or takes nothing

    def __init__(self, board: BoardSide, *rest: Any) -> None:
        self._board = board
        super().__init__(*rest)  # which serves all of the connection

    def do_GET(self) -> None:
        """Answer a GET or HEAD."""
        path = self._let_through()
        if path is None:
            return
        if path in ASSETS:
            self._asset(ASSETS[path])
        elif path == "/login":
            self._login_form(self._query("next"))
        elif not self._board.sessions.knows(self._token(), time.time()):
            if path in PAGES or path == "/" or path.startswith("/device/"):
                self._redirect(f"/login?next={'/device' if path.startswith('/device/') else path}")
            else:
                self._json({"problem": "Log in first."}, 401)
        else:
            self._known(path)

    do_HEAD = do_GET  # noqa: N815 - likewise

    def do_POST(self) -> None:
        """Log in or out."""
        path = self._let_through()
        if path is None:
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        if path == "/login":
            self._log_in(parse_qs(body.decode("utf-8", "replace"), max_num_fields=10, keep_blank_values=True))
        elif path == "/logout":
            self._redirect("/login" if self._board.sessions.asks else "/live", f"{COOKIE}=; Path=/; Max-Age=0")
        else:
            self._json({"problem": "There is nothing here."}, 404)

    def _let_through(self) -> str | None:
        """The path that is asked for; None for a request that was refused."""
        refused = self._board.gate.refusal(self.command, self.headers.get, str(self.client_address[0]))
        if refused is not None:
            self.close_connection = True  # its body is not read
            self._answer(refused.status, "text/plain; charset=utf-8", refused.text.encode(), refused.headers)
            return None
        return unquote(urlsplit(self.path).path)

    def _known(self, path: str) -> None:
        """Answer somebody who may look."""
        streams: dict[str, Callable[[], Any]] = {
            "/input": lambda: input_events(self._board.link),
            "/events": lambda: detection_events(self._board.link, self._board.folder),
        }
        device = self._board.settings.device
        if path == "/":
            self._redirect("/live")
        elif path in PAGES or path.startswith("/device/"):
            self._answer(200, _HTML, self._board.pages["/device" if path.startswith("/device/") else path])
        elif path in streams:
            self._stream(streams[path]())
        else:
            try:
                if path == "/api/devices":
                    self._json({"devices": [device]})
                elif path == "/api/detections":
                    self._detections()
                elif path == f"/api/devices/{device}":
                    self._json(self._health())
                elif path == f"/api/presence/{device}":
                    days = self._days(MOST_DAYS, 31)
                    hours = board_calendar(self._board.folder, days, time.time_ns(), self._board.settings.rule)
                    self._json({"device": device, "hours": hours})
                else:
                    self._json({"problem": "There is nothing here."}, 404)
            except EdgeDaemonError as error:
                self._json({"problem": " ".join(filter(None, (error.message, error.hint)))}, 503)

    def _detections(self) -> None:
        cards = []
        if has_history(self._board.folder):  # the daemon makes it with its first entry
            with open_board(self._board.folder) as connection:
                cards = newest_cards(connection)
        self._json({"last": 0, "detections": cards, "more": False})

    def _health(self) -> dict[str, Any]:
        board = self._board
        told = board.link.ask_health(ANSWER_S)
        return health_over_time(board.folder, board.settings.device, self._days(31, 7), time.time_ns(), told)

    def _log_in(self, fields: Mapping[str, list[str]]) -> None:
        wanted, password = fields.get("next", [""])[0], fields.get("password", [""])[0]
        sessions = self._board.sessions
        if not sessions.may_try(str(self.client_address[0])):
            self._login_form(wanted, "Too many tries. Wait a few minutes.", 429)
            return
        token = sessions.log_in(password, time.time())
        if token is None:
            self._login_form(wanted, "The password is wrong.", 403)
            return
        seconds = int(self._board.settings.session_s)
        cookie = f"{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
        self._redirect(wanted if wanted in PAGES else "/live", cookie)

    def _login_form(self, wanted: str, problem: str = "", status: int = 200) -> None:
        if not self._board.sessions.asks:
            self._redirect("/live")
            return
        page = login_html(self._board.settings.device, wanted if wanted in PAGES else "/live", problem)
        self._answer(status, _HTML, page)

    def _stream(self, events: Any) -> None:
        """Server-sent events, until the browser goes or takes nothing for `timeout`."""
        first = next(events)
        if first is None:
            self._json({"problem": "Too many pages are open."}, 503)
            return
        self.close_connection = True
        self._head(200, "text/event-stream", None, {"X-Accel-Buffering": "no"})
        if self.command == "HEAD":
            events.close()
            return
        try:
            self.wfile.write(first)
            for event in events:
                if not self._board.sessions.knows(self._token(), time.time()):
                    break
                self.wfile.write(event)
        except OSError:  # it has gone, or hangs
            pass
        finally:
            events.close()

    def _asset(self, path: Path) -> None:
        found = path.stat()
        tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if self.headers.get("if-none-match") == tag:
            self._answer(304, _TYPES[path.suffix], b"", headers)
        else:
            self._answer(200, _TYPES[path.suffix], path.read_bytes(), headers)

    def _json(self, told: Mapping[str, Any], status: int = 200) -> None:
        self._answer(status, "application/json", json.dumps(told).encode())

    def _redirect(self, place: str, cookie: str | None = None) -> None:
        headers = {"Location": place} | ({} if cookie is None else {"Set-Cookie": cookie})
        self._answer(303, "text/plain; charset=utf-8", b"", headers)

    def _answer(self, status: int, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, kind, len(body), headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int | None, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        told = {"Date": formatdate(usegmt=True), "Content-Type": kind, "Cache-Control": "no-store"}
        if length is not None:
            told["Content-Length"] = str(length)
        if self.close_connection:
            told["Connection"] = "close"
        for name, text in {**told, **_HEADERS, **headers}.items():
            self.send_header(name, text)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the standard library's part cannot read or does not know; our headers, and nothing of the request."""
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = self.protocol_version
        self._answer(int(code), "text/plain; charset=utf-8", b"The request was not understood.\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's names
        """Nothing: a year of requests would fill the journal."""

    def _token(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def _query(self, name: str) -> str:
        try:
            return parse_qs(urlsplit(self.path).query, max_num_fields=10).get(name, [""])[0]
        except ValueError:
            return ""

    def _days(self, most: int, otherwise: int) -> int:
        text = self._query("days")
        whole = text.isascii() and text.isdecimal() and len(text) < 6
        return min(most, max(1, int(text))) if whole else otherwise
