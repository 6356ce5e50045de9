"""An hour on a link of 8,192 bytes: the whole daemon in simulated time, a real mosquitto, and a proxy that counts.

    pytest -m long -n0 -o log_cli=true -o log_cli_level=INFO tests/integration/live/test_slow_link.py

tells what was counted. TLS is not used; the proxy counts what goes over the connection, both ways, the daemon's own
account also what TCP and IP add.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_daemon.documents.compact import unpacked
from edge_daemon.live.daemon import Daemon
from edge_daemon.mqtt.link import Event
from edge_daemon.mqtt.paho_link import PahoLink
from tests.edge_daemon.live.conftest import Buoy, sample
from tests.integration.conftest import free_port, wait_until

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]
LIMIT = 8192
log = logging.getLogger(__name__)
__all__ = ["sample"]


class CountingProxy:
    """Hands on connections to a port, and counts the bytes.

    Attributes:
        port: where it listens.
        up, down: bytes to the broker and from it.
        connections: how many were made.
    """

    def __init__(self, to_port: int) -> None:
        self.up = self.down = self.connections = 0
        self._to_port = to_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._to_port))
            for source, sink, up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass_on, args=(source, sink, up), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with source, sink:
            try:
                while data := source.recv(65_536):
                    if up:
                        self.up += len(data)
                    else:
                        self.down += len(data)
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                return


class PatientPaho(PahoLink):
    """The real link, which looks at the simulated clock often."""

    def poll(self, timeout_s: float) -> list[Event]:
        return super().poll(min(timeout_s, 0.005))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """Port of a mosquitto on loopback."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    port, settings = free_port(), tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("calibrated", [False, True])
def test_twenty_calls_with_contour_and_picture_arrive_within_the_hour(
    broker: int, tmp_path: Path, sample: Any, calibrated: bool
) -> None:
    seen: list[tuple[str, bytes]] = []
    shore = Client(CallbackAPIVersion.VERSION2)
    shore.on_message = lambda _client, _data, message: seen.extend(unpacked(message.topic, message.payload))
    wait_until(lambda: not shore.connect("127.0.0.1", broker) if _listens(broker) else False)
    shore.subscribe("#", qos=1)
    shore.loop_start()
    proxy = CountingProxy(broker)
    more = {"hydrophone": {"sensitivity_db": -170.0, "adc_full_scale_v": 1.0}} if calibrated else {}
    buoy = Buoy(
        tmp_path / "buoy",
        mqtt=True,
        broker={
            "port": proxy.port,
            "form": "compact",
            "thumbnails": True,
            "bytes_per_hour": LIMIT,
            "acknowledge_timeout_s": 3600.0,
        },
        begin=False,
        device={"id": "buoy-7", "latitude": 42.35121, "longitude": -70.25033},
        health={"interval_s": 300.0},
        **more,
    )
    buoy.dependencies = type(buoy.dependencies)(
        **{name: getattr(buoy.dependencies, name) for name in buoy.dependencies.__slots__} | {"link": PatientPaho()}
    )
    buoy.daemon = Daemon(buoy.config, buoy.dependencies)
    buoy.daemon.begin()
    try:
        publisher = buoy.daemon.components.publisher
        assert publisher is not None
        buoy.settle(lambda: publisher.report().state == "online")
        for quarter in range(4):
            buoy.until(quarter * 900.0 + 300.0)
            buoy.play(sample)
            buoy.played()
            buoy.settle(lambda: publisher.report().in_flight == 0)
        buoy.until(3600.0)
        report = publisher.report()
        counted = proxy.up + proxy.down
        kinds = Counter(topic.rpartition("/")[2] for topic, _ in seen)
        log.info("%d B on the connection: %d up, %d down", counted, proxy.up, proxy.down)
        log.info("%s B with TCP and IP by the daemon's account; %s", report.bytes_last_hour, dict(kinds))
        detections = [json.loads(payload) for topic, payload in seen if topic.endswith("/detections")]
        pictures = {json.loads(payload)["id"] for topic, payload in seen if topic.endswith("/thumbnails")}
        assert len({one["id"] for one in detections}) == 20
        assert all(one["contour"] for one in detections)
        assert all(bool(one["received_level"]) == calibrated for one in detections)
        assert pictures == {one["id"] for one in detections}
        assert kinds["presence"] >= 3
        assert kinds["health"] >= 1
        assert proxy.connections == 1
        assert counted <= LIMIT
        assert report.bytes_last_hour <= LIMIT
    finally:
        buoy.finish()
        shore.disconnect()
        shore.loop_stop()
        proxy.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
