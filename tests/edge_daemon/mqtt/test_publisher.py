"""The publishing thread, with a broker in memory: starting, stopping, orders from other threads, survival."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

import pytest

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.link import Event
from edge_daemon.mqtt.orders import MOST_ORDERS
from edge_daemon.mqtt.publisher import Publisher, password_of
from edge_daemon.outbox.mailbox import Order
from edge_daemon.testing.broker import MemoryBroker, MemoryLink
from tests.edge_daemon.mqtt.memory_mailbox import Letter, MemoryMailbox

SETTINGS = MqttSection(reconnect_first_s=0.05, reconnect_longest_s=0.1)


class WaitingLink(MemoryLink):
    """Waits a moment when there is nothing, so that the thread does not spin."""

    def poll(self, timeout_s: float) -> list[Event]:
        events = super().poll(timeout_s)
        if not events:
            time.sleep(min(timeout_s, 0.002))
        return events


class FailingMailbox(MemoryMailbox):
    """Raises what nobody expects, the first times."""

    failures = 3

    def take(self, limit: int, order: Order, backing_off: Set[int]) -> Sequence[Letter]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no such thing")
        return super().take(limit, order, backing_off)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def publisher(broker: MemoryBroker, mailbox: MemoryMailbox) -> Publisher:
    return Publisher(SETTINGS, "d", mailbox, link=WaitingLink(broker), rng=random.Random(1), environment={})


def test_publishes_health_and_letters_and_says_goodbye() -> None:
    broker, mailbox = MemoryBroker(), MemoryMailbox([Letter("1", "t", b"x")])
    made = publisher(broker, mailbox)
    assert made.report().state == "waiting"
    made.start()
    made.publish_now("health", made.topics.health, b"{}")
    until(lambda: broker.payloads(made.topics.health) == [b"{}"] and broker.payloads("t") == [b"x"])
    assert made.stop()
    assert broker.retained[made.topics.status] == b"offline"
    assert made.report().state == "stopped"


def test_stopping_sends_what_is_left() -> None:
    broker = MemoryBroker()
    mailbox = MemoryMailbox([Letter(str(n), "t", b"x") for n in range(15)])
    made = publisher(broker, mailbox)
    made.start()
    until(lambda: made.report().state == "online")
    mailbox.put(Letter("last", "t", b"last"))
    assert made.stop()
    assert mailbox.waiting == {}
    assert broker.payloads("t")[-1] == b"last"


def test_stopping_without_a_broker_takes_no_time_and_loses_nothing() -> None:
    broker, mailbox = MemoryBroker(), MemoryMailbox([Letter("1", "t", b"x")])
    broker.up = False
    made = publisher(broker, mailbox)
    made.start()
    until(lambda: made.report().attempts >= 2)
    assert made.stop(timeout_s=20)
    assert set(mailbox.waiting) == {"1"}
    assert mailbox.in_flight == set()


def test_an_error_that_nobody_expects_does_not_end_publishing(caplog: pytest.LogCaptureFixture) -> None:
    broker, mailbox = MemoryBroker(), FailingMailbox([Letter("1", "t", b"x")])
    made = publisher(broker, mailbox)
    with caplog.at_level(logging.ERROR, "edge_daemon.mqtt.publisher"):
        made.start()
        until(lambda: mailbox.waiting == {})
        assert made.stop()
    assert sum("starting again" in record.message for record in caplog.records) == 3
    assert broker.payloads("t") == [b"x"]


def test_password_comes_from_its_credential(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "mqtt-password").write_text("s3cret\n")
    (folder / "mqtt-password").chmod(0o400)
    settings = MqttSection(username="u", password_credential="mqtt-password")  # noqa: S106 - a name
    assert password_of(settings, {"CREDENTIALS_DIRECTORY": str(folder)}) == "s3cret"
    assert password_of(MqttSection(), {}) is None


def test_a_publisher_that_hangs_does_not_gather_orders() -> None:
    broker = MemoryBroker()
    made = publisher(broker, MemoryMailbox([]))  # not started: its thread does nothing
    for number in range(10_000):
        made.wake()
        made.publish_now("health", "t/d/health", b"%d" % number)
        made.publish_excerpt(b"%d" % number)
        made.apply(SETTINGS)
    assert len(made._orders._waiting) == 1 + 1 + 4 + 1
    for number in range(1000):
        made.publish_now("health", f"t/{number}", b"")
    assert len(made._orders._waiting) == MOST_ORDERS
    made.start()
    until(lambda: made.report().state == "online")
    made.publish_now("health", "t/d/health", b"newest")
    until(lambda: broker.payloads("t/d/health") == [b"newest"])
    made.stop()
