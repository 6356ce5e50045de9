"""Answers to orders, into the outbox; refusals at a bounded rate, since anybody may cause them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from edge_daemon.clock.time_source import TimeSource
from edge_daemon.clock.utc import utc_text
from edge_daemon.mqtt.rate_limits import TokenBucket
from edge_daemon.orders.refusal import Reason
from edge_daemon.orders.reply import OrderReply
from edge_daemon.orders.trial_state import Outcome
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

log = logging.getLogger(__name__)

REPLY_PRIORITY = 2
REFUSALS_PER_S, MOST_AT_ONCE = 1 / 60, 10.0
"""Refusals that are answered and logged; all are counted."""


def reply_id(key: str, counter: int, outcome: Outcome) -> str:
    """The id of the message that answers an order: the same for the same answer."""
    return f"order-{key}-{counter}-{outcome}"


class OrderReplies:
    """Writes what became of orders.

    Args:
        device: the device's id.
        topic: of replies.
        outbox: takes them.
        time: clocks.
        dated: whether the clock knows the time.

    Attributes:
        refused: how many orders were refused, by reason.
    """

    def __init__(self, device: str, topic: str, outbox: Outbox, time: TimeSource, dated: Callable[[], bool]) -> None:
        self._device, self._topic, self._outbox, self._time, self._dated = device, topic, outbox, time, dated
        self._bucket = TokenBucket(REFUSALS_PER_S, MOST_AT_ONCE, time.monotonic_ns())
        self.refused: Counter[Reason] = Counter()

    def put(
        self, key: str, counter: int, kind: str, outcome: Outcome, text: str = "", detail: dict[str, Any] | None = None
    ) -> None:
        """Answer an order."""
        log.info("an order from shore", extra={"kind": kind, "order": counter, "outcome": outcome, "text": text})
        name = reply_id(key, counter, outcome)
        self._write(name, key=key, order=counter, kind=kind, outcome=outcome, text=text, detail=detail or {})

    def refuse(
        self, reason: Reason, text: str, key: str | None = None, counter: int | None = None, kind: str = ""
    ) -> None:
        """Count an order that is not obeyed, and say so while there is room for it."""
        self.refused[reason] += 1
        now_ns = self._time.monotonic_ns()
        if not self._bucket.available(now_ns):
            return
        self._bucket.take(1, now_ns)
        log.warning("an order was refused", extra={"reason": reason, "text": text, "order": counter})
        name = f"order-refused-{uuid4()}"
        self._write(name, key=key, order=counter, kind=kind or None, outcome="refused", reason=reason, text=text)

    def commit(self) -> bool:
        """Whether all answers so far are on disk."""
        return self._outbox.commit()

    def _write(self, name: str, **fields: Any) -> None:
        utc_ns = self._time.utc_ns()
        reply = OrderReply(device=self._device, utc=utc_text(utc_ns), **fields)
        payload = reply.to_json().encode()
        self._outbox.put(Message(name, self._topic, payload, "reply", REPLY_PRIORITY, utc_ns, self._dated()))
