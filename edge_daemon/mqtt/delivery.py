"""Messages of the outbox on their way to the broker: which are sent when, and when one is delivered.

A message leaves the outbox when it is delivered: acknowledged, and where the broker's acknowledgement says nothing,
read back (`read_back`). What rests, rests alone: a topic that is refused (`refusals`), a kind for which the byte budget
has no room, a message that cannot pass (`set_aside`). The others go on.

The outbox is asked only when there may be something (`notify`, a new connection, now and then), and only when half the
window is free: asking writes acknowledgements to the SD card, which should not happen for every single one.
"""

from __future__ import annotations

import random

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.gate import BrokerGate
from edge_daemon.mqtt.in_flight import InFlight, Sent
from edge_daemon.mqtt.link import Acknowledged, Link, Received, Rejected, Subscribed
from edge_daemon.mqtt.link_history import LinkHistory
from edge_daemon.mqtt.rate_limits import TokenBucket
from edge_daemon.mqtt.read_back import ReadBack
from edge_daemon.mqtt.refusals import Refusals
from edge_daemon.mqtt.set_aside import SetAside
from edge_daemon.mqtt.wire import Wire
from edge_daemon.outbox.mailbox import Mailbox, Order, Outgoing

IDLE_NS = 5 * SECOND_NS
"""Longest rest: the outbox is checked at least this often."""
MIN_BURST = 20.0
"""Messages that may be sent at once after a quiet time, regardless of the rate."""
NOT_BACK = "acknowledged, but it did not come back to us: may this user write the topic, and read it?"
NOT_READ = "the broker does not let us read this topic, which alone could tell whether it is taken"


