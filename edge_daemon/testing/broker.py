"""A broker and a link in memory: the twin of the real ones, with the faults that a test wants."""

from __future__ import annotations

from dataclasses import replace

from paho.mqtt.client import topic_matches_sub

from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Accepted, Acknowledged, Event, Lost, Received, Rejected, Request, Subscribed
from edge_daemon.mqtt.rate_limits import packet_bytes


class MemoryBroker:
    """A broker that can be down, refuse, hold its acknowledgements, or reject.

    Attributes:
        up: False refuses connections and has dropped those that were there.
        versions: protocol versions that it speaks.
        password: that it asks for; None accepts anybody.
        answering: False leaves connection attempts and messages without an answer.
        acknowledging: False takes messages without a word.
        window: most unacknowledged messages that it wants.
        limits: what its CONNACK says besides, in version 5.
        readable: False refuses subscriptions, None does not answer them.
        poison: payloads on which it closes the connection without a word.
        dropping: topics on which it throws away, and acknowledges all the same where its version has no reasons.
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
        self.limits = BrokerLimits()
        self.readable: bool | None = True
        self.poison: set[bytes] = set()
        self.dropping: set[str] = set()
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
            if any(topic_matches_sub(pattern, topic) for pattern in link.patterns):
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
        elif (code := self._refused_will(request)) is not None:
            self.events.append(Lost(Failure("the broker refused us", reached=True, code=code)))
        else:
            self.request = request
            self._unanswered = 0
            broker.links.append(self)
            if request.version == "mqtt5":
                self.events.append(Accepted(replace(broker.limits, receive_maximum=broker.window)))
            else:
                self.events.append(Accepted(BrokerLimits(reason_codes=False)))

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int:
        """Deliver and acknowledge, as far as the broker does."""
        self._packet += 1
        broker = self._broker
        if self.request is None or not broker.answering:
            return self._packet
        if qos:
            self._unanswered += 1
            broker.most_unanswered = max(broker.most_unanswered, self._unanswered)
        size, most = packet_bytes(topic, payload, acknowledged=qos > 0), broker.limits.maximum_packet_size
        if payload in broker.poison or (most is not None and size > most):
            self._cut(Failure("the connection was lost", reached=True))
            return self._packet
        if qos > broker.limits.maximum_qos or (retain and not broker.limits.retain_available):
            self._cut(Failure("the connection was lost: protocol error", reached=True, code=130))
            return self._packet
        refused = topic in broker.forbidden or topic in broker.dropping  # where it can say so, it does
        reason = "not authorized" if refused else broker.rejecting
        if qos and reason is not None and self.request.version == "mqtt5":
            self.events.append(Rejected(self._packet, reason))
            return self._packet
        if qos == 0 or broker.acknowledging:  # of QoS 0 this only says that it was written
            self.events.append(Acknowledged(self._packet))
        if reason is None:
            broker.deliver(topic, payload, retain=retain)
        return self._packet

    def _cut(self, failure: Failure) -> None:
        """The broker closes; what it has said before is still read."""
        said = list(self.events)
        self.close(polite=False)
        self.events += [*said, Lost(failure)]

    def _refused_will(self, request: Request) -> int | None:
        """The reason code for a last will that the broker cannot keep."""
        will, limits = request.will, self._broker.limits
        if will is None:
            return None
        if will.retain and not limits.retain_available:
            return 154
        return 155 if will.qos > limits.maximum_qos else None

    def subscribe(self, pattern: str) -> int:
        """Receive what matches, retained messages first."""
        self._packet += 1
        broker = self._broker
        if not broker.answering or broker.readable is None:
            return self._packet
        if not broker.readable:
            self.events.append(Subscribed(self._packet, None))
            return self._packet
        self.events.append(Subscribed(self._packet, 1))
        self.patterns.append(pattern)
        for topic, payload in broker.retained.items():
            if topic_matches_sub(pattern, topic):
                self.events.append(Received(topic, payload, retained=True))
        return self._packet

    def unsubscribe(self, pattern: str) -> None:
        """Receive no more of that."""
        if pattern in self.patterns:
            self.patterns.remove(pattern)

    def acknowledge(self, packet: int) -> None:
        """Every message is taken at once."""

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
                will = self.request.will
                self._broker.deliver(will.topic, will.payload, retain=will.retain)
        self.request = None
        self.patterns.clear()
        self.events.clear()

    def release(self) -> None:
        """Nothing to give back."""
