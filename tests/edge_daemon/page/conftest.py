"""The page's server in this process, and a made-up daemon at its socket."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.page.server import PageServer
from edge_daemon.page.sessions import PageSecret
from edge_daemon.page.settings import PageSettings
from edge_daemon.presence.periods import PresenceRule

DEVICE = "buoy-7"


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class FakeDaemon:
    """Listens where the daemon does, and says whatever a test wants."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.listener.settimeout(20)
        self.connection: socket.socket | None = None

    def accept(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection, _ = self.listener.accept()

    def say(self, *messages: dict[str, Any] | bytes) -> None:
        assert self.connection is not None
        for message in messages:
            self.connection.send(message if isinstance(message, bytes) else json.dumps(message).encode())

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.listener.close()


class Page:
    """A running page, and requests to it."""

    def __init__(self, folder: Path, password: str | None, session_s: float = 3600.0) -> None:
        self.socket = folder / "page.sock"
        secret = None if password is None else PageSecret.of(password)
        settings = PageSettings(
            DEVICE, str(folder), str(self.socket), ("localhost",), secret, session_s, PresenceRule()
        )
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = listener.getsockname()[1]
        self.server = PageServer(settings, listener)
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str, Any]:
        """Status, body and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def stream(self, path: str) -> socket.socket:
        """A stream of events, its head read."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += made.recv(1)
        assert b" 200 " in head.splitlines()[0], head
        return made

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)


@pytest.fixture
def make_page(tmp_path: Path) -> Iterator[Callable[..., Page]]:
    made: list[Page] = []

    def make(password: str | None = None, **more: Any) -> Page:
        made.append(Page(tmp_path, password, **more))
        return made[-1]

    yield make
    for page in made:
        page.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    made = FakeDaemon(tmp_path / "page.sock")
    yield made
    made.close()
