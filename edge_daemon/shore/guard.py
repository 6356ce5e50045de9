"""What stands before every page: the gate that requests must pass, and headers on every answer."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_daemon.web.gate import RequestGate, security_headers


class Guard:
    """Middleware around the application.

    Args:
        app: the application.
        hosts: names by which the station may be called.
        tiles: origin that map tiles may be loaded from, or empty.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], tiles: str = "") -> None:
        self._app = app
        self._gate = RequestGate(hosts, "web.hosts")
        self._headers = security_headers(tiles)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        client = scope.get("client")
        refused = self._gate.refusal(
            scope["method"], Headers(scope=scope).get, "" if client is None else str(client[0])
        )
        if refused is not None:
            answer = PlainTextResponse(refused.text, refused.status, refused.headers)
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)
