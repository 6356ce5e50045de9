"""Prometheus: the numbers of the document, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_daemon.audio.capture.input_state import InputHealth, InputVerdict
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.health import prometheus
from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.document import (
    HealthDocument,
)
from edge_daemon.health.prometheus import Endpoint, samples

S = 1_000_000_000
MakeHealth = Callable[..., HealthDocument]


def test_samples_of_a_document(make_health: MakeHealth) -> None:
    counters = HealthCounters(0)
    counters.gap("stall", 2.5)
    found = {(name, *labels.values()): value for name, labels, value in samples(make_health(counters, S))}
    assert found["edge_daemon_uptime_s",] == 1.0
    assert found["edge_daemon_gaps_seconds", "stall"] == 2.5
    assert found["edge_daemon_queues_capacity", "windows"] == 8
    assert found["edge_daemon_mqtt_state", "online"] == 1.0
    assert found["edge_daemon_board_memory_mb",] == 80.0


def test_each_reason_against_the_input_is_a_sample(make_health: MakeHealth) -> None:
    sound = InputVerdict(state="broken", problem=True, reasons={"clipped": "words"}, level_dbfs=-3.0)
    heard = InputHealth(phase="listening", device="d", sound=sound)
    document = make_health(HealthCounters(0), S, input=heard)
    found = {(name, *labels.values()): value for name, labels, value in samples(document)}
    assert found["edge_daemon_input_sound_reasons", "clipped"] == 1.0
    assert found["edge_daemon_input_sound_state", "broken"] == 1.0
    assert found["edge_daemon_input_sound_problem",] == 1.0
    assert found["edge_daemon_input_sound_level_dbfs",] == -3.0


def test_endpoint_answers_on_loopback(make_health: MakeHealth) -> None:
    counters = HealthCounters(0)
    endpoint = Endpoint(0, lambda: make_health(counters, 7 * S))
    try:
        assert endpoint._server.server_address[0] == "127.0.0.1"
        url = f"http://127.0.0.1:{endpoint.port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=20) as response:
            text = response.read().decode()
        assert "edge_daemon_uptime_s 7.0" in text
        assert 'edge_daemon_mqtt_state{value="online"} 1.0' in text
        with pytest.raises(EdgeDaemonError, match="cannot listen"):
            Endpoint(endpoint.port, lambda: None)
    finally:
        endpoint.close()


@pytest.mark.long
def test_idle_connections_take_few_descriptors_and_are_let_go(
    make_health: MakeHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred connections that say nothing: four are held, for a while, and then scraping works again."""
    monkeypatch.setattr(prometheus._Handler, "timeout", 1.0)
    endpoint = Endpoint(0, lambda: make_health(HealthCounters(0), 7 * S))

    def held() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    idle: list[socket.socket] = []
    try:
        before = held()
        for _ in range(200):
            idle.append(socket.create_connection(("127.0.0.1", endpoint.port)))
        deadline = time.monotonic() + 60
        closed = 0
        while closed < 200 - prometheus.MOST_CONNECTIONS and time.monotonic() < deadline:
            ready, _, _ = select.select(idle, [], [], 0.05)
            closed = len(ready)
            assert held() <= before + 200 + prometheus.MOST_CONNECTIONS + 1
        assert closed >= 200 - prometheus.MOST_CONNECTIONS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        text = ""
        while not text and time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError, http.client.HTTPException),
                opener.open(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=20) as response,
            ):
                text = response.read().decode()
        assert "edge_daemon_uptime_s 7.0" in text
    finally:
        for connection in idle:
            connection.close()
        endpoint.close()
