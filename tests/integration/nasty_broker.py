"""A small MQTT broker (3.1.1 and 5) that misbehaves in the ways that a real one can hardly be brought to.

It speaks enough of the protocol for publishers and subscribers with QoS 0 and 1, over plain TCP on loopback.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from paho.mqtt.client import topic_matches_sub

MQTT5 = 5
SESSION_TAKEN_OVER = 142


def prefixed(text: bytes) -> bytes:
    """A field with its length before it."""
    return len(text).to_bytes(2, "big") + text


def packet(kind: int, body: bytes) -> bytes:
    """A whole packet: type and flags, length, body."""
    length, rest = bytearray(), len(body)
    while True:
        rest, byte = divmod(rest, 128)
        length.append(byte | (128 if rest else 0))
        if not rest:
            return bytes([kind]) + bytes(length) + body


@dataclass(eq=False)
class Session:
    """One connection."""

    connection: socket.socket
    level: int = 0
    client_id: bytes = b""
    topics: set[bytes] = field(default_factory=set)

    def send(self, data: bytes) -> None:
        """Send; a connection that is gone does not matter."""
        with contextlib.suppress(OSError):
            self.connection.sendall(data)


class NastyBroker:
    """The broker, in threads of its own.

    Attributes:
        port: on 127.0.0.1.
        close_next: so many of the next connections are closed on CONNECT, without an answer.
        close_levels: protocol levels (4: 3.1.1, 5) that are closed likewise.
        properties: of CONNACK in version 5, encoded, without their length.
        acknowledging: false takes messages without a word.
        longest: a longer PUBLISH ends the connection without a word; bytes of its body; None: no limit.
        dropping: topics that are acknowledged and thrown away.
        answers_subscriptions: false leaves SUBSCRIBE without an answer.
        cuts_on_subscribe: SUBSCRIBE ends the connection.
        levels: of each CONNECT so far.
        will_flags: QoS and retain flag of each CONNECT's will, as bits of the connect flags.
        received: topic and payload of what was passed on.
        pings: how many PINGREQ came.
    """

    def __init__(self) -> None:
        self.close_next = 0
        self.close_levels: set[int] = set()
        self.properties = b""
        self.acknowledging = True
        self.longest: int | None = None
        self.dropping: set[str] = set()
        self.answers_subscriptions = True
        self.cuts_on_subscribe = False
        self.levels: list[int] = []
        self.will_flags: list[int] = []
        self.received: list[tuple[str, bytes]] = []
        self.pings = 0
        self.sessions: list[Session] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def payloads(self, subject: str) -> list[bytes]:
        """What was passed on of topics with this last part."""
        return [payload for topic, payload in self.received if topic.endswith(f"/{subject}")]

    def deliver(self, topic: str, payload: bytes) -> None:
        """Pass a message on, as if somebody had published it."""
        self.received.append((topic, payload))
        for session in list(self.sessions):
            if any(topic_matches_sub(pattern.decode(), topic) for pattern in session.topics):
                properties = b"\0" if session.level == MQTT5 else b""
                session.send(packet(0x30, prefixed(topic.encode()) + properties + payload))

    def cut(self) -> None:
        """End all connections without a word."""
        for session in list(self.sessions):
            self._end(session)

    def close(self) -> None:
        """End."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(Session(connection),), daemon=True).start()

    def _end(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
        with contextlib.suppress(OSError):
            session.connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, session: Session) -> None:
        with session.connection, session.connection.makefile("rb") as stream, contextlib.suppress(OSError):
            self.sessions.append(session)
            for kind, body in packets(stream):
                if not self._handle(session, kind, body):
                    break
            self._end(session)

    def _handle(self, session: Session, kind: int, body: bytes) -> bool:
        """Deal with a packet; False ends the connection."""
        what = kind >> 4
        if what == 1:
            return self._connect(session, body)
        if what == 3:
            return self._publish(session, kind, body)
        if what == 8:
            return self._subscribe(session, body)
        if what == 10:
            session.send(packet(0xB0, body[:2] + (b"\0\0" if session.level == MQTT5 else b"")))
        elif what == 12:
            self.pings += 1
            session.send(packet(0xD0, b""))
        return what != 14

    def _connect(self, session: Session, body: bytes) -> bool:
        session.level = body[6]
        self.levels.append(session.level)
        self.will_flags.append(body[7] & 0b0011_1000)
        if self.close_next or session.level in self.close_levels:
            self.close_next = max(0, self.close_next - 1)
            return False
        at = 10 + (1 + body[10] if session.level == MQTT5 else 0)
        length = int.from_bytes(body[at : at + 2], "big")
        session.client_id = body[at + 2 : at + 2 + length]
        for other in list(self.sessions):
            if other is not session and other.client_id == session.client_id:
                if other.level == MQTT5:
                    other.send(packet(0xE0, bytes([SESSION_TAKEN_OVER, 0])))
                self._end(other)
        properties = bytes([len(self.properties)]) + self.properties if session.level == MQTT5 else b""
        session.send(packet(0x20, b"\0\0" + properties))
        return True

    def _publish(self, session: Session, kind: int, body: bytes) -> bool:
        if self.longest is not None and len(body) > self.longest:
            return False
        length = int.from_bytes(body[:2], "big")
        topic, at = body[2 : 2 + length], 2 + length
        qos = kind >> 1 & 3
        number, at = (body[at : at + 2], at + 2) if qos else (b"", at)
        payload = body[at + (1 + body[at] if session.level == MQTT5 else 0) :]
        if qos and self.acknowledging:
            session.send(packet(0x40, number))
        if topic.decode() not in self.dropping and (self.acknowledging or not qos):
            self.deliver(topic.decode(), payload)
        return True

    def _subscribe(self, session: Session, body: bytes) -> bool:
        if self.cuts_on_subscribe:
            return False
        if self.answers_subscriptions:
            at = 2 + (1 + body[2] if session.level == MQTT5 else 0)
            length = int.from_bytes(body[at : at + 2], "big")
            session.topics.add(body[at + 2 : at + 2 + length])
            session.send(packet(0x90, body[:2] + (b"\0" if session.level == MQTT5 else b"") + b"\1"))
        return True


def packets(stream: object) -> Iterator[tuple[int, bytes]]:
    """First byte and body of each packet that comes."""
    read = stream.read  # type: ignore[attr-defined]
    while header := read(1):
        length = shift = 0
        while True:
            byte = (read(1) or b"\0")[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield header[0], read(length)
