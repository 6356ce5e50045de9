"""Messages that cannot pass now and must not hold up the others: longer than the broker takes, or cutting the link.

They stay in the outbox, marked as under way, and are tried again: those that are too long when a connection's limits
let them pass, the others after pauses that grow. A message is taken to cut the link when the connection has ended
several times while it alone had no answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.rate_limits import packet_bytes
from edge_daemon.outbox.mailbox import Outgoing
from edge_daemon.system.backoff import Backoff, Retry

MOST = 100
"""Messages that are set aside at once; while there are so many, no more of the outbox are looked at."""
STRIKES = 3
"""Connections that a message must have ended alone."""
PAUSES = Backoff(first_s=60.0, limit_s=3600.0, jitter=0.0)
"""Rest of a message that cuts the link."""


@dataclass(slots=True)
class _Aside:
    topic: str
    payload: bytes
    too_long: bool
    until_ns: int


@dataclass(slots=True)
class _Suspect:
    topic: str
    payload: bytes
    retry: Retry
    strikes: int = 0
    forgiven: bool = False


class SetAside:
    """What is set aside, and what is suspected.

    Args:
        rng: for the pauses' jitter.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._aside: dict[str, _Aside] = {}
        self._suspects: dict[str, _Suspect] = {}
        self._outstanding: dict[str, Outgoing] = {}  # when the last connection ended

    @property
    def full(self) -> bool:
        """Whether no more may be set aside."""
        return len(self._aside) >= MOST

    @property
    def careful(self) -> bool:
        """Whether messages should go one by one, because one of them may cut the link."""
        return any(name not in self._aside for name in self._suspects)

    def too_long(self, message: Outgoing) -> None:
        """The broker takes no packet so long."""
        self._aside[message.id] = _Aside(message.topic, message.payload, too_long=True, until_ns=0)

    def connection_ended(self, outstanding: Iterable[Outgoing], now_ns: int, *, answered: bool) -> None:
        """The connection has ended while these messages had no answer; whoever was so twice running is suspected.

        Args:
            outstanding: the messages.
            now_ns: monotonic time.
            answered: whether the broker had answered anything on this connection; a mute one proves nothing.
        """
        before, self._outstanding = self._outstanding, {message.id: message for message in outstanding}
        alone = len(self._outstanding) == 1
        for name, message in self._outstanding.items():
            suspect = self._suspects.get(name)
            if suspect is None and (alone or name in before):
                suspect = _Suspect(message.topic, message.payload, Retry(PAUSES, self._rng))
                if len(self._suspects) < MOST:
                    self._suspects[name] = suspect
            if suspect is not None and alone and answered:
                suspect.strikes += 1
                if suspect.strikes >= STRIKES and not self.full:
                    until_ns = suspect.retry.failed(now_ns)
                    self._aside[name] = _Aside(suspect.topic, suspect.payload, too_long=False, until_ns=until_ns)

    def passed(self, name: str) -> list[str]:
        """A message has passed: it is above suspicion. Those to be offered again, because the broker works now.

        What was set aside while nothing passed may have been the broker's fault; it gets one more chance at once.
        """
        self._suspects.pop(name, None)
        self._outstanding.pop(name, None)
        again = []
        for other, suspect in self._suspects.items():
            if other in self._aside and not suspect.forgiven:
                suspect.forgiven = True
                del self._aside[other]
                again.append(other)
        return again

    def forget_suspects(self) -> None:
        """Those that are not set aside are in the outbox no more: a limit may have dropped them."""
        self._suspects = {name: one for name, one in self._suspects.items() if name in self._aside}

    def due(self, limits: BrokerLimits, now_ns: int) -> list[str]:
        """Those to be offered again: they would pass now, or have rested."""
        again = [
            name
            for name, one in self._aside.items()
            if (limits.takes(one.topic, one.payload) if one.too_long else now_ns >= one.until_ns)
        ]
        for name in again:
            del self._aside[name]
        return again

    def next_ns(self) -> int | None:
        """When the next one has rested."""
        return min((one.until_ns for one in self._aside.values() if not one.too_long), default=None)

    @property
    def names(self) -> frozenset[str]:
        """Ids of what is set aside."""
        return frozenset(self._aside)

    def largest(self) -> dict[str, tuple[int, int]]:
        """By topic: how many messages are set aside, and the packet length of the longest, bytes."""
        found: dict[str, tuple[int, int]] = {}
        for one in self._aside.values():
            count, longest = found.get(one.topic, (0, 0))
            found[one.topic] = (count + 1, max(longest, packet_bytes(one.topic, one.payload)))
        return found
