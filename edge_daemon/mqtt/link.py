"""What the publisher needs of an MQTT client: open, publish, wait for events, close.

One implementation speaks through paho-mqtt (`paho_link`), one in memory (`edge_daemon.testing.broker`). A link keeps
nothing over a lost
connection: what was not acknowledged is the outbox's to send again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.connection import Protocol as Version

if TYPE_CHECKING:
    from edge_daemon.config.mqtt import MqttSection, TlsSection


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for an encrypted connection; None takes the system's authorities, or no client certificate."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @classmethod
    def from_config(cls, section: TlsSection) -> Self | None:
        """The configured files; None where the connection is not encrypted."""
        return cls(section.ca_file, section.certificate_file, section.key_file) if section.enabled else None


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes if we vanish.

    Attributes:
        topic, payload: the message.
        qos: 1, or 0 for a broker that takes no other.
        retain: false for a broker that keeps no messages.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """All that a connection attempt needs.

    Attributes:
        host, port: the broker.
        client_id: unique at the broker.
        version: protocol version.
        keepalive_s, timeout_s: in seconds.
        username, password: None to show none.
        tls: None for an unencrypted connection.
        will: what the broker publishes if we vanish; None for nothing.
        session_s: the broker keeps our subscriptions, and what comes for them, for so long while we are away, and each
            message until `Link.acknowledge`; None begins anew each time, and acknowledges at once.
    """

    host: str
    port: int
    client_id: str
    version: Version
    keepalive_s: int
    timeout_s: float
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    will: Will | None = None
    session_s: int | None = None

    @classmethod
    def from_config(
        cls,
        section: MqttSection,
        client_id: str,
        version: Version,
        password: str | None,
        will: Will | None = None,
        session_s: int | None = None,
    ) -> Self:
        """A connection to the configured broker."""
        return cls(
            host=section.host,
            port=section.effective_port,
            client_id=client_id,
            version=version,
            keepalive_s=section.effective_keepalive_s,
            timeout_s=section.connect_timeout_s,
            username=section.username,
            password=password,
            tls=Tls.from_config(section.tls),
            will=will,
            session_s=session_s,
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has accepted us, with these limits."""

    limits: BrokerLimits = field(default_factory=BrokerLimits)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has taken over responsibility for a message."""

    packet: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker refuses a message."""

    packet: int
    reason: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker has answered a subscription: the quality of service that it grants; None if it refuses."""

    packet: int
    qos: int | None


@dataclass(frozen=True, slots=True)
class Received:
    """A message on a topic that we subscribed to; `packet` is what `Link.acknowledge` wants, 0 if it wants none."""

    topic: str
    payload: bytes
    retained: bool
    packet: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt failed, or the connection has ended."""

    failure: Failure


Event = Accepted | Acknowledged | Rejected | Subscribed | Received | Lost


class Link(Protocol):
    """An MQTT connection that is driven by one thread; only `wake` may be called from others."""

    def open(self, request: Request) -> None:
        """Begin an attempt; what becomes of it comes out of `poll`. Never raises for network or file faults."""

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int:
        """Hand a message over and return its packet number, to meet it again in `Acknowledged`.

        With QoS 0 that only says that it was written to the network.
        """

    def subscribe(self, pattern: str) -> int:
        """Ask for messages, which come out of `poll`; the packet number, to meet it again in `Subscribed`."""

    def unsubscribe(self, pattern: str) -> None:
        """Ask for no more of them."""

    def acknowledge(self, packet: int) -> None:
        """We are answerable for a message now; only for a request with `session_s`."""

    def poll(self, timeout_s: float) -> list[Event]:
        """Wait for events, at most so long; returns early after `wake`."""

    def wake(self) -> None:
        """End a waiting `poll`; from any thread."""

    def close(self, *, polite: bool) -> None:
        """End the connection: politely (no last will) or not (the broker publishes the last will)."""

    def release(self) -> None:
        """Give back what waking needs; the link cannot be used any more."""
