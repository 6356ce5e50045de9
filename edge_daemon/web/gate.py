"""Which requests a server lets through: names, origins, sizes and rates; and the headers of each of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from edge_daemon.web.rate_limit import RateLimit

MOST_BODY_BYTES = 16_384
"""Nothing longer is sent to a server of ours by a browser."""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """Why a request is not let through.

    Attributes:
        status: of HTTP.
        text: for people.
        headers: of the answer, beside those of every answer.
    """

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestGate:
    """Looks at requests; any thread may.

    Args:
        hosts: names by which the server may be called: another one is a page elsewhere that points at us.
        called: the key that holds these names, for people.
        addresses: whether any address will do as well as a name; no page elsewhere can pass for one.
    """

    def __init__(self, hosts: frozenset[str], called: str, *, addresses: bool = False) -> None:
        self._hosts, self._called, self._addresses = hosts, called, addresses
        self._limit = RateLimit(burst=300, per_s=50)

    def refusal(self, method: str, header: Callable[[str], str | None], client: str) -> RefusedRequest | None:
        """Why this request is not let through; None if it is.

        Args:
            method: of HTTP.
            header: the request's, by their names in small letters.
            client: address that it comes from.
        """
        host = header("host") or ""
        if not self._is_ours(host):
            return RefusedRequest(421, f"This server is not called that. Add the name to {self._called}.")
        if not self._limit.allows(client):
            return RefusedRequest(429, "Too many requests.", {"Retry-After": "10"})
        changes = method not in ("GET", "HEAD")
        if changes:
            origin = header("origin")
            own = {f"{scheme}://{host}" for scheme in ("http", "https")}
            if origin is not None and origin not in own:
                return RefusedRequest(403, "The request comes from another page.")
            if origin is None and (header("sec-fetch-site") or "same-origin") != "same-origin":
                return RefusedRequest(403, "The request comes from another page.")
        # bodies are read whole; those of a GET would be, too
        length = header("content-length") or ("" if changes else "0")
        whole = length.isascii() and length.isdecimal() and len(length) < 10 and int(length) <= MOST_BODY_BYTES
        if header("transfer-encoding") is not None or not whole:
            return RefusedRequest(413, "The request is too long, or does not say how long it is.")
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or (self._addresses and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def security_headers(pictures_from: str = "") -> dict[str, str]:
    """Headers of each answer: a page is allowed only what its own server gives it.

    Args:
        pictures_from: an origin that pictures, too, may be loaded from; empty for none.
    """
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src 'self' data: {pictures_from}".rstrip()
        + "; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",  # with none at all browsers would send no origin with our own forms
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
