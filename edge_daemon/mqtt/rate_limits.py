"""How much may be sent: messages by a token bucket, bytes by an hour's budget.

On a slow or costly link no hour carries more than so many bytes, and the important goes first.

Bytes are counted in slots of one minute. The last 61 slots, the running one included, may not exceed the budget, so no
60 minutes do. Less important kinds may only use a part of it: when little is left, only
status and detections still pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge_daemon.clock.time_source import SECOND_NS

SLOT_NS = 60 * SECOND_NS
SLOTS = 61

SHARES: Mapping[str, float] = {
    "status": 1.0,
    "detection": 0.92,
    "reply": 0.92,
    "tally": 0.9,
    "effort": 0.85,
    "thumbnail": 0.75,
    "health": 0.7,
    "discovery": 0.6,
    "excerpt": 0.5,
}
"""Part of the budget that a kind may fill up; kinds not named here take the least."""
LEAST_SHARE = 0.5
ONE_AN_HOUR: Mapping[str, float] = {"tally": 0.97, "effort": 0.97, "health": 0.97}
"""Kinds of which one an hour may fill up so much: what the device heard is worth little if nobody knows that it did."""
CAPS: Mapping[str, float] = {"health": 0.1}
"""Part of the budget that all of a kind may take within an hour; so its interval grows where the budget is small."""

TCP_BYTES = 40
TLS_BYTES = 29
CONNECT_BYTES = 400
TLS_CONNECT_BYTES = 6000
ALIAS_BYTES = 3
"""A topic's alias among the properties of a packet (MQTT 5, 3.3.2.3.4)."""
PING_BYTES = 2


def packet_bytes(topic: str, payload: bytes, *, acknowledged: bool = True, aliased: bool = False) -> int:
    """Length of a PUBLISH packet of MQTT 5 without properties but an alias; one of 3.1.1 is a byte shorter.

    Fixed header (2 to 5) + topic (2 + n) + packet identifier 2 (QoS 1 alone) + properties (1 + alias) + payload.
    """
    inner = 2 + len(topic.encode()) + 1 + len(payload) + (2 if acknowledged else 0) + (ALIAS_BYTES if aliased else 0)
    return 2 + (inner > 127) + (inner > 16_383) + (inner > 2_097_151) + inner


def ping_bytes(*, tls: bool) -> int:
    """What asking whether the other side is still there costs on the link, both ways."""
    return 2 * (PING_BYTES + TCP_BYTES + (TLS_BYTES if tls else 0))


def wire_bytes(topic: str, payload: bytes, *, tls: bool, acknowledged: bool = True, aliased: bool = False) -> int:
    """Estimate of what a message costs on the link, both ways.

    MQTT: the packet; the acknowledgement 4.
    Each way one TCP/IP header (40, IPv4 without options), and with TLS one record (29: header 5, nonce 8, tag 16).
    """
    ways = 2 if acknowledged else 1
    packet = packet_bytes(topic, payload, acknowledged=acknowledged, aliased=aliased)
    return packet + (4 if acknowledged else 0) + ways * (TCP_BYTES + (TLS_BYTES if tls else 0))


class HourBudget:
    """Bytes spent within the last hour, against a limit.

    Args:
        limit: bytes per hour, or None for no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._slots: dict[tuple[int, str], int] = {}

    def spent(self, now_ns: int, kind: str | None = None) -> int:
        """Bytes in the last 60 to 61 minutes, of one kind or of all."""
        first = now_ns // SLOT_NS - SLOTS + 1
        self._slots = {slot: count for slot, count in self._slots.items() if slot[0] >= first}
        return sum(count for slot, count in self._slots.items() if kind is None or slot[1] == kind)

    def spend(self, count: int, now_ns: int, kind: str = "") -> None:
        """Note bytes that were sent, whether or not they were allowed (a connection must be made)."""
        slot = now_ns // SLOT_NS, kind
        self._slots[slot] = self._slots.get(slot, 0) + count

    def allows(self, kind: str, count: int, now_ns: int) -> bool:
        """Whether `count` bytes of this kind fit now."""
        if self.limit is None:
            return True
        after, of_kind = self.spent(now_ns) + count, self.spent(now_ns, kind)
        if of_kind == 0 and after <= self.limit * ONE_AN_HOUR.get(kind, 0.0):
            return True
        if of_kind + count > self.limit * CAPS.get(kind, 1.0):
            return False
        return after <= self.limit * SHARES.get(kind, LEAST_SHARE)

    def next_ns(self, now_ns: int) -> int:
        """When the next slot begins: the first time at which more can be allowed."""
        return (now_ns // SLOT_NS + 1) * SLOT_NS


class TokenBucket:
    """A steady rate with short bursts: a bucket of tokens that starts full.

    It holds up to `burst` tokens and gains `rate` a second; each message takes one. A backlog then drains at `rate`,
    and a few new messages after a quiet time go out at once.

    Args:
        rate: tokens gained per second, > 0.
        burst: most tokens that it holds, ≥ 1.
        now_ns: monotonic time at the start.
    """

    def __init__(self, rate: float, burst: float, now_ns: int) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"a bucket needs rate > 0 and burst ≥ 1, not {rate} and {burst}")
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at_ns = now_ns

    def available(self, now_ns: int) -> int:
        """Whole tokens that can be taken now."""
        self._refill(now_ns)
        return math.floor(self._tokens + 1e-9)

    def take(self, count: int, now_ns: int) -> None:
        """Take tokens that are available (ValueError otherwise)."""
        if count > self.available(now_ns):
            raise ValueError(f"{count} tokens asked, {self.available(now_ns)} there")
        self._tokens = max(0.0, self._tokens - count)

    def next_ns(self, now_ns: int) -> int:
        """Time at which one token will be available; `now_ns` if one is."""
        self._refill(now_ns)
        missing = 1.0 - self._tokens
        return now_ns if missing <= 1e-9 else now_ns + math.ceil(missing / self.rate * SECOND_NS)

    def _refill(self, now_ns: int) -> None:
        elapsed = max(0, now_ns - self._at_ns)
        self._tokens = min(self.burst, self._tokens + elapsed / SECOND_NS * self.rate)
        self._at_ns = max(self._at_ns, now_ns)
