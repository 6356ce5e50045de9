"""Carries messages from the outbox to the broker: the publisher's logic, without threads and without a clock.

`step` does what is due and says when to come back; `handle` takes what the link reports. A message leaves the outbox
on the broker's acknowledgement only. What is in flight when a connection ends goes back and is sent again with the same
id, so a receiver may see it twice, but never not at all.

A refusal (a right that is missing, a quota) concerns a topic, and a spent byte budget the less important kinds, so what
rests after either is messages of that priority, and the others go on.

The outbox is asked only when there may be something (`notify`, a new connection, now and then), and only when half the
window is free: asking writes acknowledgements to the SD card, which should not happen for every single one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.errors import ConfigError
from edge_daemon.mqtt.connection import Connection, Failure
from edge_daemon.mqtt.in_flight import InFlight, Sent
from edge_daemon.mqtt.link import Accepted, Acknowledged, Event, Link, Lost, Rejected, Request
from edge_daemon.mqtt.rate_limits import CONNECT_BYTES, TLS_CONNECT_BYTES, HourBudget, TokenBucket, wire_bytes
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.mqtt.topics import OFFLINE, ONLINE, Topics
from edge_daemon.outbox.mailbox import Mailbox, Order, Outgoing
from edge_daemon.system.backoff import Backoff

IDLE_NS = 5 * SECOND_NS
"""Longest rest: the outbox is checked at least this often."""
REJECTION_PAUSE_NS = 30 * SECOND_NS
"""Rest after the broker has refused a message, before one of its priority is tried again."""
MIN_BURST = 20.0
"""Messages that may be sent at once after a quiet time, regardless of the rate."""

Announcement = tuple[str, bytes]
"""Topic and payload, published retained after each connection (Home Assistant discovery)."""
MOST_EXCERPTS = 4
"""Excerpts that wait at most; the oldest gives way."""
EXCERPT_PAUSE_NS = SECOND_NS
"""Time from one excerpt to the next, in which something more important may come."""

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
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._mailbox = mailbox
        self._link = link
        self._password = password
        self._announcements = tuple(announcements)
        backoff = Backoff(settings.reconnect_first_s, settings.reconnect_longest_s)
        self.connection = Connection(settings.protocol, backoff, settings.connect_timeout_s, rng)
        self._budget = HourBudget(settings.bytes_per_hour)
        self._bucket = TokenBucket(settings.drain_rate, max(MIN_BURST, settings.drain_rate), now_ns)
        self._in_flight = InFlight(settings.in_flight)
        self._farewell: int | None = None  # packet of the last `offline`
        self._to_announce: deque[Announcement] = deque()
        self._backing_off: dict[int, int] = {}  # priority → monotonic time at which it is tried again
        self._ask_at_ns = now_ns  # when to look into the outbox
        self._urgent: dict[str, Urgent] = {}
        self._excerpts: deque[Announcement] = deque(maxlen=MOST_EXCERPTS)
        self._excerpt_at_ns = now_ns
        self._held: set[int] = set()  # priorities of which messages wait for the byte budget
        self._stopped = False
        self._last_rejection: str | None = None
        self._counts = {"sent": 0, "acknowledged": 0, "rejected": 0}

    def apply(self, settings: MqttSection, now_ns: int) -> None:
        """Take over what can change while running: rate, order, budget."""
        self._settings = settings
        self._budget.limit = settings.bytes_per_hour
        if settings.drain_rate != self._bucket.rate:
            self._bucket = TokenBucket(settings.drain_rate, max(MIN_BURST, settings.drain_rate), now_ns)

    def put_urgent(self, kind: str, topic: str, payload: bytes) -> None:
        """Publish once if connected, else when connected; a newer one on the same topic takes its place."""
        self._urgent[topic] = (kind, topic, payload)

    def put_excerpt(self, topic: str, payload: bytes) -> None:
        """Publish once when connected and nothing else waits; few wait, and none outlives the program."""
        self._excerpts.append((topic, payload))

    def notify(self, now_ns: int) -> None:
        """There is something new in the outbox."""
        self._ask_at_ns = min(self._ask_at_ns, now_ns)

    def step(self, now_ns: int) -> int:
        """Do what is due; return the monotonic time at which to call again at the latest."""
        connection = self.connection
        if connection.overdue(now_ns):
            self._link.close(polite=False)
            self._pay_for_connecting(now_ns)
            self._fail(Failure(f"no answer within {self._settings.connect_timeout_s:g} s"), now_ns)
        if self._unacknowledged_for(now_ns) > self._settings.acknowledge_timeout_s:
            self._link.close(polite=False)
            self._fail(Failure(f"no acknowledgement within {self._settings.acknowledge_timeout_s:g} s"), now_ns)
        if connection.due(now_ns):
            self._open(now_ns)
        if connection.state != "online":
            return min(now_ns + IDLE_NS, connection.deadline_ns() or now_ns)
        self._send_urgent(now_ns)
        self._drain(now_ns)
        self._announce(now_ns)
        self._send_excerpt(now_ns)
        return self._next_ns(now_ns)

    def handle(self, event: Event, now_ns: int) -> None:
        """Take what the link reports."""
        if isinstance(event, Accepted):
            self._pay_for_connecting(now_ns)
            self.connection.accepted(now_ns)
            self._in_flight.begin(event.window)
            self.notify(now_ns)
            self._publish(self._topics.status, ONLINE, now_ns, retain=True)
            self._to_announce = deque(self._announcements)
        elif isinstance(event, Lost):
            if event.failure.reached and self.connection.state == "connecting":
                self._pay_for_connecting(now_ns)
            self._fail(event.failure, now_ns)
        elif isinstance(event, Acknowledged):
            sent = self._in_flight.acknowledge(event.packet)
            if sent is not None and sent.message is not None:
                self._counts["acknowledged"] += 1
                self._mailbox.acknowledge(sent.message)
            if event.packet == self._farewell:
                self._farewell = None
        elif isinstance(event, Rejected):
            self._rejected(event, now_ns)

    def _rejected(self, event: Rejected, now_ns: int) -> None:
        sent = self._in_flight.acknowledge(event.packet)
        if sent is None:
            return
        self._last_rejection = event.reason
        if event.packet == self._farewell:
            self._farewell = 0  # the last will says it in its place
        if sent.message is not None:
            self._counts["rejected"] += 1
            self._mailbox.release([sent.message])
            self._backing_off[sent.priority] = now_ns + REJECTION_PAUSE_NS
            self.notify(now_ns)  # other priorities may wait behind it

    def begin_anew(self, reason: str, now_ns: int) -> None:
        """Drop the connection and everything in flight, and reconnect after the usual wait."""
        self._link.close(polite=False)
        self._fail(Failure(reason), now_ns)

    def idle(self, now_ns: int) -> bool:
        """True when nothing is in flight and the outbox has just been found empty, or must wait."""
        return not self._in_flight.messages and self._ask_at_ns > now_ns

    def say_farewell(self, now_ns: int) -> None:
        """Publish `offline`, retained, if connected; where the broker takes nothing more, its last will does that."""
        if self.connection.state == "online":
            self._farewell = 0
            if self._in_flight.takes_more:
                self._farewell = self._publish(self._topics.status, OFFLINE, now_ns, retain=True)

    def farewell_taken(self) -> bool:
        """True when the broker has answered it, it could not be sent, or there is none."""
        return not self._farewell or self.connection.state != "online"

    def stop(self) -> None:
        """Leave politely; what is in flight goes back to the outbox."""
        self._link.close(polite=self._farewell is None)
        self._in_flight.clear()
        self._mailbox.release()
        self._stopped = True

    def report(self, now_ns: int) -> MqttReport:
        """State and counts."""
        connection, since = self.connection, self.connection.since_ns
        return MqttReport(
            state="stopped" if self._stopped else connection.state,
            broker=f"{self._settings.host}:{self._settings.effective_port}",
            protocol=connection.protocol,
            state_s=None if since is None else round((now_ns - since) / SECOND_NS, 1),
            last_failure=None if connection.failure is None else connection.failure.reason,
            attempts=connection.attempts,
            connections=connection.accepted_count,
            last_rejection=self._last_rejection,
            in_flight=self._in_flight.messages,
            bytes_last_hour=self._budget.spent(now_ns),
            held_by_budget=bool(self._held),
            **self._counts,
        )

    def _open(self, now_ns: int) -> None:
        settings = self._settings
        self.connection.began(now_ns)
        try:
            password = self._password()
        except ConfigError as error:
            self._fail(Failure(str(error).rstrip(".")), now_ns)
            return
        client_id = settings.client_id or f"edge-daemon-{self._topics.device}"
        will = (self._topics.status, OFFLINE)
        self._link.open(Request.from_config(settings, client_id, self.connection.protocol, password, will))

    def _pay_for_connecting(self, now_ns: int) -> None:
        """An attempt that did not reach the broker has sent next to nothing."""
        self._budget.spend(TLS_CONNECT_BYTES if self._settings.tls.enabled else CONNECT_BYTES, now_ns)

    def _fail(self, failure: Failure, now_ns: int) -> None:
        self.connection.failed(failure, now_ns)
        self._in_flight.clear()
        self._farewell = None
        self._mailbox.release()

    def _cost(self, topic: str, payload: bytes, qos: int = 1) -> int:
        return wire_bytes(topic, payload, tls=self._settings.tls.enabled, acknowledged=qos > 0)

    def _publish(
        self, topic: str, payload: bytes, now_ns: int, *, retain: bool, message: Outgoing | None = None
    ) -> int:
        """Send with QoS 1, regardless of the budget."""
        self._budget.spend(self._cost(topic, payload), now_ns)
        packet = self._link.publish(topic, payload, qos=1, retain=retain)
        sent = Sent(now_ns) if message is None else Sent(now_ns, message.id, message.priority)
        self._in_flight.add(packet, sent)
        return packet

    def _send_urgent(self, now_ns: int) -> None:
        for kind, topic, payload in self._urgent.values():
            cost = self._cost(topic, payload, qos=0)
            if self._budget.allows(kind, cost, now_ns):
                self._budget.spend(cost, now_ns)
                self._link.publish(topic, payload, qos=0, retain=False)
        self._urgent.clear()

    def _announce(self, now_ns: int) -> None:
        """Send announcements that are due as far as messages leave room, and the budget allows."""
        while self._to_announce and self._in_flight.takes_announcement:
            topic, payload = self._to_announce[0]
            if not self._budget.allows("discovery", self._cost(topic, payload), now_ns):
                return
            self._to_announce.popleft()
            self._publish(topic, payload, now_ns, retain=True)

    def _send_excerpt(self, now_ns: int) -> None:
        """Send one if the outbox has been found empty, all is acknowledged, and the budget allows."""
        waits = self._to_announce or self._held or not self.idle(now_ns)
        if waits or not self._excerpts or now_ns < self._excerpt_at_ns:
            return
        topic, payload = self._excerpts[0]
        cost = self._cost(topic, payload, qos=0)
        if self._budget.allows("excerpt", cost, now_ns):
            self._excerpts.popleft()
            self._excerpt_at_ns = now_ns + EXCERPT_PAUSE_NS
            self._budget.spend(cost, now_ns)
            self._link.publish(topic, payload, qos=0, retain=False)

    def _drain(self, now_ns: int) -> None:
        """Send from the outbox as much as window, rate and budget allow."""
        rested = [priority for priority, until_ns in self._backing_off.items() if now_ns >= until_ns]
        for priority in rested:
            del self._backing_off[priority]
            self._held.discard(priority)
            self.notify(now_ns)
        while now_ns >= self._ask_at_ns and self._bucket.available(now_ns) and self._in_flight.half_free:
            if not self._send(min(self._in_flight.room, self._bucket.available(now_ns)), now_ns):
                break

    def _send(self, limit: int, now_ns: int) -> bool:
        """Send up to `limit` messages; True if the budget held some, behind which other priorities may wait."""
        newest = self._settings.drain_order == "newest"
        order: Order = "newest_first" if newest else "oldest_first"
        messages = self._mailbox.take(limit, order, frozenset(self._backing_off))
        if len(messages) < limit:
            self._ask_at_ns = now_ns + IDLE_NS
        held = []
        for message in messages:
            if not self._budget.allows(message.kind, self._cost(message.topic, message.payload), now_ns):
                held.append(message.id)
                self._held.add(message.priority)
                self._backing_off[message.priority] = self._budget.next_ns(now_ns)
                continue
            self._bucket.take(1, now_ns)
            self._publish(message.topic, message.payload, now_ns, retain=False, message=message)
            self._counts["sent"] += 1
        if held:
            self._mailbox.release(held)
        return bool(held)

    def _next_ns(self, now_ns: int) -> int:
        """When `step` is due again, if nothing happens before."""
        again = now_ns + IDLE_NS
        if self._excerpts:
            again = min(again, max(self._excerpt_at_ns, now_ns + EXCERPT_PAUSE_NS))
        oldest_ns = self._in_flight.oldest_ns
        if oldest_ns is not None:
            again = min(again, oldest_ns + round(self._settings.acknowledge_timeout_s * SECOND_NS) + 1)
        if self._in_flight.half_free:  # else an acknowledgement comes first
            ask_ns = min((self._ask_at_ns, *self._backing_off.values()))
            again = min(again, max(ask_ns, self._bucket.next_ns(now_ns)))
        return again

    def _unacknowledged_for(self, now_ns: int) -> float:
        oldest_ns = self._in_flight.oldest_ns
        return 0.0 if oldest_ns is None else (now_ns - oldest_ns) / SECOND_NS
