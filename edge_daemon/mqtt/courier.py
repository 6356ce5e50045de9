"""Carries messages from the outbox to the broker: the publisher's logic, without threads and without a clock.

`step` does what is due and says when to come back; `handle` takes what the link reports. A message leaves the outbox
on the broker's acknowledgement only. What is in flight when a connection ends goes back and is sent again with the same
id, so a receiver may see it twice, but never not at all.

The outbox is asked only when there may be something (`notify`, a new connection, now and then), and only when half the
window is free: asking writes acknowledgements to the SD card, which should not happen for every single one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from edge_daemon.backoff import Backoff
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.errors import ConfigError
from edge_daemon.mqtt.bucket import TokenBucket
from edge_daemon.mqtt.budget import CONNECT_BYTES, TLS_CONNECT_BYTES, HourBudget, wire_bytes
from edge_daemon.mqtt.connection import Connection, Failure
from edge_daemon.mqtt.link import Accepted, Acknowledged, Event, Link, Lost, Rejected, Request, Tls
from edge_daemon.mqtt.mailbox import Mailbox
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.mqtt.topics import OFFLINE, ONLINE, Topics
from edge_daemon.timesource import SECOND_NS

IDLE_NS = 5 * SECOND_NS
"""Longest rest: the outbox is looked at this often even if nobody calls."""
REJECTION_PAUSE_NS = 30 * SECOND_NS
"""Rest after the broker has refused a message (a right that is missing, a quota), before it is tried again."""
MIN_BURST = 20.0
"""Messages that may go at once after a quiet time, whatever the rate."""

Announcement = tuple[str, bytes]
"""Topic and payload, published retained after each connection (Home Assistant discovery)."""
Urgent = tuple[str, str, bytes]
"""Kind, topic and payload of a message that is worth sending only while it is new (health)."""


class Courier:
    """The publisher's state.

    Args:
        settings: section `mqtt`.
        topics: names for this device.
        mailbox: the outbox.
        link: the connection; driven by the caller's thread only.
        password: gives the password anew for each attempt; may raise ConfigError.
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
        self._in_flight: dict[int, tuple[str, int]] = {}  # packet → id, sent at
        self._farewell: int | None = None  # packet of the last `offline`
        self._window = settings.in_flight
        self._pause_until_ns = 0
        self._ask_at_ns = now_ns  # when to look into the outbox
        self._urgent: dict[str, Urgent] = {}
        self._held = False
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

    def notify(self, now_ns: int) -> None:
        """There is something new in the outbox."""
        self._ask_at_ns = min(self._ask_at_ns, now_ns)

    def step(self, now_ns: int) -> int:
        """Do what is due; return the monotonic time at which to call again at the latest."""
        connection = self.connection
        if connection.overdue(now_ns):
            self._link.close(polite=False)
            self._fail(Failure(f"no answer within {self._settings.connect_timeout_s:g} s"), now_ns)
        if self._unacknowledged_for(now_ns) > self._settings.acknowledge_timeout_s:
            self._link.close(polite=False)
            self._fail(Failure(f"no acknowledgement within {self._settings.acknowledge_timeout_s:g} s"), now_ns)
        if connection.due(now_ns):
            self._open(now_ns)
        if connection.state != "online":
            return min(now_ns + IDLE_NS, connection.deadline_ns() or now_ns)
        self._send_urgent(now_ns)
        return self._drain(now_ns)

    def handle(self, event: Event, now_ns: int) -> None:
        """Take what the link reports."""
        if isinstance(event, Accepted):
            self.connection.accepted(now_ns)
            self._window = min(self._settings.in_flight, event.window)
            self.notify(now_ns)
            self._publish("status", self._topics.status, ONLINE, now_ns, retain=True)
            for topic, payload in self._announcements:
                self._publish("discovery", topic, payload, now_ns, retain=True)
        elif isinstance(event, Lost):
            self._fail(event.failure, now_ns)
        elif isinstance(event, Acknowledged):
            if event.packet in self._in_flight:
                self._counts["acknowledged"] += 1
                self._mailbox.acknowledge(self._in_flight.pop(event.packet)[0])
            if event.packet == self._farewell:
                self._farewell = None
        elif isinstance(event, Rejected):
            self._last_rejection = event.reason
            self._pause_until_ns = now_ns + REJECTION_PAUSE_NS
            self._ask_at_ns = min(self._ask_at_ns, self._pause_until_ns)
            if event.packet in self._in_flight:
                self._counts["rejected"] += 1
                self._mailbox.release([self._in_flight.pop(event.packet)[0]])

    def begin_anew(self, reason: str, now_ns: int) -> None:
        """Drop the connection and whatever is under way, and make a new one after the usual wait."""
        self._link.close(polite=False)
        self._fail(Failure(reason), now_ns)

    def idle(self, now_ns: int) -> bool:
        """True when nothing is in flight and the outbox has just been found empty, or must wait."""
        return not self._in_flight and (self._ask_at_ns > now_ns or self._pause_until_ns > now_ns)

    def say_farewell(self, now_ns: int) -> None:
        """Publish `offline`, retained, if connected."""
        if self.connection.state == "online":
            self._farewell = self._publish("status", self._topics.status, OFFLINE, now_ns, retain=True)

    def farewell_taken(self) -> bool:
        """True when the broker has acknowledged it, or there is no broker."""
        return self._farewell is None or self.connection.state != "online"

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
            in_flight=len(self._in_flight),
            bytes_last_hour=self._budget.spent(now_ns),
            held_by_budget=self._held,
            **self._counts,
        )

    def _open(self, now_ns: int) -> None:
        settings = self._settings
        self.connection.began(now_ns)
        try:
            password = self._password()
        except ConfigError as error:
            self._fail(Failure(f"the password: {error}"), now_ns)
            return
        tls = settings.tls
        self._budget.spend(TLS_CONNECT_BYTES if tls.enabled else CONNECT_BYTES, now_ns)
        self._link.open(
            Request(
                host=settings.host,
                port=settings.effective_port,
                client_id=settings.client_id or f"edge-daemon-{self._topics.device}",
                version=self.connection.protocol,
                keepalive_s=settings.keepalive_s,
                timeout_s=settings.connect_timeout_s,
                username=settings.username,
                password=password,
                tls=Tls(tls.ca_file, tls.certificate_file, tls.key_file) if tls.enabled else None,
                will=(self._topics.status, OFFLINE),
            )
        )

    def _fail(self, failure: Failure, now_ns: int) -> None:
        self.connection.failed(failure, now_ns)
        self._in_flight.clear()
        self._farewell = None
        self._mailbox.release()

    def _publish(self, kind: str, topic: str, payload: bytes, now_ns: int, *, retain: bool, qos: int = 1) -> int:
        cost = wire_bytes(topic, payload, tls=self._settings.tls.enabled, acknowledged=qos > 0)
        if kind not in ("status", "detection", "effort") and not self._budget.allows(kind, cost, now_ns):
            return 0
        self._budget.spend(cost, now_ns)
        return self._link.publish(topic, payload, qos=qos, retain=retain)

    def _send_urgent(self, now_ns: int) -> None:
        for kind, topic, payload in self._urgent.values():
            self._publish(kind, topic, payload, now_ns, retain=False, qos=0)
        self._urgent.clear()

    def _drain(self, now_ns: int) -> int:
        """Send from the outbox as much as window, rate and budget allow; return when to come back."""
        room = self._window - len(self._in_flight)
        tokens = self._bucket.available(now_ns)
        wanted = now_ns >= self._ask_at_ns and now_ns >= self._pause_until_ns
        if wanted and tokens and 2 * room >= self._window:
            self._send(min(room, tokens), now_ns)
        return self._next_ns(now_ns)

    def _send(self, limit: int, now_ns: int) -> None:
        newest = self._settings.drain_order == "newest"
        messages = self._mailbox.take(limit, "newest_first" if newest else "oldest_first")
        if len(messages) < limit:
            self._ask_at_ns = now_ns + IDLE_NS
        held = []
        for message in messages:
            cost = wire_bytes(message.topic, message.payload, tls=self._settings.tls.enabled)
            if not self._budget.allows(message.kind, cost, now_ns):
                held.append(message.id)
                continue
            self._bucket.take(1, now_ns)
            packet = self._publish(message.kind, message.topic, message.payload, now_ns, retain=False)
            self._in_flight[packet] = (message.id, now_ns)
            self._counts["sent"] += 1
        self._held = bool(held)
        if held:
            self._mailbox.release(held)
            self._pause_until_ns = self._budget.next_ns(now_ns)
            self._ask_at_ns = min(self._ask_at_ns, self._pause_until_ns)

    def _next_ns(self, now_ns: int) -> int:
        """When `step` is due again, if nothing happens before."""
        again = now_ns + IDLE_NS
        if self._in_flight:
            oldest = min(sent for _, sent in self._in_flight.values())
            again = min(again, oldest + round(self._settings.acknowledge_timeout_s * SECOND_NS) + 1)
        if 2 * (self._window - len(self._in_flight)) >= self._window:  # else an acknowledgement comes first
            ask = max(self._ask_at_ns, self._pause_until_ns, self._bucket.next_ns(now_ns))
            again = min(again, ask)
        return again

    def _unacknowledged_for(self, now_ns: int) -> float:
        if not self._in_flight:
            return 0.0
        return (now_ns - min(sent for _, sent in self._in_flight.values())) / SECOND_NS
