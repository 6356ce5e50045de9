"""The real link: paho-mqtt, driven by our own waiting.

paho's own loops reconnect by rules of their own and give up when the first attempt fails. Here paho only speaks the
protocol: a new client for every attempt, its socket watched by our `select` beside a pipe that other threads can write
to, so that a detection leaves at once and nothing is polled.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from functools import lru_cache
from typing import Any

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_daemon.errors import ConfigError
from edge_daemon.mqtt.bounded_client import BoundedClient, bound
from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Accepted, Acknowledged, Event, Lost, Received, Rejected, Request, Subscribed
from edge_daemon.mqtt.tls import context
from edge_daemon.mqtt.topic_aliases import TopicAliases

_VERSIONS = {"mqtt5": MQTTProtocolVersion.MQTTv5, "mqtt311": MQTTProtocolVersion.MQTTv311}
UNSUPPORTED_PROTOCOL_VERSION = 132
MISC_INTERVAL_S = 1.0
"""How often paho looks after its keep-alive."""


class PahoLink:
    """A link over paho-mqtt; see `Link`."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._events: list[Event] = []
        self._answered = False
        self._five = False
        self._aliases = TopicAliases()
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)

    def open(self, request: Request) -> None:
        """Connect the socket (at most `timeout_s`) and send CONNECT."""
        self.close(polite=False)
        self._answered = False
        self._aliases = TopicAliases()
        try:
            self._client = client = self._new_client(request)
            asked = bound() if self._five else None
            if asked is not None and request.session_s is not None:
                asked.SessionExpiryInterval = request.session_s
            # under 3.1.1 the client's `clean_session` says it
            anew = request.session_s is None if self._five else MQTT_CLEAN_START_FIRST_ONLY
            client.connect(request.host, request.port, request.keepalive_s, clean_start=anew, properties=asked)
        except ConfigError as error:
            self._lost(Failure(str(error).rstrip(".")))
        except (OSError, ValueError) as error:
            reached = isinstance(error, ssl.SSLError)  # the handshake was under way
            self._lost(Failure(_network_reason(error, request), reached=reached))

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int:
        """Queue a message and begin to send it."""
        if self._client is None:
            return 0
        try:
            name, alias = (topic, None) if retain else self._aliases.use(topic)
            info = self._client.publish(name, payload, qos=qos, retain=retain, properties=_with_alias(alias))
        except (OSError, ValueError) as error:
            self._lost(Failure(f"sending failed: {error}", reached=True))
            return 0
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE):
            self._lost(Failure("the connection was lost", reached=True))
        return info.mid

    def subscribe(self, pattern: str) -> int:
        """Ask for messages with QoS 1; 0 without a connection."""
        if self._client is None:
            return 0
        return self._client.subscribe(pattern, qos=1)[1] or 0

    def unsubscribe(self, pattern: str) -> None:
        """Ask for no more of them."""
        if self._client is not None:
            self._client.unsubscribe(pattern)

    def acknowledge(self, packet: int) -> None:
        """Answer for a message; without a connection the broker sends it again."""
        if self._client is None:
            return
        try:
            self._client.ack(packet, 1)
        except (OSError, ValueError) as error:
            self._lost(Failure(f"acknowledging failed: {error}", reached=True))

    def poll(self, timeout_s: float) -> list[Event]:
        """Wait for traffic or a wake-up, let paho handle it, and return what came of it."""
        end = time.monotonic() + max(0.0, timeout_s)
        while not self._events:
            left = end - time.monotonic()
            if self._wait(max(0.0, min(left, MISC_INTERVAL_S))) or left <= 0:
                break
        events, self._events = self._events, []
        return events

    def wake(self) -> None:
        """End a waiting `poll`; from any thread."""
        with contextlib.suppress(OSError):  # already awake, or closed
            self._waker.send(b"w")

    def close(self, *, polite: bool) -> None:
        """End the connection and forget what paho still holds."""
        client, self._client = self._client, None
        self._events.clear()
        if client is None:
            return
        _silence(client)
        connection = client.socket()
        if polite:
            client.disconnect()
            client.loop_write()
        if connection is not None:
            connection.close()

    def release(self) -> None:
        """Close the pipe used for waking; the link cannot be used any more."""
        self.close(polite=False)
        self._waker.close()
        self._wakened.close()

    def _new_client(self, request: Request) -> Client:
        # paho retries or downgrades by itself unless told not to
        five = self._five = request.version == "mqtt5"
        client = BoundedClient(
            CallbackAPIVersion.VERSION2,
            client_id=request.client_id,
            clean_session=None if five else request.session_s is None,
            protocol=_VERSIONS[request.version],
            reconnect_on_failure=False,
            manual_ack=request.session_s is not None,
        )
        client.connect_timeout = request.timeout_s
        client.max_inflight_messages_set(0)  # the window is ours to keep
        if request.username is not None:
            client.username_pw_set(request.username, request.password)
        if request.tls is not None:
            client.tls_set_context(context(request.tls))
        if request.will is not None:
            will = request.will
            client.will_set(will.topic, will.payload, qos=will.qos, retain=will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _wait(self, timeout_s: float) -> bool:
        """One round of select; True if we were woken."""
        client = self._client
        connection = None if client is None else client.socket()
        readers: list[Any] = [self._wakened]
        writers: list[Any] = []
        pending = 0
        if client is not None and connection is not None:
            readers.append(connection)
            if client.want_write():
                writers.append(connection)
            pending = connection.pending() if isinstance(connection, ssl.SSLSocket) else 0
        readable, writable, _ = select.select(readers, writers, [], 0.0 if pending else timeout_s)
        if client is not None:
            try:
                if connection in readable or pending:
                    client.loop_read()
                if connection in writable:
                    client.loop_write()
                client.loop_misc()
            except Exception as error:  # noqa: BLE001 - paho raises many kinds on malformed packets
                if self._client is client:  # else we have just dropped it ourselves, in a callback
                    what = f"the broker sent something that is not MQTT ({type(error).__name__})"
                    self._lost(Failure(what, reached=True))
        if self._wakened in readable:
            self._wakened.recv(4096)
            return True
        return False

    def _lost(self, failure: Failure) -> None:
        client, self._client = self._client, None
        if client is not None:
            _silence(client)
            connection = client.socket()
            if connection is not None:
                connection.close()
        self._events.append(Lost(failure))

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._answered = True
        if not reason.is_failure:
            limits = _limits(properties) if self._five else BrokerLimits(reason_codes=False)
            self._aliases = TopicAliases(limits.topic_aliases)
            self._events.append(Accepted(limits))
            return
        unsupported = reason.value == UNSUPPORTED_PROTOCOL_VERSION
        told = f"the broker refused us: {str(reason).lower()}"
        self._lost(Failure(told, unsupported_protocol=unsupported, reached=True, code=reason.value))

    def _on_disconnect(self, _client: Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if self._answered:
            code = reason.value if flags.is_disconnect_packet_from_server else None  # else paho's own guess
            self._lost(Failure(f"the connection was lost: {str(reason).lower()}", reached=True, code=code))
        else:
            self._lost(Failure("the broker closed the connection without an answer", silent=True, reached=True))

    def _on_publish(self, _client: Client, _data: Any, packet: int, reason: Any, _properties: Any) -> None:
        if reason is not None and reason.is_failure:
            self._events.append(Rejected(packet, str(reason).lower()))
        else:
            self._events.append(Acknowledged(packet))

    def _on_subscribe(self, _client: Client, _data: Any, packet: int, reasons: Any, _properties: Any) -> None:
        refused = not reasons or any(reason.is_failure for reason in reasons)
        self._events.append(Subscribed(packet, None if refused else min(reason.value for reason in reasons)))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        packet = message.mid if message.qos else 0
        self._events.append(Received(topic, bytes(message.payload), bool(message.retain), packet))


def _silence(client: Client) -> None:
    """Hear no more of a client that is given up."""
    client.on_connect = client.on_disconnect = client.on_publish = client.on_message = client.on_subscribe = None


def _limits(properties: Any) -> BrokerLimits:
    """The limits in CONNACK's properties, which are those of MQTT 5."""
    size = getattr(properties, "MaximumPacketSize", None)
    return BrokerLimits(
        receive_maximum=getattr(properties, "ReceiveMaximum", None) or 65_535,  # 0 is no value that a broker may give
        maximum_packet_size=size or None,
        maximum_qos=getattr(properties, "MaximumQoS", 2),
        retain_available=bool(getattr(properties, "RetainAvailable", 1)),
        client_id=getattr(properties, "AssignedClientIdentifier", None) or None,
        topic_aliases=getattr(properties, "TopicAliasMaximum", 0),
    )


@lru_cache(maxsize=16)  # paho's object costs more than the rest of a small message, and is only read
def _with_alias(alias: int | None) -> Properties | None:
    if alias is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.TopicAlias = alias
    return properties


def _network_reason(error: Exception, request: Request) -> str:
    where = f"{request.host}:{request.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {where}: {(error.reason or str(error)).replace('_', ' ').lower()}"
    if isinstance(error, socket.gaierror):
        return f"{request.host} is not known: {error.strerror}"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer within {request.timeout_s:g} s"
    if isinstance(error, OSError):
        return f"{where}: {(error.strerror or str(error)).lower()}"
    return f"{where}: {error}"
