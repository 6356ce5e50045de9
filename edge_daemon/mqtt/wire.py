"""What goes to the broker, all of it: within the limits of its CONNACK, and paid for from the byte budget."""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.link import Link
from edge_daemon.mqtt.rate_limits import (
    CONNECT_BYTES,
    TLS_CONNECT_BYTES,
    HourBudget,
    packet_bytes,
    ping_bytes,
    wire_bytes,
)
from edge_daemon.mqtt.topic_aliases import TopicAliases


class Wire:
    """The one place from which packets leave.

    Args:
        link: the connection.
        settings: section `mqtt`.

    Attributes:
        budget: bytes of the last hour.
        too_long: what is sent once or never, and was too long: by topic, how many messages and the longest packet.
    """

    def __init__(self, link: Link, settings: MqttSection) -> None:
        self._limits = BrokerLimits()
        self._aliases = TopicAliases()
        self._keepalive_ns = settings.effective_keepalive_s * SECOND_NS
        self._last_ns = 0  # when something went over the link
        self.budget = HourBudget(settings.bytes_per_hour)
        self.too_long: dict[str, tuple[int, int]] = {}
        self._link = link
        self._tls = settings.tls.enabled

    def apply(self, settings: MqttSection) -> None:
        """Take over what can change while running: the budget, and the keep-alive that it asks for."""
        self.budget.limit = settings.bytes_per_hour
        self._keepalive_ns = settings.effective_keepalive_s * SECOND_NS

    @property
    def limits(self) -> BrokerLimits:
        """Of the connection that stands, or of the last one."""
        return self._limits

    @limits.setter
    def limits(self, limits: BrokerLimits) -> None:
        """A new connection."""
        self._limits = limits
        self._aliases = TopicAliases(limits.topic_aliases)

    def takes(self, topic: str, payload: bytes) -> bool:
        """Whether the broker takes so long a message; if not, it is counted as lost."""
        if self.limits.takes(topic, payload):
            return True
        count, longest = self.too_long.get(topic, (0, 0))
        self.too_long[topic] = (count + 1, max(longest, packet_bytes(topic, payload)))
        return False

    def cost(self, topic: str, payload: bytes, *, qos: int = 1) -> int:
        """Bytes on the link, both ways, that a message takes."""
        name, aliased = self._aliases.peek(topic)
        return wire_bytes(name, payload, tls=self._tls, acknowledged=qos > 0, aliased=aliased)

    def allows(self, kind: str, topic: str, payload: bytes, now_ns: int, *, qos: int = 1) -> bool:
        """Whether the byte budget lets a message of this kind go now."""
        return self.budget.allows(kind, self.cost(topic, payload, qos=qos), now_ns)

    def publish(
        self, topic: str, payload: bytes, now_ns: int, *, qos: int = 1, retain: bool = False, kind: str = ""
    ) -> int:
        """Send, with no more quality and no more retention than the broker has; the packet number.

        Args:
            topic, payload: what.
            now_ns: monotonic time.
            qos, retain: as MQTT has them.
            kind: of which the byte budget counts it.

        Raises:
            ValueError: the broker does not take so long a packet; ask `limits.takes` first.
        """
        if not self.limits.takes(topic, payload):
            raise ValueError(f"{len(payload)} bytes on {topic} are more than the broker takes")
        qos = min(qos, self.limits.maximum_qos)
        retain = retain and self.limits.retain_available
        self.budget.spend(self.cost(topic, payload, qos=qos), now_ns, kind)
        if not retain:  # what is retained is sent once a connection
            self._aliases.use(topic)
        self._last_ns = now_ns
        return self._link.publish(topic, payload, qos=qos, retain=retain)

    def spend(self, topic: str, payload: bytes, now_ns: int) -> None:
        """Note a message that came to us."""
        self.budget.spend(self.cost(topic, payload), now_ns)

    def keep_alive(self, now_ns: int) -> None:
        """Note what asking the broker costs where nothing else went over the link; call it while connected."""
        if now_ns - self._last_ns >= self._keepalive_ns:
            self.budget.spend(ping_bytes(tls=self._tls), now_ns)
            self._last_ns = now_ns

    def pay_for_connecting(self, now_ns: int) -> None:
        """Note what an attempt that reached the broker costs."""
        self.budget.spend(TLS_CONNECT_BYTES if self._tls else CONNECT_BYTES, now_ns)
        self._last_ns = now_ns
