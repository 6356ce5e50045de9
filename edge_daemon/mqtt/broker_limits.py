"""What a broker takes, as its CONNACK says (MQTT 5, 3.2.2.3); MQTT 3.1.1 says nothing of it."""

from __future__ import annotations

from dataclasses import dataclass

from edge_daemon.mqtt.rate_limits import packet_bytes


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """Limits of one connection.

    The server's keep-alive is obeyed by the link itself.

    Attributes:
        receive_maximum: packets of QoS 1 that may be without an answer.
        maximum_packet_size: longest packet, bytes; None for no limit.
        maximum_qos: highest quality of service that it takes.
        retain_available: whether it keeps retained messages.
        reason_codes: whether its acknowledgements say that a message was refused (version 5).
        client_id: the identifier that it has given us in place of ours; None if it left us ours.
        topic_aliases: how many topics it knows by a number.
    """

    receive_maximum: int = 65_535
    maximum_packet_size: int | None = None
    maximum_qos: int = 2
    retain_available: bool = True
    reason_codes: bool = True
    client_id: str | None = None
    topic_aliases: int = 0

    @property
    def qos(self) -> int:
        """The quality of service for what must arrive: 1, or 0 where the broker takes no other."""
        return min(1, self.maximum_qos)

    def takes(self, topic: str, payload: bytes) -> bool:
        """Whether a message is short enough."""
        return self.maximum_packet_size is None or packet_bytes(topic, payload) <= self.maximum_packet_size
