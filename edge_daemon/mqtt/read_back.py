"""Finds out by asking whether the broker takes what we publish, where it does not say so.

MQTT 3.1.1 has no reason codes: a broker acknowledges a message that it throws away because a right is missing. A broker
that takes QoS 0 alone acknowledges nothing. So we subscribe to the topic and wait for the message to come back. With
3.1.1 this is one message of each topic after each connection, and again after a quarter of an hour; until it is back,
no other of that topic is sent. With QoS 0 it is every message.

What it costs: a subscription and a message more on the link each time (every message twice with QoS 0), and the right
to read the own topics. What it cannot know: whether later messages pass until the next one is read back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.link import Link, Subscribed

PROVEN_NS = 900 * SECOND_NS
"""How long a message that came back speaks for others of its topic."""
ANSWER_NS = 10 * SECOND_NS
"""How long a broker may take to answer a subscription before it counts as one that cannot be asked."""
MOST_CUTS = 2
"""Connections that the broker may end on a subscription before it counts as one that cannot be asked."""
SILENT_NS = 3600 * SECOND_NS
"""After that, how long it is not asked."""


@dataclass(slots=True)
class _Asked:
    packet: int
    since_ns: int
    granted: bool = False


class ReadBack:
    """What the broker is known to take on one connection.

    Args:
        link: the connection.
        wanted: whether to ask at all (`mqtt.read_back`).
    """

    def __init__(self, link: Link, *, wanted: bool) -> None:
        self._link, self._wanted = link, wanted
        self._limits = BrokerLimits()
        self._asked: dict[str, _Asked] = {}
        self._proven_ns: dict[str, int] = {}
        self._probes: dict[tuple[str, bytes], deque[int]] = {}
        self._cuts = 0
        self._cannot_ask_until_ns = 0

    def begin(self, limits: BrokerLimits) -> None:
        """A new connection: nothing is known."""
        self._limits = limits
        self._forget()

    def connection_ended(self, now_ns: int) -> None:
        """The broker may have ended it because we asked."""
        if any(not one.granted for one in self._asked.values()):
            self._cuts += 1
            if self._cuts >= MOST_CUTS:
                self._cuts = 0
                self._cannot_ask_until_ns = now_ns + SILENT_NS
        self._forget()

    def _forget(self) -> None:
        self._asked.clear()
        self._proven_ns.clear()
        self._probes.clear()

    @property
    def blind(self) -> bool:
        """Whether this broker does not say what it takes."""
        return not self._limits.reason_codes or self._limits.qos == 0

    def asks(self, now_ns: int) -> bool:
        """Whether messages are read back on this connection."""
        return self._wanted and self.blind and now_ns >= self._cannot_ask_until_ns

    def needed(self, topic: str, now_ns: int) -> bool:
        """Whether the next message of a topic has to come back."""
        return self.asks(now_ns) and (self._limits.qos == 0 or self._unproven(topic, now_ns))

    def resting(self, now_ns: int) -> frozenset[str]:
        """Topics of which a message is awaited, so that no other may follow yet."""
        if not self.asks(now_ns):
            return frozenset()
        return frozenset(topic for topic, _ in self._probes if self._unproven(topic, now_ns))

    def _unproven(self, topic: str, now_ns: int) -> bool:
        proven_ns = self._proven_ns.get(topic)
        return proven_ns is None or now_ns - proven_ns >= PROVEN_NS

    def ask(self, topic: str, now_ns: int) -> None:
        """Subscribe to a topic, before the message is sent that is to come back."""
        if topic not in self._asked:
            self._asked[topic] = _Asked(self._link.subscribe(topic), now_ns)

    def sent(self, topic: str, payload: bytes, packet: int) -> None:
        """This one is to come back."""
        self._probes.setdefault((topic, payload), deque()).append(packet)

    def subscribed(self, event: Subscribed) -> str | None:
        """The broker has answered; the topic that it does not let us read, if it is so."""
        topic = next((name for name, one in self._asked.items() if one.packet == event.packet), None)
        if topic is None:
            return None
        if event.qos is None:
            del self._asked[topic]  # asked again with the next message
            return topic
        self._asked[topic].granted = True
        self._cuts = 0
        return None

    def received(self, topic: str, payload: bytes, now_ns: int) -> int | None:
        """A message has come; the packet as which we sent it, if it is one of ours."""
        packets = self._probes.get((topic, payload))
        if packets is None:
            return None
        packet = packets.popleft()
        if not packets:
            del self._probes[topic, payload]
        self._proven_ns[topic] = now_ns
        if self._limits.qos > 0:
            self._asked.pop(topic, None)
            self._link.unsubscribe(topic)
        return packet

    def gave_up(self, topic: str, payload: bytes) -> None:
        """It is not awaited any more, nor does the topic count as taken."""
        self._probes.pop((topic, payload), None)
        self._proven_ns.pop(topic, None)

    def unanswered(self, now_ns: int) -> bool:
        """Whether the broker has not answered a subscription for too long; then it is not asked for some time."""
        if all(one.granted or now_ns - one.since_ns < ANSWER_NS for one in self._asked.values()):
            return False
        self._cannot_ask_until_ns = now_ns + SILENT_NS
        self._forget()
        return True

    def next_ns(self) -> int | None:
        """When patience with the broker's answer ends."""
        return min((one.since_ns + ANSWER_NS for one in self._asked.values() if not one.granted), default=None)

    def doubt(self, version: str, now_ns: int) -> str | None:
        """What cannot be known on this connection, for people; None where the broker says all."""
        if not self.blind:
            return None
        why = (
            f"MQTT {'3.1.1' if version == 'mqtt311' else '5 with QoS 0 alone'} does not say whether a message is taken"
        )
        if self._wanted and not self.asks(now_ns):
            return f"{why}, and the broker does not let us ask by reading our own topics"
        if not self._wanted:
            return f"{why}, and mqtt.read_back is false"
        return None
