"""What has been sent and is not answered yet: by packet, against the broker's bound and our own.

The broker's (Receive Maximum of MQTT 5) counts every such packet, birth and announcements too; who sends more is cut
off. Ours counts messages of the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_daemon.outbox.mailbox import Outgoing


@dataclass(slots=True)
class Sent:
    """A packet on its way.

    Attributes:
        sent_ns: monotonic time.
        topic: where it went.
        message: the outbox's; None for birth, farewell and announcements.
        to_return: whether it counts as delivered only when the broker has sent it back to us.
        acknowledged: whether the broker has acknowledged it; then it waits for its return.
        returned: whether it has come back.
    """

    sent_ns: int
    topic: str = ""
    message: Outgoing | None = None
    to_return: bool = False
    acknowledged: bool = False
    returned: bool = False

    @property
    def delivered(self) -> bool:
        """Whether nothing more is to come."""
        return self.acknowledged and (self.returned or not self.to_return)


class InFlight:
    """Packets on their way over one connection.

    Args:
        own_bound: messages of the outbox at most.

    Attributes:
        careful: only one message of the outbox at a time.
    """

    def __init__(self, own_bound: int) -> None:
        self.careful = False
        self._bound = own_bound
        self._broker_bound = own_bound
        self._packets: dict[int, Sent] = {}

    def begin(self, broker_bound: int) -> None:
        """A new connection: nothing is on its way."""
        self._packets.clear()
        self._broker_bound = broker_bound

    def add(self, packet: int, sent: Sent) -> None:
        """It has been sent."""
        self._packets[packet] = sent

    def get(self, packet: int) -> Sent | None:
        """What was sent as this packet and is not delivered yet."""
        return self._packets.get(packet)

    def remove(self, packet: int) -> None:
        """Nothing more is to come for it."""
        self._packets.pop(packet, None)

    def clear(self) -> None:
        """The connection has ended."""
        self._packets.clear()

    @property
    def _own_bound(self) -> int:
        return 1 if self.careful else self._bound

    @property
    def _unanswered(self) -> int:
        return sum(not sent.acknowledged for sent in self._packets.values())

    @property
    def outstanding(self) -> list[Outgoing]:
        """Messages of the outbox that are on their way."""
        return [sent.message for sent in self._packets.values() if sent.message is not None]

    @property
    def messages(self) -> int:
        """How many are of the outbox."""
        return len(self.outstanding)

    @property
    def room(self) -> int:
        """How many messages of the outbox may follow now."""
        return max(0, min(self._own_bound - self.messages, self._broker_bound - self._unanswered))

    @property
    def half_free(self) -> bool:
        """Whether at least half of what may be on its way may follow now."""
        return 2 * self.room >= min(self._own_bound, self._broker_bound)

    @property
    def takes_more(self) -> bool:
        """Whether the broker takes another packet."""
        return self._unanswered < self._broker_bound

    @property
    def takes_announcement(self) -> bool:
        """Whether one may follow that leaves half of the broker's bound to messages."""
        return self._unanswered < max(1, self._broker_bound // 2)

    @property
    def oldest_ns(self) -> int | None:
        """When the one without an acknowledgement for longest was sent."""
        return min((sent.sent_ns for sent in self._packets.values() if not sent.acknowledged), default=None)

    @property
    def oldest_unreturned_ns(self) -> int | None:
        """When the one that is acknowledged and has not come back for longest was sent."""
        return min((s.sent_ns for s in self._packets.values() if s.acknowledged and not s.returned), default=None)

    def unreturned(self, before_ns: int) -> list[tuple[int, Sent]]:
        """Packets that are acknowledged, were sent before this moment and have not come back."""
        return [(p, s) for p, s in self._packets.items() if s.acknowledged and not s.returned and s.sent_ns < before_ns]

    def waiting_for_return(self) -> list[tuple[int, Sent]]:
        """Packets that count only when they come back."""
        return [(packet, sent) for packet, sent in self._packets.items() if sent.to_return]
