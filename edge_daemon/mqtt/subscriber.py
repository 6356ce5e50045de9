"""Listens to a broker on shore: connects, subscribes, gives messages, and connects again after a loss."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping

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
    """

    def __init__(
        self,
        settings: MqttSection,
        pattern: str,
        say: Callable[[str], None],
        link: Link | None = None,
        time: TimeSource | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._pattern = pattern
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
        now = self._time.monotonic_ns()
        connection = self._connection
        if connection.overdue(now):
            self._lost("no answer")
        if connection.due(now):
            self._open(now)
        deadline = connection.deadline_ns()
        wait_s = most_s if deadline is None else max(0, deadline - now) / SECOND_NS
        found = []
        for event in self._link.poll(min(wait_s, most_s)):
            if isinstance(event, Accepted):
                connection.accepted(self._time.monotonic_ns())
                self._link.subscribe(self._pattern)
                self._say(f"Watching {self._pattern} at {self._settings.host}:{self._settings.effective_port}")
            elif isinstance(event, Lost):
                connection.failed(event.failure, self._time.monotonic_ns())
                self._say(f"No connection: {event.failure.reason}. Retrying.")
            elif isinstance(event, Received):
                found.append((event.topic, event.payload))
        return found

    @property
    def online(self) -> bool:
        """Whether the broker has accepted us."""
        return self._connection.state == "online"

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send with QoS 1 while online; what is not acknowledged when the connection ends is lost."""
        self._link.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        """Leave."""
        self._link.close(polite=True)
        self._link.release()

    def _lost(self, reason: str) -> None:
        self._link.close(polite=False)
        self._connection.failed(Failure(reason), self._time.monotonic_ns())

    def _open(self, now_ns: int) -> None:
        self._connection.began(now_ns)
        client_id, password = f"edge-daemon-watch-{os.getpid()}", password_of(self._settings, self._environment)
        self._link.open(Request.from_config(self._settings, client_id, self._connection.protocol, password))
