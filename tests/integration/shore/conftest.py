"""A real station in a process of its own, on loopback, beside a real mosquitto, and a browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.edge_daemon.shore.buoy_documents import message
from tests.edge_daemon.shore.without_extra import pytest_pycollect_makemodule
from tests.integration.browser import Browser, fresh_browser
from tests.integration.shore.postgresql import address

if TYPE_CHECKING:
    from tests.integration.shore.looker import Looker

__all__ = ["address", "pytest_pycollect_makemodule"]
ROOT = Path(__file__).parents[3]


def free_port() -> int:
    """A port on loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PlainBroker:
    """A mosquitto without TLS that keeps everything over a restart."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        user = "root" if os.geteuid() == 0 else "mosquitto"
        self._config.write_text(
            f"user {user}\nlistener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, line: str) -> None:
        """Add a line to its configuration, and start anew."""
        self.stop()
        self._config.write_text(f"{self._config.read_text()}{line}\n")
        self.start()

    def said(self) -> str:
        """Its log."""
        return self._log.read_text()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(["mosquitto", "-c", str(self._config)], stdout=log, stderr=log)
        wait_for_port(self.port)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait(20)
            self.process = None


def wait_for_port(port: int, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens at port {port}")


class RealStation:
    """`edge-daemon shore run`, to be killed and started at will.

    Attributes:
        url: of its pages.
        database: its SQLite file.
        module: that is run.
    """

    def __init__(self, folder: Path, broker_port: int, **settings: Any) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.config = folder / "shore.yaml"
        self.database = folder / "shore.db"
        self.log = folder / "station.log"
        base = {"version": 1, "mqtt": {"port": broker_port}, "web": {"port": port}, "database": {"file": "shore.db"}}
        for name, section in settings.items():
            base[name] = base.get(name, {}) | section if isinstance(section, dict) else section
        self.config.write_text(yaml.safe_dump(base))
        self._port = port
        self.module = "edge_daemon"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str, stdin: str = "") -> str:
        words = [sys.executable, "-m", self.module, "shore", *arguments, "--config", str(self.config)]
        done = subprocess.run(words, input=stdin.encode(), capture_output=True, cwd=ROOT, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def user(self, name: str, role: str) -> None:
        self.command("user", "put", name, "--role", role, "--password-stdin", stdin=f"password of {name}\n")

    def post(self, user: str, path: str, data: dict[str, Any]) -> int:
        """What a page of a user who has just logged in sends; the answer's status."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        fields = urlencode({"name": user, "password": f"password of {user}"})
        connection.request("POST", "/login", fields, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        cookie = str(answer.getheader("set-cookie")).partition(";")[0]
        answer.read()
        connection.request("GET", "/alerts", headers={"Cookie": cookie})
        page = connection.getresponse().read().decode()
        token = json.loads(page.partition('id="page">')[2].partition("</script>")[0])["csrf"]
        connection.request("POST", path, json.dumps(data), {"Cookie": cookie, "X-CSRF-Token": token})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def start(self) -> None:
        """Start; wait for its pages and its subscription, before whose first time the broker keeps nothing for it."""
        said = self._watching() if self.log.exists() else 0
        with self.log.open("ab") as log:
            words = [sys.executable, "-m", self.module, "shore", "run", "--config", str(self.config)]
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT)
        wait_for_port(self._port)
        end = time.monotonic() + 60
        while self._watching() == said:
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)
        time.sleep(0.2)  # the broker has it in hand

    def _watching(self) -> int:
        return self.log.read_text().count("Watching")

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(sign)
        code = self.process.wait(30)
        self.process = None
        return code


class Buoys:
    """Publishes documents, and knows when the broker has them."""

    def __init__(self, port: int, name: str = "buoys") -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._taken: set[int] = set()
        self._client.on_publish = lambda _client, _data, number, *_: self._taken.add(number)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, *documents: dict[str, Any]) -> None:
        self.raw(*(message(document) for document in documents))

    def raw(self, *messages: tuple[str, bytes], retain: bool = False) -> None:
        """Publish, and wait until the broker has taken all; without a connection paho sends them when it has one."""
        given = {self._client.publish(topic, payload, qos=1, retain=retain).mid for topic, payload in messages}
        end = time.monotonic() + 60
        while not given <= self._taken:
            assert time.monotonic() < end, f"{len(given - self._taken)} of {len(given)} messages were not taken"
            time.sleep(0.005)
        self._taken -= given

    def listen(self, topic: str) -> queue.Queue[bytes]:
        """What comes on a topic from now on."""
        came: queue.Queue[bytes] = queue.Queue()
        self._client.on_message = lambda _client, _data, told: came.put(told.payload)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.subscribe(topic, qos=1)
        assert subscribed.wait(30)
        return came

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PlainBroker]:
    if shutil.which("mosquitto") is None:
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    made = PlainBroker(tmp_path)
    made.start()
    yield made
    made.stop(signal.SIGKILL)


@pytest.fixture
def make_real_station(tmp_path: Path, broker: PlainBroker) -> Iterator[Callable[..., RealStation]]:
    made: list[RealStation] = []

    def make(**settings: Any) -> RealStation:
        folder = tmp_path / f"station{len(made)}"
        folder.mkdir()
        made.append(RealStation(folder, broker.port, **settings))
        return made[-1]

    yield make
    for station in made:
        if station.process is not None:
            station.stop(signal.SIGKILL)


@pytest.fixture
def buoys(broker: PlainBroker) -> Iterator[Buoys]:
    made = Buoys(broker.port)
    yield made
    made.close()


station_browser = pytest.fixture(scope="module")(fresh_browser)


@pytest.fixture
def looker(make_real_station: Callable[..., RealStation], station_browser: Browser) -> Iterator[Looker]:
    """Who has not logged in yet; ann may order."""
    from tests.integration.shore.looker import Looker

    alerts = {"channels": [{"name": "bridge", "kind": "mqtt", "topic": "alerts"}], "rules": [{"name": "any"}]}
    station = make_real_station(alerts=alerts)
    station.user("ann", "order")
    station.start()
    made = Looker(station_browser, station)
    yield made
    made.nothing_went_wrong()
