"""Optional Prometheus endpoint on loopback: the health document's numbers as gauges, read when they are asked for.

Needs the extra `prometheus` (prometheus_client). `mqtt.state` becomes `edge_daemon_mqtt_state{value="online"} 1`; gaps
and queues carry their name as a label, and so does each reason why the input does not sound like a hydrophone:
`edge_daemon_input_sound_reasons{reason="clipped"} 1`.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from edge_daemon.errors import EdgeDaemonError
from edge_daemon.health.document import HealthDocument

LABELS = {"gaps": "cause", "queues": "queue", "threads": "thread"}
"""Groups whose keys become a label."""
MOST_CONNECTIONS = 4
"""At a time: those who scrape are few."""
SILENT_S = 5.0
"""How long a connection may say nothing."""
PAUSE_S = 0.2
"""Before the next try where no connection can be taken."""


def samples(document: HealthDocument) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, labels and value of every number, flag and state in the document."""
    for key, value in document.model_dump(by_alias=True).items():
        if key in LABELS:
            for entry, numbers in value.items():
                for name, number in numbers.items():
                    yield f"edge_daemon_{key}_{name}", {LABELS[key]: entry}, float(number)
        else:
            yield from _flat(f"edge_daemon_{key}", value)


def _flat(name: str, value: Any) -> Iterator[tuple[str, dict[str, str], float]]:
    if name.endswith("_sound_reasons"):
        yield from ((name, {"reason": key}, 1.0) for key in value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}_{_plain(key)}", inner)
    elif isinstance(value, (bool, int, float)):
        yield name, {}, float(value)
    elif isinstance(value, str) and name.rpartition("_")[2] in ("state", "phase"):
        yield name, {"value": value}, 1.0


def _plain(key: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in key)


class BoundedServer(ThreadingMixIn, WSGIServer):
    """An HTTP server that takes few descriptors and threads, whoever connects and then says nothing.

    A connection too many is closed at once; one that is silent, after `SILENT_S`. Whoever scrapes comes again.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(*arguments)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection; where the process has no descriptor left, the rest of it comes first."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(PAUSE_S)  # the connection still waits, and would be tried again at once
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if there is one free."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that is silent or gone is nobody's error."""


class _Handler(WSGIRequestHandler):
    timeout = SILENT_S

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Requests are no news."""


class Endpoint:
    """An HTTP server on 127.0.0.1.

    Args:
        port: 0 for any free one.
        latest: gives the newest document, or None if there is none yet.

    Raises:
        EdgeDaemonError: the port is taken.
    """

    def __init__(self, port: int, latest: Callable[[], HealthDocument | None]) -> None:
        from prometheus_client import make_wsgi_app
        from prometheus_client.core import GaugeMetricFamily
        from prometheus_client.registry import Collector, CollectorRegistry

        class HealthMetrics(Collector):
            def collect(self) -> Iterator[Any]:
                document = latest()
                families: dict[str, Any] = {}
                for name, labels, value in () if document is None else samples(document):
                    family = families.setdefault(
                        name, GaugeMetricFamily(name, "See the health document's schema.", labels=list(labels))
                    )
                    family.add_metric(list(labels.values()), value)
                yield from families.values()

        registry = CollectorRegistry()
        registry.register(HealthMetrics())
        try:
            self._server = make_server(
                "127.0.0.1", port, make_wsgi_app(registry), BoundedServer, handler_class=_Handler
            )
        except OSError as error:
            raise EdgeDaemonError(
                f"The Prometheus endpoint cannot listen on port {port}: {error.strerror}.",
                "Choose another health.prometheus_port.",
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="prometheus", daemon=True)
        self._thread.start()
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