class Delivery:
    """The outbox's part of the publisher.

    Args:
        settings: section `mqtt`.
        mailbox: the outbox.
        wire, link: where packets leave, and subscriptions.
        refusals: topics that are refused.
        rng: where the jitter comes from.
        history: told of what should be acknowledged.
        now_ns: monotonic time.

    Attributes:
        in_flight: what is on its way; birth and announcements, too.
        set_aside: messages that cannot pass.
        read_back: what is known of a broker that says nothing.
        counts: of messages since the start.
        answered: whether the broker has answered anything on this connection.
    """

    def __init__(
        self,
        settings: MqttSection,
        mailbox: Mailbox,
        wire: Wire,
        link: Link,
        refusals: Refusals,
        rng: random.Random,
        history: LinkHistory,
        now_ns: int,
    ) -> None:
        self._settings = settings
        self._history = history
        self._mailbox, self._wire, self._refusals = mailbox, wire, refusals
        self._bucket = TokenBucket(settings.drain_rate, max(MIN_BURST, settings.drain_rate), now_ns)
        self.in_flight = InFlight(settings.in_flight)
        self.set_aside = SetAside(rng)
        self.read_back = ReadBack(link, wanted=settings.read_back)
        self.counts = {"sent": 0, "acknowledged": 0, "rejected": 0}
        self.answered = False
        self._gate = BrokerGate(wire, refusals, self.read_back, self.set_aside, self.in_flight)
        self._resting: frozenset[str] = frozenset()  # refused topics, at the last step
        self._ask_at_ns = now_ns  # when to look into the outbox

    @property
    def held(self) -> bool:
        """Whether messages wait for the byte budget."""
        return bool(self._gate.priorities.held)

    def apply(self, settings: MqttSection, now_ns: int) -> None:
        """Take over what can change while running: rate and order."""
        self._settings = settings
        if settings.drain_rate != self._bucket.rate:
            self._bucket = TokenBucket(settings.drain_rate, max(MIN_BURST, settings.drain_rate), now_ns)

    def notify(self, now_ns: int) -> None:
        """There is something new in the outbox."""
        self._ask_at_ns = min(self._ask_at_ns, now_ns)

    def idle(self, now_ns: int) -> bool:
        """True when nothing is in flight and the outbox has just been found empty, or must wait."""
        return not self.in_flight.messages and self._ask_at_ns > now_ns

    def connection_began(self, now_ns: int) -> None:
        """The broker has accepted us."""
        self.answered = self._wire.limits.qos == 0  # else its acknowledgements tell
        self.in_flight.begin(self._wire.limits.receive_maximum)
        self.in_flight.careful = self.set_aside.careful
        self.read_back.begin(self._wire.limits)
        self.notify(now_ns)

    def connection_ended(self, now_ns: int, *, of_itself: bool = True) -> None:
        """What is on its way goes back.

        Args:
            now_ns: monotonic time.
            of_itself: not because we wished so.
        """
        if of_itself:
            self.set_aside.connection_ended(self.in_flight.outstanding, now_ns, answered=self.answered)
        self.read_back.connection_ended(now_ns)
        self._refusals.connection_ended()
        self.in_flight.clear()
        self._mailbox.release()

    def acknowledged(self, event: Acknowledged, now_ns: int) -> None:
        """The broker has acknowledged a packet, or one of QoS 0 has been written."""
        sent = self.in_flight.get(event.packet)
        if sent is not None:
            sent.acknowledged = True
            self._settle(event.packet, sent, now_ns)

    def received(self, event: Received, now_ns: int) -> None:
        """A message has come: one of ours that is read back, or a stranger's."""
        packet = None if event.retained else self.read_back.received(event.topic, event.payload, now_ns)
        sent = None if packet is None else self.in_flight.get(packet)
        if packet is None or sent is None:
            return
        self._wire.spend(event.topic, event.payload, now_ns)
        sent.returned = True
        if self._wire.limits.qos == 0:
            sent.acknowledged = True
        self._settle(packet, sent, now_ns)

    def subscribed(self, event: Subscribed, now_ns: int) -> None:
        """The broker has answered our wish to read a topic."""
        refused = self.read_back.subscribed(event)
        for packet, sent in self.in_flight.waiting_for_return() if refused is not None else ():
            if sent.topic == refused:
                self.rejected(Rejected(packet, NOT_READ), now_ns)

    def rejected(self, event: Rejected, now_ns: int) -> None:
        """The broker has refused a message of the outbox: its topic rests."""
        sent = self.in_flight.get(event.packet)
        if sent is None or sent.message is None:
            return
        self.in_flight.remove(event.packet)
        self.read_back.gave_up(sent.topic, sent.message.payload)
        self.counts["rejected"] += 1
        self._refusals.refused(sent.topic, event.reason, now_ns)
        self._mailbox.release([sent.message.id])
        self.notify(now_ns)  # others may wait behind it

    def _settle(self, packet: int, sent: Sent, now_ns: int) -> None:
        """Forget a packet that is delivered, and its message."""
        if not sent.delivered:
            return
        self.in_flight.remove(packet)
        if self._refusals.taken(sent.topic) or sent.to_return or sent.topic not in self._gate.proven:
            self.notify(now_ns)  # others of its topic have waited
        if sent.message is not None:
            self._gate.proven.add(sent.topic)
            self.counts["acknowledged"] += 1
            self._mailbox.acknowledge(sent.message.id)
            self._offer_again(self.set_aside.passed(sent.message.id), now_ns)
            self.in_flight.careful = self.set_aside.careful

    def _offer_again(self, names: list[str], now_ns: int) -> None:
        if names:
            self._mailbox.release(names)
            self.notify(now_ns)

    def step(self, now_ns: int) -> None:
        """Send from the outbox as much as window, rate and budget allow."""
        self._give_up_waiting(now_ns)
        if self._gate.priorities.wake(now_ns):
            self.notify(now_ns)
        resting = self._refusals.resting(now_ns)
        if self._resting - resting:
            self.notify(now_ns)
        self._resting = resting
        self._offer_again(self.set_aside.due(self._wire.limits, now_ns), now_ns)
        if self._waits_for_answer:
            return
        while now_ns >= self._ask_at_ns and self._bucket.available(now_ns) and self.in_flight.half_free:
            if not self._send(min(self.in_flight.room, self._bucket.available(now_ns)), now_ns):
                break

    @property
    def _waits_for_answer(self) -> bool:
        """While a message is suspected, none is sent to a broker that may be mute."""
        return self.in_flight.careful and not self.answered

    def _give_up_waiting(self, now_ns: int) -> None:
        """Messages that were acknowledged and do not come back count as refused."""
        for packet, _ in self.in_flight.unreturned(now_ns - round(self._settings.acknowledge_timeout_s * SECOND_NS)):
            self.rejected(Rejected(packet, NOT_BACK), now_ns)
        if self.read_back.unanswered(now_ns):
            for packet, sent in self.in_flight.waiting_for_return():
                sent.to_return = False
                self._settle(packet, sent, now_ns)

    def _send(self, limit: int, now_ns: int) -> bool:
        """Send up to `limit` messages; True if some were passed over, behind which others may wait."""
        newest = self._settings.drain_order == "newest"
        order: Order = "newest_first" if newest else "oldest_first"
        resting = self._gate.topics_at_rest(now_ns)
        messages = self._mailbox.take(limit, order, resting | self._gate.priorities.all)
        if len(messages) < limit:
            self._ask_at_ns = now_ns + IDLE_NS
            if not messages and not self.in_flight.messages:
                self.set_aside.forget_suspects()
                self.in_flight.careful = False
        back = []
        passed_over = False
        for message in messages:
            fate = self._gate.fate(message, now_ns)
            if message.topic in resting:  # a mailbox that knows priorities alone
                self._gate.priorities.rest(message.priority, now_ns + IDLE_NS)
            if fate == "go":
                self._bucket.take(1, now_ns)
                self._publish(message, now_ns)
                self.counts["sent"] += 1
                continue
            passed_over = True
            if fate == "back":
                back.append(message.id)
        if back:
            self._mailbox.release(back)
        return passed_over

    def _publish(self, message: Outgoing, now_ns: int) -> None:
        """Send with the best quality that the broker has, and read back what has to be."""
        topic, payload = message.topic, message.payload
        to_return = self.read_back.needed(topic, now_ns)
        if to_return:
            self.read_back.ask(topic, now_ns)
        packet = self._wire.publish(topic, payload, now_ns, kind=message.kind)
        if to_return:
            self.read_back.sent(topic, payload, packet)
        self._history.sent(now_ns)
        self.in_flight.add(packet, Sent(now_ns, topic, message, to_return))

    def next_ns(self, now_ns: int) -> int:
        """When `step` is due again, if nothing happens before."""
        again = now_ns + IDLE_NS
        timeout_ns = round(self._settings.acknowledge_timeout_s * SECOND_NS) + 1
        for since_ns in (self.in_flight.oldest_ns, self.in_flight.oldest_unreturned_ns):
            if since_ns is not None:
                again = min(again, since_ns + timeout_ns)
        asked_ns = self.read_back.next_ns()
        if asked_ns is not None:
            again = min(again, asked_ns)
        if self.in_flight.half_free and not self._waits_for_answer:  # else an acknowledgement comes first
            due = (
                self._ask_at_ns,
                self._gate.priorities.next_ns,
                self._refusals.next_ns(now_ns),
                self.set_aside.next_ns(),
            )
            ask_ns = min(at for at in due if at is not None)
            again = min(again, max(ask_ns, self._bucket.next_ns(now_ns)))
        return again

    def unacknowledged_for(self, now_ns: int) -> float:
        """How long the oldest packet without an acknowledgement has been on its way, seconds."""
        oldest_ns = self.in_flight.oldest_ns
        return 0.0 if oldest_ns is None else (now_ns - oldest_ns) / SECOND_NS
