"""The server: a socket, a thread for each connection, and what all of them share."""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import partial
from http.server import HTTPServer
from socketserver import ThreadingMixIn
from typing import Any

from edge_daemon.page.board import BoardSide
from edge_daemon.page.requests import PageRequest
from edge_daemon.page.settings import PageSettings

MOST_CONNECTIONS = 250
"""A browser opens six at most, two of them for long."""
USER_TIMEOUT_MS = 20_000
"""What a phone out of reach has not acknowledged for so long ends its connection."""
SEND_BYTES = 65_536


class PageServer(ThreadingMixIn, HTTPServer):
    """Serves the pages.

    Args:
        settings: what the page is told.
        listener: bound and listening.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, settings: PageSettings, listener: socket.socket) -> None:
        request = partial(PageRequest, BoardSide(settings))
        super().__init__(listener.getsockname()[:2], request, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, or end it where there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with contextlib.suppress(OSError):  # it has gone already
            request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be had
            self._places.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection failed: most have been left by their browser; the rest must not fill the journal."""
