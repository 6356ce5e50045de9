"""Who may look: a password, and for a while a browser that has given it.

A session is a signed date in the browser's cookie, so that it outlives a restart of the page; another password ends
all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Self

from edge_daemon.web.rate_limit import RateLimit

ROUNDS = 200_000
"""Of PBKDF2, once at each start: whoever has seen a cookie shall not find the password from it soon."""


@dataclass(frozen=True, slots=True)
class PageSecret:
    """What the page knows of its password.

    Attributes:
        digest: SHA-256 of it, hexadecimal.
        key: that sessions are signed with, hexadecimal.
    """

    digest: str
    key: str

    @classmethod
    def of(cls, password: str) -> Self:
        """What is known of a password; takes a moment, and OpenSSL, which the page's process does without."""
        key = hashlib.pbkdf2_hmac("sha256", password.encode(), b"edge-daemon page", ROUNDS)
        return cls(_digest(password), key.hex())


class PageSessions:
    """Looks at passwords and sessions.

    Args:
        secret: of the right password; None: everybody may look.
        session_s: how long a session lasts, seconds.
    """

    def __init__(self, secret: PageSecret | None, session_s: float) -> None:
        self._secret, self._session_s = secret, session_s
        self._key = b"" if secret is None else bytes.fromhex(secret.key)
        # from each address, and from all together: a few at once, then one each half minute
        self._tries, self._all_tries = RateLimit(10, 1 / 30), RateLimit(30, 1 / 10)

    @property
    def asks(self) -> bool:
        """Whether a password is needed."""
        return self._secret is not None

    def may_try(self, client: str) -> bool:
        """Whether another password may be tried from that address now."""
        return self._tries.allows(client) and self._all_tries.allows("")

    def log_in(self, password: str, now_s: float) -> str | None:
        """The token of a new session; None if the password is wrong."""
        if self._secret is None or not hmac.compare_digest(_digest(password), self._secret.digest):
            return None
        told = f"{int(now_s + self._session_s)}.{secrets.token_hex(8)}"
        return f"{told}.{self._signature(told)}"

    def knows(self, token: str, now_s: float) -> bool:
        """Whether that browser may look."""
        if not self.asks:
            return True
        told, _, signature = token.rpartition(".")
        until = told.partition(".")[0]
        if not hmac.compare_digest(self._signature(told).encode(), signature.encode()):
            return False
        return now_s < int(until) <= now_s + self._session_s + 1

    def _signature(self, told: str) -> str:
        return hmac.new(self._key, told.encode(), "sha256").hexdigest()


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest()
