"""A courier, its mailbox and a broker in memory, with time as a number."""

from __future__ import annotations

import random
from dataclasses import dataclass

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.courier import Courier
from edge_daemon.mqtt.topics import Topics
from edge_daemon.testing.broker import MemoryBroker, MemoryLink
from tests.edge_daemon.mqtt.memory_mailbox import Letter, MemoryMailbox

S = 1_000_000_000
TOPICS = Topics("p", "d")


def letters(count: int, first: int = 0, size: int = 10) -> list[Letter]:
    return [Letter(f"{n:04}", TOPICS.detections, f"{n:0{size}}".encode()) for n in range(first, first + count)]


@dataclass
class World:
    """A courier, its mailbox and broker, and the time."""

    courier: Courier
    mailbox: MemoryMailbox
    broker: MemoryBroker
    link: MemoryLink
    now: int = 0

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass, from deadline to deadline, as the thread does."""
        end = self.now + round(seconds * S)
        for _ in range(100_000):
            again = self.courier.step(self.now)
            events = self.link.poll(0)
            for event in events:
                self.courier.handle(event, self.now)
            if not events:
                if again > end:
                    self.now = end
                    return
                assert again > self.now or self.courier.connection.due(self.now), "the courier spins"
                self.now = max(self.now, again)
        raise AssertionError("the courier does not come to rest")


def world(count: int = 0, size: int = 10, password: object = None, announcements: object = (), **keys: object) -> World:
    broker = MemoryBroker()
    link, mailbox = MemoryLink(broker), MemoryMailbox(letters(count, size=size))
    give = password if callable(password) else lambda: password
    section = MqttSection.model_validate({"reconnect_first_s": 1.0, "reconnect_longest_s": 60.0, **keys})
    courier = Courier(section, TOPICS, mailbox, link, give, random.Random(1), 0, announcements)  # type: ignore[arg-type]
    return World(courier, mailbox, broker, link)
