"""The publisher's logic, without threads and without a clock: connects, and sends what is due in its order.

`step` does what is due and says when to come back; `handle` takes what the link reports. Messages of the outbox are
`delivery`'s: one leaves the outbox when it is delivered, and what is in flight when a connection ends is sent again
with the same id, so a receiver may see it twice, but never not at all. The courier does the rest: birth and farewell,
announcements, health, excerpts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.errors import ConfigError
from edge_daemon.mqtt.announcements import Announcement
from edge_daemon.mqtt.connection import STABLE_NS, Connection, Failure
from edge_daemon.mqtt.delivery import IDLE_NS, Delivery
from edge_daemon.mqtt.excerpt_queue import ExcerptQueue
from edge_daemon.mqtt.inbox import Inbox
from edge_daemon.mqtt.link import (
    Accepted,
    Acknowledged,
    Event,
    Link,
    Lost,
    Received,
    Rejected,
    Request,
    Subscribed,
)
from edge_daemon.mqtt.link_history import LinkHistory
from edge_daemon.mqtt.presence import Presence
from edge_daemon.mqtt.refusals import Refusals
from edge_daemon.mqtt.report import MqttReport, RefusedTopic, Unsendable
from edge_daemon.mqtt.topics import Topics
from edge_daemon.mqtt.wire import Wire
from edge_daemon.outbox.mailbox import Mailbox
from edge_daemon.system.backoff import Backoff

SESSION_TAKEN_OVER = 142

Urgent = tuple[str, str, bytes]
"""Kind, topic and payload of a message that is worth sending only while it is new (health)."""


class Courier:
    """The publisher's state.

    Args:
        settings: section `mqtt`.
        topics: names for this device.
        mailbox: the outbox.
        link: the connection; driven by the caller's thread only.
        password: gives the password for each attempt; may raise ConfigError.
        rng: where the jitter comes from.
        now_ns: monotonic time.
        announcements: see `Announcement`.
        discreet: say neither `online` nor `offline`: a trial, which leaves nothing behind.
        inbox: takes messages for us; None where nobody may send any.
    """

    def __init__(
        self,
        settings: MqttSection,
        topics: Topics,
        mailbox: Mailbox,
        link: Link,
        password: Callable[[], str | None],
        rng: random.Random,
        now_ns: int,
        announcements: Sequence[Announcement] = (),
        *,
        discreet: bool = False,
        inbox: Inbox | None = None,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._mailbox = mailbox
        self._link = link
        self._password = password
        backoff = Backoff(settings.reconnect_first_s, settings.reconnect_longest_s)
        self.connection = Connection(settings.protocol, backoff, settings.connect_timeout_s, rng)
        self._wire = Wire(link, settings)
        self._refusals = Refusals(rng)
        self._history = LinkHistory()
        self._delivery = Delivery(settings, mailbox, self._wire, link, self._refusals, rng, self._history, now_ns)
        self._client_id = settings.client_id or f"edge-daemon-{topics.device}"
        self._presence = Presence(
            topics.status, announcements, self._wire, self._delivery.in_flight, self._refusals, self._history
        )
        self._discreet, self._inbox = discreet, inbox
        self._excerpts = ExcerptQueue(rng, now_ns)
        self._urgent: dict[str, Urgent] = {}
        self._stopped = False

    def apply(self, settings: MqttSection, now_ns: int) -> None:
        """Take over what can change while running: rate, order, budget."""
        self._settings = settings
        self._wire.apply(settings)
        self._delivery.apply(settings, now_ns)

    def put_urgent(self, kind: str, topic: str, payload: bytes) -> None:
        """Publish once if connected, else when connected; a newer one of its kind and topic takes its place."""
        self._urgent[f"{kind} {topic}"] = (kind, topic, payload)

    def put_excerpt(self, topic: str, payload: bytes) -> None:
        """Publish once when connected and nothing else waits; few wait, and none outlives the program."""
        self._excerpts.put(topic, payload)

    def notify(self, now_ns: int) -> None:
        """There is something new in the outbox."""
        self._delivery.notify(now_ns)

    def step(self, now_ns: int) -> int:
        """Do what is due; return the monotonic time at which to call again at the latest."""
        connection = self.connection
        if connection.overdue(now_ns):
            self._link.close(polite=False)
            self._wire.pay_for_connecting(now_ns)
            self._fail(Failure(f"no answer within {self._settings.connect_timeout_s:g} s"), now_ns)
        if self._delivery.unacknowledged_for(now_ns) > self._settings.acknowledge_timeout_s:
            self._link.close(polite=False)
            self._history.note("unacknowledged", now_ns)
            self._fail(Failure(f"no acknowledgement within {self._settings.acknowledge_timeout_s:g} s"), now_ns)
        if connection.renewal_due(now_ns) and self._delivery.idle(now_ns):
            self._link.close(polite=True)
            self._delivery.connection_ended(now_ns, of_itself=False)
            connection.renew(now_ns)
        if connection.due(now_ns):
            self._open(now_ns)
        if connection.state != "online":
            return min(now_ns + IDLE_NS, connection.deadline_ns() or now_ns)
        self._wire.keep_alive(now_ns)
        self._send_urgent(now_ns)
        self._delivery.step(now_ns)
        self._presence.step(now_ns)
        self._send_excerpt(now_ns)
        again = self._delivery.next_ns(now_ns)
        return again if self._excerpts.empty else min(again, self._excerpts.next_ns(now_ns))

    def handle(self, event: Event, now_ns: int) -> None:
        """Take what the link reports."""
        if isinstance(event, Accepted):
            self._accepted(event, now_ns)
        elif isinstance(event, Lost):
            if event.failure.reached and self.connection.state == "connecting":
                self._wire.pay_for_connecting(now_ns)
            self._fail(event.failure, now_ns)
        elif isinstance(event, Acknowledged):
            self._acknowledged(event, now_ns)
        elif isinstance(event, Rejected):
            self._note_answer()
            self._rejected(event, now_ns)
        elif isinstance(event, Subscribed):
            self._note_answer()
            if self._inbox is None or not self._inbox.subscribed(event):
                self._delivery.subscribed(event, now_ns)
        elif isinstance(event, Received):
            self._note_answer()
            if self._inbox is None or not self._inbox.received(event):
                self._delivery.received(event, now_ns)
            else:
                self._wire.spend(event.topic, event.payload, now_ns)

    def _note_answer(self) -> None:
        self._history.answered()
        self._delivery.answered = True

    def _accepted(self, event: Accepted, now_ns: int) -> None:
        self._wire.pay_for_connecting(now_ns)
        limits = self._wire.limits = event.limits
        self._client_id = limits.client_id or self._client_id
        self.connection.accepted(now_ns)
        self._delivery.connection_began(now_ns)
        self._presence.learn(limits)
        if not self._discreet:
            self._presence.connection_began(now_ns)
        if self._inbox is not None:
            self._inbox.connection_began(self._link)

    def _acknowledged(self, event: Acknowledged, now_ns: int) -> None:
        sent = self._delivery.in_flight.get(event.packet)
        if sent is not None and (self._wire.limits.qos > 0 or not sent.to_return):
            self._note_answer()
        if sent is not None and sent.message is None:
            self._presence.acknowledged(event.packet, sent)
        self._delivery.acknowledged(event, now_ns)

    def _rejected(self, event: Rejected, now_ns: int) -> None:
        sent = self._delivery.in_flight.get(event.packet)
        if sent is None or sent.message is not None:
            self._delivery.rejected(event, now_ns)
            return
        self._presence.rejected(event.packet, sent, event.reason, now_ns)
        self.notify(now_ns)

    def begin_anew(self, reason: str, now_ns: int) -> None:
        """Drop the connection and everything in flight, and reconnect after the usual wait."""
        self._link.close(polite=False)
        self._fail(Failure(reason), now_ns)

    def idle(self, now_ns: int) -> bool:
        """True when nothing is in flight and the outbox has just been found empty, or must wait."""
        return self._delivery.idle(now_ns)

    def say_farewell(self, now_ns: int) -> None:
        """Publish `offline`, retained, if connected; where the broker takes nothing more, its last will does that."""
        if self.connection.state == "online":
            self._presence.say_farewell(now_ns)

    def farewell_taken(self) -> bool:
        """True when the broker has answered it, it could not be sent, or there is none."""
        return self._presence.farewell_taken or self.connection.state != "online"

    def stop(self) -> None:
        """Leave politely; what is in flight goes back to the outbox."""
        self._link.close(polite=not self._presence.leaves_to_will)
        self._delivery.in_flight.clear()
        self._mailbox.release()
        self._stopped = True

    def report(self, now_ns: int) -> MqttReport:
        """State and counts."""
        connection, delivery, limits = self.connection, self._delivery, self._wire.limits
        since, history, refused = connection.since_ns, self._history, self._refusals.reasons
        online = connection.state == "online"
        unanswered_s = history.unanswered_s(now_ns)
        return MqttReport(
            state="stopped" if self._stopped else connection.state,
            broker=f"{self._settings.host}:{self._settings.effective_port}",
            protocol=connection.protocol,
            state_s=None if since is None else round((now_ns - since) / SECOND_NS, 1),
            last_failure=None if connection.failure is None else connection.failure.reason,
            attempts=connection.attempts,
            connections=connection.accepted_count,
            last_rejection=next(reversed(refused.values()), None),
            in_flight=delivery.in_flight.messages,
            bytes_last_hour=self._wire.budget.spent(now_ns),
            held_by_budget=delivery.held,
            downgraded=online and connection.downgraded,
            doubt=delivery.read_back.doubt(connection.protocol, now_ns) if online else None,
            refused=tuple(RefusedTopic(topic=topic, reason=reason) for topic, reason in refused.items()),
            unsendable=(
                *_unsendable(delivery.set_aside.largest(), kept=True),
                *_unsendable(self._wire.too_long, kept=False),
            ),
            maximum_packet_size=limits.maximum_packet_size,
            maximum_qos=limits.maximum_qos,
            retain_available=limits.retain_available,
            unanswered_s=None if unanswered_s is None else round(unanswered_s, 1),
            lost_last_hour=history.count("lost", now_ns),
            brief_last_hour=history.count("brief", now_ns),
            unacknowledged_last_hour=history.count("unacknowledged", now_ns),
            taken_over_last_hour=history.count("taken_over", now_ns),
            **delivery.counts,
        )

    @property
    def announced(self) -> bool:
        """Whether the broker has taken all announcements of this connection."""
        return self.connection.state == "online" and self._presence.announced

    def _open(self, now_ns: int) -> None:
        settings = self._settings
        self.connection.began(now_ns)
        try:
            password = self._password()
        except ConfigError as error:
            self._fail(Failure(str(error).rstrip(".")), now_ns)
            return
        self._link.open(
            Request.from_config(settings, self._client_id, self.connection.protocol, password, self._presence.will)
        )

    def _fail(self, failure: Failure, now_ns: int) -> None:
        connection = self.connection
        if connection.state == "online":
            self._history.note("lost", now_ns)
            if failure.code == SESSION_TAKEN_OVER:
                self._history.note("taken_over", now_ns)
            elif failure.reached and failure.code is None and now_ns - (connection.since_ns or 0) < STABLE_NS:
                self._history.note("brief", now_ns)
            self._excerpts.connection_ended(now_ns)
        connection.failed(failure, now_ns, at_once=self._presence.ask_less(failure))
        self._delivery.connection_ended(now_ns, of_itself=failure.code != SESSION_TAKEN_OVER)
        self._presence.connection_ended()

    def _send_urgent(self, now_ns: int) -> None:
        for kind, topic, payload in self._urgent.values():
            if self._wire.allows(kind, topic, payload, now_ns, qos=0) and self._wire.takes(topic, payload):
                self._wire.publish(topic, payload, now_ns, qos=0, kind=kind)
        self._urgent.clear()

    def _send_excerpt(self, now_ns: int) -> None:
        """Send one if the outbox has been found empty, all is acknowledged, and the budget allows."""
        excerpt = self._excerpts.due(now_ns)
        if excerpt is None or self._presence.announces or self._delivery.held or not self.idle(now_ns):
            return
        topic, payload = excerpt
        if not self._wire.takes(topic, payload):
            self._excerpts.drop()
        elif self._wire.allows("excerpt", topic, payload, now_ns, qos=0):
            self._excerpts.sent(now_ns)
            self._wire.publish(topic, payload, now_ns, qos=0)


def _unsendable(found: dict[str, tuple[int, int]], *, kept: bool) -> list[Unsendable]:
    return [Unsendable(topic=t, count=count, largest_bytes=size, kept=kept) for t, (count, size) in found.items()]
