"""A real daemon that hears a pipe in real time, the page beside it in a process of its own, and a browser."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.browser import fresh_browser
from tests.integration.live.conftest import RATE, calls

ROOT = Path(__file__).parents[3]
DEVICE = "buoy-07"
PIECE_S = 0.1


def free_port() -> int:
    """A port on loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealBoard:
    """`edge-daemon run` and `edge-daemon page` on one configuration, to be ended and started at will.

    Attributes:
        url: of the page.
        config: the file.
        state: the daemon's folder.
        socket: by which the daemon tells the page.
        daemon, page: the processes, or None.
    """

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config, self.state, self.socket = folder / "config.yaml", folder / "state", folder / "page.sock"
        self.log = folder / "log"
        self._pipe = folder / "pipe"
        os.mkfifo(self._pipe)
        document: dict[str, Any] = {
            "version": 1,
            "device": {"id": DEVICE},
            "audio": {"source": "pipe", "pipe": str(self._pipe), "rate": RATE, "sample_format": "int16"},
            "mqtt": {"enabled": False},
            "storage": {"folder": "state"},
            "clips": {"enabled": False},
            "page": {"enabled": True, "port": self.port, "socket": "page.sock"},
        }
        for name, keys in sections.items():
            document[name] = document.get(name, {}) | keys
        self.config.write_text(yaml.safe_dump(document))
        self.daemon: subprocess.Popen[bytes] | None = None
        self.page: subprocess.Popen[bytes] | None = None
        self._playing: threading.Thread | None = None
        self._ended = threading.Event()

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """Start the daemon, and play calls to it in real time, one each three seconds."""
        self.daemon = self._start("run")
        self._ended.clear()
        self._playing = threading.Thread(target=self._play, daemon=True)
        self._playing.start()
        end = time.monotonic() + 90
        while not self._answers():
            assert self.daemon.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)
        return self.daemon

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as trial:
            return trial.connect_ex(str(self.socket)) == 0

    def start_page(self) -> subprocess.Popen[bytes]:
        """Start the page, and wait until it answers."""
        self.page = self._start("page")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url, timeout=5):  # noqa: S310 - on loopback
                return self.page
            assert self.page.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError("the page does not answer")

    def end_daemon(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End the daemon; returns its exit code."""
        assert self.daemon is not None
        self._ended.set()
        self.daemon.send_signal(sign)
        code = self.daemon.wait(30)
        if self._playing is not None:
            self._playing.join(10)
        self.daemon = None
        return code

    def end_page(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End the page; returns its exit code."""
        assert self.page is not None
        self.page.send_signal(sign)
        code = self.page.wait(10)
        self.page = None
        return code

    def close(self) -> None:
        """End what runs."""
        if self.page is not None:
            self.end_page(signal.SIGKILL)
        if self.daemon is not None:
            self.end_daemon(signal.SIGKILL)

    def _start(self, command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            words = [sys.executable, "-m", "edge_daemon", command, str(self.config)]
            return subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT)

    def _play(self) -> None:
        sound = calls(100).tobytes()
        piece = 2 * round(PIECE_S * RATE)
        with contextlib.suppress(OSError), self._pipe.open("wb", buffering=0) as out:
            began, number = time.monotonic(), 0
            while not self._ended.is_set():
                start = number * piece % len(sound)
                out.write(sound[start : start + piece])
                number += 1
                self._ended.wait(max(0.0, began + number * PIECE_S - time.monotonic()))


page_browser = pytest.fixture(scope="session")(fresh_browser)


@pytest.fixture
def make_board(tmp_path: Path) -> Iterator[Callable[..., RealBoard]]:
    made: list[RealBoard] = []

    def make(**sections: Any) -> RealBoard:
        made.append(RealBoard(tmp_path, **sections))
        return made[-1]

    yield make
    for board in made:
        board.close()
