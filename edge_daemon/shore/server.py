"""Runs the station's application in uvicorn, and tells the service manager."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from edge_daemon.shore.application import application
from edge_daemon.shore.station import Station
from edge_daemon.system.sd_notify import Notifier


class StationServer(uvicorn.Server):
    """A server that says when it is ready.

    Args:
        station: what it serves.
    """

    def __init__(self, station: Station) -> None:
        web = station.config.web
        super().__init__(
            uvicorn.Config(
                application(station),
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                lifespan="on",
                proxy_headers=web.behind_proxy,
                forwarded_allow_ips="127.0.0.1,::1",
                ssl_certfile=web.certificate_file,
                ssl_keyfile=web.key_file,
                timeout_graceful_shutdown=3,
                limit_concurrency=500,
            )
        )
        self._feed = station.feed
        self._notifier = Notifier.from_environment()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order at SIGTERM and Ctrl-C; uvicorn would then let the signal end the process."""
        before = {sign: signal.signal(sign, self.handle_exit) for sign in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._notifier.ready("serving")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, end open streams, and stop."""
        self._notifier.stopping("stopping")
        self._feed.close()  # open pages would be waited for
        await super().shutdown(sockets)
