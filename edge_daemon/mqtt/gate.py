"""What becomes of a message that the outbox has handed over: it goes now, waits, or cannot pass."""

from __future__ import annotations

from typing import Literal

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.mqtt.in_flight import InFlight
from edge_daemon.mqtt.proven_topics import ProvenTopics
from edge_daemon.mqtt.read_back import ReadBack
from edge_daemon.mqtt.refusals import Refusals
from edge_daemon.mqtt.resting_priorities import RestingPriorities
from edge_daemon.mqtt.set_aside import SetAside
from edge_daemon.mqtt.wire import Wire
from edge_daemon.outbox.mailbox import Outgoing

ASIDE_NS = 60 * SECOND_NS
"""Rest of the outbox while no more messages may be set aside."""
Fate = Literal["go", "aside", "back"]
"""`go`: send it; `aside`: it stays marked as under way, and is not sent; `back`: the outbox has it again."""


class BrokerGate:
    """Decides by what the broker takes, what it has refused, and what the byte budget allows.

    Args:
        wire: the broker's limits, and the budget.
        refusals: topics that are refused.
        read_back: topics of which a message is awaited.
        set_aside: messages that cannot pass.
        in_flight: what is on its way.

    Attributes:
        priorities: those that rest.
        proven: topics that the broker takes.
    """

    def __init__(
        self, wire: Wire, refusals: Refusals, read_back: ReadBack, set_aside: SetAside, in_flight: InFlight
    ) -> None:
        self._wire, self._refusals, self._read_back = wire, refusals, read_back
        self._set_aside, self._in_flight = set_aside, in_flight
        self.priorities = RestingPriorities()
        self.proven = ProvenTopics()

    def topics_at_rest(self, now_ns: int) -> frozenset[str]:
        """Topics of which none is wanted now."""
        return self._refusals.resting(now_ns) | self._read_back.resting(now_ns) | self._unproven()

    def _unproven(self) -> frozenset[str]:
        """With a byte budget, topics whose first message ever waits for its answer: a refusal shall cost little."""
        if self._wire.budget.limit is None:
            return frozenset()
        return self.proven.unproven(message.topic for message in self._in_flight.outstanding)

    def fate(self, message: Outgoing, now_ns: int) -> Fate:
        """Decide."""
        topic, payload = message.topic, message.payload
        if message.id in self._set_aside.names:
            return "aside"
        if not self._wire.limits.takes(topic, payload):
            return self._put_aside(message, now_ns)
        if topic in self.topics_at_rest(now_ns):
            return "back"
        if not self._wire.allows(message.kind, topic, payload, now_ns):
            self.priorities.rest(message.priority, self._wire.budget.next_ns(now_ns), for_budget=True)
            return "back"
        cost, limit = self._wire.cost(topic, payload), self._wire.budget.limit
        return "go" if self._refusals.may_send(topic, cost, limit, now_ns) else "back"

    def _put_aside(self, message: Outgoing, now_ns: int) -> Fate:
        """A message that is too long waits until the broker takes longer ones."""
        if self._set_aside.full:
            self.priorities.rest(message.priority, now_ns + ASIDE_NS)
            return "back"
        self._set_aside.too_long(message)
        return "aside"
