"""Somebody who looks at the station over HTTP: follows the stream of events, asks for views, and notes how long."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import defaultdict
from urllib.parse import urlencode

from tests.integration.shore.conftest import RealStation

AGAIN_S = 0.2


class OpenPage:
    """An open page of the live stream.

    Attributes:
        came: id of a detection → monotonic seconds at which it came for the first time.
        repeated: detections that came as new more than once.
    """

    def __init__(self, station: RealStation) -> None:
        self.came: dict[str, float] = {}
        self.repeated = 0
        self._host = station.url.removeprefix("http://")
        self._cookie = self._log_in()
        self._last = ""

    def start(self) -> None:
        """Follow the stream from now on, over any number of connections."""
        threading.Thread(target=self._follow, daemon=True).start()

    def get(self, path: str) -> tuple[float, int]:
        """Seconds and bytes of a view."""
        begin = time.perf_counter()
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request("GET", path, headers={"Cookie": self._cookie})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, (path, answer.status, body[:200])
        return time.perf_counter() - begin, len(body)

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
                headers = {"Cookie": self._cookie} | ({"Last-Event-ID": self._last} if self._last else {})
                connection.request("GET", "/events", headers=headers)
                self._read(connection.getresponse())
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(AGAIN_S)

    def _read(self, answer: http.client.HTTPResponse) -> None:
        kind = ""
        while line := answer.readline():
            if line.startswith(b"id: "):
                self._last = line[4:].decode().strip()
            elif line.startswith(b"event: "):
                kind = line[7:].decode().strip()
            elif line.startswith(b"data: ") and kind == "detection":
                found = json.loads(line[6:])["id"]
                self.repeated += found in self.came
                self.came.setdefault(found, time.monotonic())


class ViewTimes:
    """How long each view took, asked for one after the other.

    Attributes:
        seconds: by path.
        failed: requests that got no answer, as while the station is away.
    """

    def __init__(self, page: OpenPage, views: tuple[str, ...]) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.sizes: dict[str, int] = {}
        self.failed = 0
        self._page, self._views = page, views

    def ask(self) -> None:
        """Ask for each once."""
        for path in self._views:
            try:
                seconds, self.sizes[path] = self._page.get(path)
                self.seconds[path].append(seconds)
            except (OSError, http.client.HTTPException):
                self.failed += 1

    def lines(self) -> list[str]:
        """A line for each view: median and longest time, size."""
        return [
            f"{1000 * sorted(all_)[len(all_) // 2]:7.0f} ms {1000 * max(all_):7.0f} ms longest of {len(all_):3} "
            f"{self.sizes[path] / 1000:8.1f} kB  {path}"
            for path, all_ in self.seconds.items()
        ]
