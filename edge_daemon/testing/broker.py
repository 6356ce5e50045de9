"""A broker and a link in memory: the twin of the real ones, with the faults that a test wants."""

from __future__ import annotations

from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Accepted, Acknowledged, Event, Lost, Received, Rejected, Request


class MemoryBroker:
    """A broker that can be down, refuse, hold its acknowledgements, or reject.

    Attributes:
        up: False refuses connections and has dropped those that were there.
        versions: protocol versions that it speaks.
        password: that it asks for; None accepts anybody.
        answering: False leaves connection attempts and messages without an answer.
        acknowledging: False takes messages without a word.
        window: most unacknowledged messages that it wants.
        rejecting: reason for which it rejects every QoS 1 message, or None.
        forbidden: topics on which it rejects them.
        most_unanswered: QoS 1 packets of one link without an answer, at most so far.
        received: topic and payload of everything published, in order.
        retained: retained payload by topic.
    """

    def __init__(self) -> None:
        self.up = True
        self.versions: set[str] = {"mqtt5", "mqtt311"}
        self.password: str | None = None
        self.answering = True
        self.acknowledging = True
        self.window = 65_535
        self.rejecting: str | None = None
        self.forbidden: set[str] = set()
        self.most_unanswered = 0
        self.received: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}
        self.links: list[MemoryLink] = []

    def payloads(self, topic: str) -> list[bytes]:
        """What was published on a topic."""
        return [payload for name, payload in self.received if name == topic]

    def kill(self) -> None:
        """Die without a word; links notice, no last will is published."""
        self.up = False
        for link in self.links:
            link.events.append(Lost(Failure("the connection was lost")))
            link.request = None
        self.links.clear()

    def deliver(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Take a message and pass it on to all subscribers."""
        self.received.append((topic, payload))
        if retain:
            self.retained[topic] = payload
        for link in self.links:
            if link.patterns:
                link.events.append(Received(topic, payload, retained=False))


class MemoryLink:
    """A link to a `MemoryBroker`; `poll` does not wait."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._packet = 0
        self.request: Request | None = None
        self.requests: list[Request] = []
        self.events: list[Event] = []
        self.patterns: list[str] = []
        self._unanswered = 0

    def open(self, request: Request) -> None:
        """Accepted at once, or refused with a reason."""
        self.requests.append(request)
        broker = self._broker
        if not broker.up:
            self.events.append(Lost(Failure("connection refused")))
        elif not broker.answering:
            return
        elif request.version not in broker.versions:
            self.events.append(
                Lost(Failure("the broker does not speak this version", unsupported_protocol=True, reached=True))
            )
        elif broker.password is not None and request.password != broker.password:
            self.events.append(Lost(Failure("the broker refused user name or password", reached=True)))
        else:
            self.request = request
            self._unanswered = 0
            broker.links.append(self)
            self.events.append(Accepted(broker.window))

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int:
        """Deliver and acknowledge, as far as the broker does."""
        self._packet += 1
        broker = self._broker
        if self.request is None or not broker.answering:
            return self._packet
        if qos:
            self._unanswered += 1
            broker.most_unanswered = max(broker.most_unanswered, self._unanswered)
        reason = "not authorized" if topic in broker.forbidden else broker.rejecting
        if qos and reason is not None:
            self.events.append(Rejected(self._packet, reason))
            return self._packet
        broker.deliver(topic, payload, retain=retain)
        if qos and broker.acknowledging:
            self.events.append(Acknowledged(self._packet))
        return self._packet

    def subscribe(self, pattern: str) -> None:
        """Receive everything (patterns are not matched here), retained messages first."""
        self.patterns.append(pattern)
        self.events += [Received(topic, payload, retained=True) for topic, payload in self._broker.retained.items()]

    def poll(self, timeout_s: float) -> list[Event]:  # noqa: ARG002 - the twin does not wait
        """Events since the last call."""
        events, self.events = self.events, []
        self._unanswered -= sum(isinstance(event, Acknowledged | Rejected) for event in events)
        return events

    def wake(self) -> None:
        """Nothing to wake."""

    def close(self, *, polite: bool) -> None:
        """Leave; without politeness the last will is published."""
        if self.request is not None and self in self._broker.links:
            self._broker.links.remove(self)
            if not polite and self.request.will is not None:
                self._broker.deliver(*self.request.will, retain=True)
        self.request = None
        self.patterns.clear()
        self.events.clear()

    def release(self) -> None:
        """Nothing to give back."""
