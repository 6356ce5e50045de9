"""Connects to the broker as the daemon does, and publishes an empty message on each topic that must arrive.

It is the publisher's own logic that is tried, with the same client identifier, last will and topics, so that a right
that the daemon will miss is missed here. Subscribers see an empty message on each of the `tried_topics`. While a
daemon runs, this is not done: the broker would throw it off.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.config import Config
from edge_daemon.mqtt.courier import Courier
from edge_daemon.mqtt.link import Link
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.mailbox import Order
from edge_daemon.outbox.message import Message

MOST_ATTEMPTS = 6
"""Connections at most: each version twice, and a last will with less."""


class TrialMailbox:
    """The messages of the trial, in memory.

    Args:
        topics: each gets one empty message.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self._waiting = {topic: Message(topic, topic, b"", topic.rsplit("/", 1)[1], 1, 0) for topic in topics}
        self._in_flight: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether all have arrived."""
        return not self._waiting

    def take(self, limit: int, order: Order, backing_off: AbstractSet[int | str]) -> Sequence[Message]:  # noqa: ARG002
        """Those that are not under way."""
        idle = [one for one in self._waiting.values() if one.id not in self._in_flight and one.topic not in backing_off]
        self._in_flight.update(one.id for one in idle[:limit])
        return idle[:limit]

    def acknowledge(self, message: str) -> None:
        """It has arrived."""
        self._waiting.pop(message, None)

    def release(self, messages: Iterable[str] | None = None) -> None:
        """They are not under way any more."""
        self._in_flight.difference_update(list(self._in_flight) if messages is None else messages)


def tried_topics(config: Config) -> tuple[str, ...]:
    """Where an empty message is sent: the topics of what must not be lost."""
    topics = Topics(config.mqtt.prefix, config.device.id)
    return (topics.packed,) if config.mqtt.form == "compact" else (topics.detections, topics.effort)


def try_delivery(config: Config, password: Callable[[], str | None], link: Link, timeout_s: float) -> MqttReport:
    """Connect, deliver, leave; what the publisher then reports.

    Args:
        config: the daemon's.
        password: gives the password; may raise ConfigError.
        link: to the broker; given back here.
        timeout_s: how long all may take.
    """
    topics = Topics(config.mqtt.prefix, config.device.id)
    tried = tried_topics(config)
    mailbox = TrialMailbox(tried)
    quick = {"reconnect_first_s": 0.05, "reconnect_longest_s": 0.2, "bytes_per_hour": None}
    quick["acknowledge_timeout_s"] = quick["connect_timeout_s"] = timeout_s / 2
    settings = config.mqtt.model_copy(update=quick)
    rng = random.Random()  # noqa: S311 - jitter, not cryptography
    courier = Courier(settings, topics, mailbox, link, password, rng, time.monotonic_ns(), discreet=True)
    end_ns = time.monotonic_ns() + round(timeout_s * SECOND_NS)

    try:
        while time.monotonic_ns() < end_ns and not mailbox.empty and _hopeful(courier, len(tried)):
            again_ns = min(courier.step(time.monotonic_ns()), end_ns)
            for event in link.poll(max(0, again_ns - time.monotonic_ns()) / SECOND_NS):
                courier.handle(event, time.monotonic_ns())
        report = courier.report(time.monotonic_ns())
        courier.stop()
    finally:
        link.release()
    return report


def _hopeful(courier: Courier, topics: int) -> bool:
    """Whether waiting may change anything."""
    connection = courier.connection
    if connection.failure is not None and connection.state == "waiting":
        failure = connection.failure
        another = failure.silent or failure.unsupported_protocol or failure.code is not None
        return another and connection.attempts < MOST_ATTEMPTS
    return len(courier.report(time.monotonic_ns()).refused) < topics
