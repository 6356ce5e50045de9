"""Alerts of a real station at real receivers on loopback: webhook, MQTT topic, and apprise's plug-in for JSON."""

from __future__ import annotations

import http.server
import json
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, health
from tests.integration.shore.conftest import Buoys, PlainBroker, RealStation, free_port

pytestmark = pytest.mark.slow
MINUTE_NS = 60 * 10**9


class Receiver:
    """A web server that keeps what is posted to it; it can go away and come back at the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.posted: queue.Queue[dict[str, Any]] = queue.Queue()
        self._server: http.server.HTTPServer | None = None

    def start(self) -> None:
        posted = self.posted

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def next(self) -> dict[str, Any]:
        return self.posted.get(timeout=60)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def settings(receiver: Receiver, *rules: dict[str, Any]) -> dict[str, Any]:
    hook = f"127.0.0.1:{receiver.port}"
    channels = [
        {"name": "hook", "kind": "webhook", "url": f"http://{hook}/hook"},
        {"name": "bridge", "kind": "mqtt", "topic": "alerts/whales"},
        {"name": "chat", "kind": "apprise", "url": f"json://{hook}/chat"},
    ]
    return {"channels": channels, "rules": list(rules)}


def test_each_rule_reaches_its_receiver(
    make_real_station: Callable[..., RealStation], receiver: Receiver, broker: PlainBroker, buoys: Buoys
) -> None:
    pytest.importorskip("apprise", reason="needs the extra `alerts`")
    receiver.start()
    rules = settings(
        receiver,
        {"name": "group", "devices": ["buoy-*"], "together": True, "calls": 3, "within_min": 10, "least_score": 0.8,
         "to": ["bridge"]},
        {"name": "one", "calls": 2, "within_min": 10, "least_score": 0.8, "to": ["hook"]},
        {"name": "sure", "when": "verdict", "to": ["chat"]},
        {"name": "trouble", "when": "trouble", "offline_min": 0, "to": ["hook"]},
    )  # fmt: skip
    station = make_real_station(alerts=rules)
    station.user("ann", "order")
    station.start()
    listener = Buoys(broker.port, "bridge")
    at_sea, now = listener.listen("alerts/whales"), time.time_ns()
    backlog = [detection("buoy-1", 100 + number, now - 5 * HOUR_NS + number) for number in range(5)]
    buoys.send(*backlog, detection("buoy-1", 1, now - 8 * MINUTE_NS), detection("buoy-2", 2, now - 4 * MINUTE_NS))
    buoys.send(detection("glider-1", 3, now), detection("buoy-2", 4, now, score=0.7))  # another group; too weak
    buoys.send(detection("buoy-2", 5, now))
    assert json.loads(at_sea.get(timeout=60))["text"].startswith("3 calls within 10 min: buoy-1 (1), buoy-2 (2).")
    told = receiver.next()
    assert (told["rule"], told["device"], told["kind"]) == ("one", "buoy-2", "calls")
    assert station.post("ann", "/api/detections/1/verdict", {"verdict": "call"}) == 200
    assert receiver.next()["message"] == "buoy-1: ann confirmed a call."
    sick = {
        "deaf": {"input": {"phase": "waiting", "device": "x"}}, "disk": {"board": {"disk_free_mb": 5.0}},
        "clock": {"clock": {"state": "unsynchronised"}},
    }  # fmt: skip
    for number, (kind, more) in enumerate(sick.items()):
        document = health(f"buoy-{number}", time.time_ns())
        buoys.send(document | {name: document[name] | part for name, part in more.items()})
        told = receiver.next()
        assert (told["rule"], told["device"], told["kind"]) == ("trouble", f"buoy-{number}", kind)
    buoys.raw(("edge_daemon/buoy-3/status", b"offline"), retain=True)
    assert (told := receiver.next())["kind"] == "offline", told
    buoys.send(*(detection("buoy-2", number, time.time_ns()) for number in range(20, 25)))  # within the pause
    assert station.post("ann", "/api/alerts/test", {"channel": "chat"}) == 200
    assert receiver.next()["message"] == "A test, sent by ann. No whale has called."
    assert receiver.posted.empty()
    assert at_sea.empty()
    listener.close()


def test_what_a_receiver_that_was_away_has_missed_outlives_the_station(
    make_real_station: Callable[..., RealStation], receiver: Receiver, buoys: Buoys
) -> None:
    station = make_real_station(alerts=settings(receiver, {"name": "any", "to": ["hook"]}))
    station.user("ann", "look")
    station.start()
    buoys.send(detection("buoy-1", 1, time.time_ns()))
    end = time.monotonic() + 60
    while "was not delivered" not in station.log.read_text():
        assert time.monotonic() < end, station.log.read_text()
        time.sleep(0.05)
    station.stop(signal.SIGKILL)
    receiver.start()
    station.start()
    assert receiver.next()["text"].startswith("1 call within 60 min: buoy-1 (1).")
    time.sleep(2.0)
    assert receiver.posted.empty()
