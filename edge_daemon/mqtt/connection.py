"""State machine of the connection to the broker: when to try, which protocol, when to give up and wait.

    waiting ──due──▶ connecting ──accepted──▶ online
       ▲                 │                      │
       └─────failed──────┴───────failed─────────┘

Waits grow with each failure and have jitter. They are reset only after a connection that lasted: a broker that accepts
and drops at once is met with growing waits too, or a small board would drown in handshakes.

With `auto`, MQTT 3.1.1 is taken only for the next attempt after evidence that the broker does not know version 5: it
said so, or closed without an answer, twice (once where 3.1.1 has worked after that before). Proxies close like that,
too, while a broker restarts; so version 5 is tried again with every new connection, and now and then during one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.system.backoff import Backoff, Retry

Protocol = Literal["mqtt5", "mqtt311"]
State = Literal["waiting", "connecting", "online"]

STABLE_NS = 30 * SECOND_NS
"""A connection that lasted this long ends a series of failures."""
SILENT_CLOSES = 2
"""Connections closed without an answer before the other protocol version is tried."""
RENEWAL = Backoff(first_s=600.0, limit_s=86_400.0, jitter=0.1)
"""How long a connection with MQTT 3.1.1, taken for want of better, lasts before version 5 is tried in its place."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a connection was not made or ended.

    Attributes:
        reason: for people, as "the broker refused user name or password".
        unsupported_protocol: the broker said that it does not speak this version of MQTT.
        silent: the broker closed before it answered, as some do with versions they do not know.
        reached: somebody was reached: a connection stood, and bytes went over the link.
        code: MQTT 5's reason code, of CONNACK or DISCONNECT; None without one.
    """

    reason: str
    unsupported_protocol: bool = False
    silent: bool = False
    reached: bool = False
    code: int | None = None


class Connection:
    """The state, fed with what happens and asked what is due.

    Args:
        choice: protocol from the configuration; `auto` begins with MQTT 5.
        backoff: the waiting rule.
        timeout_s: an attempt without an answer for this long has failed.
        rng: where the jitter comes from.
    """

    def __init__(
        self,
        choice: Literal["auto", "mqtt5", "mqtt311"],
        backoff: Backoff,
        timeout_s: float,
        rng: random.Random,
    ) -> None:
        self.state: State = "waiting"
        self.protocol: Protocol = "mqtt311" if choice == "mqtt311" else "mqtt5"
        self.failure: Failure | None = None
        self.since_ns: int | None = None
        self.attempts = 0
        self.accepted_count = 0
        self._automatic = choice == "auto"
        self._fell_back = False
        self._old_works = False  # 3.1.1 was accepted the last time that it was tried
        self._silent = 0
        self._retry = Retry(backoff, rng)
        self._renewal = Retry(RENEWAL, rng)
        self._at_once_ns: int | None = None
        self._timeout_ns = round(timeout_s * SECOND_NS)

    def due(self, now_ns: int) -> bool:
        """Whether a connection should be attempted now."""
        if self.state != "waiting":
            return False
        return self._at_once_ns is not None or self._retry.due(now_ns)

    def deadline_ns(self) -> int | None:
        """When something is due by itself: the next attempt, or the end of patience; None while online."""
        if self.state == "waiting":
            return 0 if self._retry.next_ns is None or self._at_once_ns is not None else self._retry.next_ns
        if self.state == "connecting":
            return (self.since_ns or 0) + self._timeout_ns
        return None

    def overdue(self, now_ns: int) -> bool:
        """Whether an attempt has been without an answer for too long."""
        return self.state == "connecting" and now_ns >= (self.since_ns or 0) + self._timeout_ns

    def began(self, now_ns: int) -> None:
        """An attempt has begun."""
        self.attempts += 1
        self._at_once_ns = None
        self._enter("connecting", now_ns)

    def accepted(self, now_ns: int) -> None:
        """The broker has accepted us."""
        self.accepted_count += 1
        self.failure = None
        self._fell_back = False
        self._silent = 0
        self._enter("online", now_ns)
        if self.downgraded:
            self._old_works = True
            self._renewal.failed(now_ns)
        else:
            self._old_works = False
            self._renewal.succeeded()

    def failed(self, failure: Failure, now_ns: int, *, at_once: bool = False) -> None:
        """The attempt or the connection has ended.

        Args:
            failure: why.
            now_ns: monotonic time.
            at_once: the caller knows what to do better, so the next attempt need not wait.
        """
        if self.state == "online" and now_ns - (self.since_ns or 0) >= STABLE_NS:
            self._retry.succeeded()
        self.failure = failure
        at_once = self._change_protocol(failure) or at_once
        self._enter("waiting", now_ns)
        if at_once:
            self._at_once_ns = now_ns
        else:
            self._retry.failed(now_ns)

    @property
    def downgraded(self) -> bool:
        """Whether MQTT 3.1.1 is spoken though version 5 was wished for."""
        return self._automatic and self.protocol == "mqtt311"

    def renewal_due(self, now_ns: int) -> bool:
        """Whether a connection with the older version has lasted so long that version 5 should be tried again."""
        return self.state == "online" and self.downgraded and self._renewal.due(now_ns)

    def renew(self, now_ns: int) -> None:
        """The connection was ended in order to try version 5; the attempt is due at once."""
        self.protocol = "mqtt5"
        self._silent = 0
        self._enter("waiting", now_ns)
        self._at_once_ns = now_ns

    def _change_protocol(self, failure: Failure) -> bool:
        """Take the other version where that may help; True if it is worth an attempt at once."""
        if not self._automatic:
            return False
        if self.state != "connecting" or self.protocol == "mqtt311":
            self.protocol, self._silent = "mqtt5", 0
            self._old_works = self._old_works and self.state != "connecting"
            return False
        self._silent = self._silent + 1 if failure.silent else 0
        if not failure.unsupported_protocol and self._silent < (1 if self._old_works else SILENT_CLOSES):
            return False
        self._silent = 0
        self.protocol = "mqtt311"
        at_once = (failure.unsupported_protocol or self._old_works) and not self._fell_back
        self._fell_back = True
        return at_once

    def _enter(self, state: State, now_ns: int) -> None:
        self.state = state
        self.since_ns = now_ns
