"""What the broker keeps of us, all of it retained: birth, farewell, last will, announcements.

Where the broker keeps nothing (no retained messages, QoS 0 only), each is sent as well as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_daemon.mqtt.announcements import Announcement, Announcements
from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.in_flight import InFlight, Sent
from edge_daemon.mqtt.link import Will
from edge_daemon.mqtt.link_history import LinkHistory
from edge_daemon.mqtt.refusals import Refusals
from edge_daemon.mqtt.topics import OFFLINE, ONLINE
from edge_daemon.mqtt.wire import Wire

RETAIN_NOT_SUPPORTED = 154
QOS_NOT_SUPPORTED = 155


class Presence:
    """Birth, farewell, last will and announcements of one device.

    Args:
        status: topic of `online` and `offline`.
        announcements: see `Announcement`.
        wire: where packets leave.
        in_flight: where they wait for their acknowledgement.
        refusals: topics that are refused.
        history: told of what should be acknowledged.

    Attributes:
        will: for the next connection.
    """

    def __init__(
        self,
        status: str,
        announcements: Sequence[Announcement],
        wire: Wire,
        in_flight: InFlight,
        refusals: Refusals,
        history: LinkHistory,
    ) -> None:
        self.will = Will(status, OFFLINE)
        self._status = status
        self._wire, self._in_flight, self._refusals, self._history = wire, in_flight, refusals, history
        self._announcements = Announcements(announcements)
        self._farewell: int | None = None  # packet of the last `offline`; 0: the last will says it in its place

    def learn(self, limits: BrokerLimits) -> None:
        """The next connection's will is as good as this broker allows."""
        if limits.reason_codes:  # version 3.1.1 tells nothing: what was refused before stays so
            self.will = Will(self._status, OFFLINE, limits.qos, limits.retain_available)

    def connection_began(self, now_ns: int) -> None:
        """Say that we are there."""
        self._publish(self._status, ONLINE, now_ns)
        self._announcements.begin()

    def connection_ended(self) -> None:
        """Nothing is awaited any more."""
        self._farewell = None

    def ask_less(self, failure: Failure) -> bool:
        """Ask less of a broker that refuses the last will; True if it is less than before."""
        before = self.will
        if failure.code == RETAIN_NOT_SUPPORTED:
            self.will = Will(before.topic, before.payload, before.qos, retain=False)
        elif failure.code == QOS_NOT_SUPPORTED:
            self.will = Will(before.topic, before.payload, 0, before.retain)
        return self.will != before

    def say_farewell(self, now_ns: int) -> None:
        """Say that we leave; where the broker takes nothing more, its last will does that."""
        self._farewell = 0
        if self._in_flight.takes_more:
            self._farewell = self._publish(self._status, OFFLINE, now_ns)

    @property
    def farewell_taken(self) -> bool:
        """Whether the broker has answered it, it could not be sent, or there is none."""
        return not self._farewell

    @property
    def leaves_to_will(self) -> bool:
        """Whether the last will has to say the farewell."""
        return self._farewell is not None

    def acknowledged(self, packet: int, sent: Sent) -> None:
        """The broker has taken one of ours."""
        if self._announcements.taken(sent.topic):
            self._refusals.taken(self._announcements.key(sent.topic))
        if packet == self._farewell:
            self._farewell = None

    def rejected(self, packet: int, sent: Sent, reason: str, now_ns: int) -> None:
        """The broker has refused one of ours; it is tried again when its topic has rested."""
        self._in_flight.remove(packet)
        self._refusals.refused(self._announcements.key(sent.topic), reason, now_ns)
        self._announcements.refused(sent.topic)
        if packet == self._farewell:
            self._farewell = 0

    def step(self, now_ns: int) -> None:
        """Send what is due as far as messages leave room, and the budget allows."""
        in_flight, announcements = self._in_flight, self._announcements
        if self._status in self._refusals and in_flight.takes_announcement and self._may_try(self._status, 6, now_ns):
            self._publish(self._status, ONLINE, now_ns)
        while (announcement := announcements.next()) is not None and in_flight.takes_announcement:
            topic, payload = announcement
            if not self._wire.allows("discovery", topic, payload, now_ns):
                return
            if not self._may_try(announcements.key(topic), len(payload), now_ns):
                return
            announcements.sent()
            if self._publish(topic, payload, now_ns) is None:
                announcements.taken(topic)

    @property
    def announces(self) -> bool:
        """Whether announcements wait that are not refused."""
        announcement = self._announcements.next()
        return announcement is not None and self._announcements.key(announcement[0]) not in self._refusals

    @property
    def announced(self) -> bool:
        """Whether the broker has all announcements."""
        return self._announcements.done

    def _may_try(self, key: str, length: int, now_ns: int) -> bool:
        """Whether a topic is not refused, or may be tried now; then this is the one trial."""
        return self._refusals.may_send(key, self._wire.cost(key, b" " * length), self._wire.budget.limit, now_ns)

    def _publish(self, topic: str, payload: bytes, now_ns: int) -> int | None:
        """Send retained, regardless of the budget; the packet, if an answer is to come."""
        if not self._wire.takes(topic, payload):
            return None
        packet = self._wire.publish(topic, payload, now_ns, retain=True)
        if self._wire.limits.qos == 0:
            return None
        self._history.sent(now_ns)
        self._in_flight.add(packet, Sent(now_ns, topic))
        return packet
