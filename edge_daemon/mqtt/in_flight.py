"""What has been sent with QoS 1 and is not answered yet: by packet, against the broker's bound and our own.

The broker's (Receive Maximum of MQTT 5) counts every such packet, birth and announcements too; who sends more is cut
off. Ours counts messages of the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet on its way.

    Attributes:
        sent_ns: monotonic time.
        message: id in the outbox; None for birth, farewell and announcements.
        priority: of the message.
    """

    sent_ns: int
    message: str | None = None
    priority: int = 0


class InFlight:
    """Packets on their way over one connection.

    Args:
        own_bound: messages of the outbox at most.
    """

    def __init__(self, own_bound: int) -> None:
        self._own_bound = own_bound
        self._broker_bound = own_bound
        self._packets: dict[int, Sent] = {}

    def begin(self, broker_bound: int) -> None:
        """A new connection: nothing is on its way."""
        self._packets.clear()
        self._broker_bound = broker_bound

    def add(self, packet: int, sent: Sent) -> None:
        """It has been sent."""
        self._packets[packet] = sent

    def acknowledge(self, packet: int) -> Sent | None:
        """It has been answered; None if it was not ours."""
        return self._packets.pop(packet, None)

    def clear(self) -> None:
        """The connection has ended."""
        self._packets.clear()

    @property
    def messages(self) -> int:
        """How many are of the outbox."""
        return sum(sent.message is not None for sent in self._packets.values())

    @property
    def room(self) -> int:
        """How many messages of the outbox may follow now."""
        return max(0, min(self._own_bound - self.messages, self._broker_bound - len(self._packets)))

    @property
    def half_free(self) -> bool:
        """Whether at least half of what may be on its way may follow now."""
        return 2 * self.room >= min(self._own_bound, self._broker_bound)

    @property
    def takes_more(self) -> bool:
        """Whether the broker takes another packet."""
        return len(self._packets) < self._broker_bound

    @property
    def takes_announcement(self) -> bool:
        """Whether one may follow that leaves half of the broker's bound to messages."""
        return len(self._packets) < max(1, self._broker_bound // 2)

    @property
    def oldest_ns(self) -> int | None:
        """When the one without an answer for longest was sent."""
        return min((sent.sent_ns for sent in self._packets.values()), default=None)
