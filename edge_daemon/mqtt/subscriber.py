"""Listens to a broker on shore: connects, subscribes, gives messages, and connects again after a loss."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from edge_daemon.clock.time_source import SECOND_NS, SystemTime, TimeSource
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.connection import Connection, Failure
from edge_daemon.mqtt.link import Accepted, Link, Lost, Received, Request
from edge_daemon.mqtt.paho_link import PahoLink
from edge_daemon.mqtt.publisher import password_of
from edge_daemon.system.backoff import Backoff


class Subscriber:
    """A subscription that heals itself.

    Args:
        settings: the broker.
        pattern: topics, with wildcards.
        say: told about connections made and lost.
        link: paho's if None.
        time: monotonic time.
        environment: where systemd's credentials are looked for; the process's if None.
        client_id: at the broker; one of this process if None.
        session_s: as in `Request`.
        more: further patterns.
    """

    def __init__(
        self,
        settings: MqttSection,
        pattern: str,
        say: Callable[[str], None],
        link: Link | None = None,
        time: TimeSource | None = None,
        environment: Mapping[str, str] | None = None,
        client_id: str | None = None,
        session_s: int | None = None,
        more: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._pattern = pattern
        self._more = more
        self._client_id = client_id or f"edge-daemon-watch-{os.getpid()}"
        self._session_s = session_s
        self._say = say
        self._environment = os.environ if environment is None else environment
        self._link = link or PahoLink()
        self._time = time or SystemTime()
        backoff = Backoff(1.0, 30.0)
        rng = random.Random()  # noqa: S311 - jitter, not cryptography
        self._connection = Connection(settings.protocol, backoff, settings.connect_timeout_s, rng)

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of each message, without end.

        Raises:
            ConfigError: the password cannot be read.
        """
        while True:
            yield from self.step()

    def step(self, most_s: float = 5.0) -> list[tuple[str, bytes]]:
        """Do what is due, wait for what comes, at most so many seconds."""
        return [(event.topic, event.payload) for event in self.received(most_s)]

    def received(self, most_s: float = 5.0) -> list[Received]:
        """As `step`, with what `acknowledge` wants."""
        now = self._time.monotonic_ns()
        connection = self._connection
        if connection.overdue(now):
            self._lost("no answer")
        if connection.due(now):
            self._open(now)
        deadline = connection.deadline_ns()
        wait_s = most_s if deadline is None else max(0, deadline - now) / SECOND_NS
        found: list[Received] = []
        for event in self._link.poll(min(wait_s, most_s)):
            if isinstance(event, Accepted):
                connection.accepted(self._time.monotonic_ns())
                for pattern in (self._pattern, *self._more):
                    self._link.subscribe(pattern)
                self._say(f"Watching {self._pattern} at {self._settings.host}:{self._settings.effective_port}")
            elif isinstance(event, Lost):
                connection.failed(event.failure, self._time.monotonic_ns())
                self._say(f"No connection: {event.failure.reason}. Retrying.")
            elif isinstance(event, Received):
                found.append(event)
        return found

    @property
    def online(self) -> bool:
        """Whether the broker has accepted us."""
        return self._connection.state == "online"

    def acknowledge(self, received: Iterable[Received]) -> None:
        """These messages are safe here; with `session_s` the broker keeps them until then."""
        for event in received:
            if event.packet:
                self._link.acknowledge(event.packet)

    def give_back(self, reason: str) -> None:
        """Break the connection: the broker sends again what was not acknowledged."""
        self._lost(reason)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish with QoS 1; false without a connection. What is not acknowledged when it ends is lost."""
        return self.online and bool(self._link.publish(topic, payload, qos=1, retain=retain))

    def wake(self) -> None:
        """End a waiting `received`; from any thread."""
        self._link.wake()

    def close(self) -> None:
        """Leave."""
        self._link.close(polite=True)
        self._link.release()

    def _lost(self, reason: str) -> None:
        self._link.close(polite=False)
        self._connection.failed(Failure(reason), self._time.monotonic_ns())

    def _open(self, now_ns: int) -> None:
        self._connection.began(now_ns)
        password = password_of(self._settings, self._environment)
        protocol = self._connection.protocol
        self._link.open(
            Request.from_config(self._settings, self._client_id, protocol, password, session_s=self._session_s)
        )
