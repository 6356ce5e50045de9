"""What stands before every page: names, origins, sizes and rates that are let through, and headers on every answer."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_daemon.shore.rate_limit import RateLimit

MOST_BODY_BYTES = 16_384
"""Nothing longer is sent to the station by a browser."""


class Guard:
    """Middleware around the application.

    Args:
        app: the application.
        hosts: names by which the station may be called: another one is a page elsewhere that points at us.
        tiles: origin that map tiles may be loaded from, or empty.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], tiles: str = "") -> None:
        self._app = app
        self._hosts = hosts
        self._limit = RateLimit(burst=300, per_s=50)
        self._headers = {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self' data: {tiles}".rstrip()
            + "; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",  # with none at all browsers would send no origin with our own forms
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }

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

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            return PlainTextResponse("The station is not called that. Add the name to web.hosts.", 421)
        client = scope.get("client")
        if not self._limit.allows("" if client is None else str(client[0])):
            return PlainTextResponse("Too many requests.", 429, {"Retry-After": "10"})
        if scope["method"] not in ("GET", "HEAD"):
            origin = headers.get("origin")
            own = {f"{scheme}://{host}" for scheme in ("http", "https")}
            if origin is not None and origin not in own:
                return PlainTextResponse("The request comes from another page.", 403)
            if origin is None and headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return PlainTextResponse("The request comes from another page.", 403)
        # bodies are read whole; those of a GET would be, too
        length = headers.get("content-length", "0" if scope["method"] in ("GET", "HEAD") else "")
        if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            return PlainTextResponse("The request is too long, or does not say how long it is.", 413)
        return None
