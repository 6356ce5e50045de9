"""The publishing thread: waits for traffic, for new detections and for deadlines, and lets the courier do the rest."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Mapping, Sequence

from edge_daemon.clock.time_source import SECOND_NS, SystemTime, TimeSource
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.announcements import Announcement
from edge_daemon.mqtt.courier import Courier
from edge_daemon.mqtt.excerpt_queue import MOST_EXCERPTS
from edge_daemon.mqtt.inbox import Inbox
from edge_daemon.mqtt.link import Link
from edge_daemon.mqtt.orders import Order, Orders
from edge_daemon.mqtt.packing import Packing
from edge_daemon.mqtt.paho_link import PahoLink
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.mailbox import Mailbox
from edge_daemon.system.credentials import read_credential, read_secret
from edge_daemon.system.pulse import Pulse

log = logging.getLogger(__name__)

FAREWELL_S = 0.3
"""Most time that the last `offline` may take at a stop."""


def password_of(settings: MqttSection, environment: Mapping[str, str]) -> str | None:
    """The password, from its file or credential; None if there is none.

    Raises:
        ConfigValueError: it cannot be read, or everybody can read it.
    """
    if settings.password_file is not None:
        return read_secret(settings.password_file, "mqtt.password_file")
    if settings.password_credential is not None:
        return read_credential(settings.password_credential, environment, "mqtt.password_credential")
    return None


class Publisher:
    """Publishes what is in the outbox, for ever, even if the broker fails.

    Args:
        settings: section `mqtt`.
        device: the device's id.
        mailbox: the outbox; called from this thread only for take, acknowledge and release.
        link: the connection; paho's if None.
        time: monotonic time.
        rng: where the jitter comes from.
        environment: for credentials; the process's own if None.
        announcements: retained messages to publish after each connection.
        inbox: takes messages for the device; None where nobody may send any.
    """

    def __init__(
        self,
        settings: MqttSection,
        device: str,
        mailbox: Mailbox,
        *,
        link: Link | None = None,
        time: TimeSource | None = None,
        rng: random.Random | None = None,
        environment: Mapping[str, str] | None = None,
        announcements: Sequence[Announcement] = (),
        inbox: Inbox | None = None,
    ) -> None:
        self.topics = Topics(settings.prefix, device)
        self._packing = Packing(self.topics, settings.form)
        self.pulse = Pulse()
        self._time = time or SystemTime()
        self._link = link or PahoLink()
        environment = os.environ if environment is None else environment
        self._courier = Courier(
            settings,
            self.topics,
            mailbox,
            self._link,
            lambda: password_of(settings, environment),
            rng or random.Random(),  # noqa: S311 - jitter, not cryptography
            self._time.monotonic_ns(),
            announcements,
            inbox=inbox,
        )
        self._orders = Orders()
        self._excerpts = 0
        self._report = self._courier.report(self._time.monotonic_ns())
        self._announced = False
        self._stop_ns: int | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._said = ""

    def start(self) -> None:
        """Begin; returns at once, also without a broker."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs; after `start` it should, until `stop`."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """There is something new in the outbox; from any thread."""
        self._order("notify", self._courier.notify)

    def publish_now(self, kind: str, topic: str, payload: bytes) -> None:
        """Publish with QoS 0 while it is new; from any thread. Only the newest per topic waits for a connection."""
        place, packed = self._packing.packed(topic, payload)
        self._order(f"{kind} {topic}", lambda _now: self._courier.put_urgent(kind, place, packed))

    def publish_excerpt(self, payload: bytes) -> None:
        """Publish the sound of an event when nothing else waits; from any thread."""
        self._excerpts = (self._excerpts + 1) % MOST_EXCERPTS
        topic, packed = self._packing.packed(self.topics.excerpts, payload)
        self._order(f"excerpt {self._excerpts}", lambda _now: self._courier.put_excerpt(topic, packed))

    def apply(self, settings: MqttSection) -> None:
        """Take over what can change while running; from any thread."""
        self._order("settings", lambda now: self._courier.apply(settings, now))

    def report(self) -> MqttReport:
        """State and counts, at most some seconds old; from any thread."""
        return self._report

    def announced(self) -> bool:
        """Whether the broker has all announcements; from any thread."""
        return self._announced

    def stop(self, timeout_s: float = 3.0) -> bool:
        """Send what is left within `timeout_s`, say `offline`, leave; True if the thread has ended in time."""
        self._order("notify", self._courier.notify)
        self._stop_ns = self._time.monotonic_ns() + round(timeout_s * SECOND_NS)
        self._link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s + 2 * FAREWELL_S)
        if self._thread.is_alive():
            return False  # connecting to a broker that does not answer; the thread ends with the process
        self._link.release()
        return True

    def _order(self, kind: str, order: Order) -> None:
        self._orders.put(kind, order)
        self._link.wake()

    def _run(self) -> None:
        while self._stop_ns is None or not self._drained(self._stop_ns):
            self._turn(self._stop_ns, leaving=self._stop_ns is not None)
        self._courier.say_farewell(self._time.monotonic_ns())
        end_ns = self._time.monotonic_ns() + round(FAREWELL_S * SECOND_NS)
        while not self._courier.farewell_taken() and self._time.monotonic_ns() < end_ns:
            self._turn(end_ns)
        self._courier.stop()
        self._report = self._courier.report(self._time.monotonic_ns())

    def _drained(self, stop_ns: int) -> bool:
        """At a stop: time is up, the broker is not connected, or nothing is left to send."""
        now = self._time.monotonic_ns()
        online = self._courier.connection.state == "online"
        return now >= stop_ns or not online or (not self._orders and self._courier.idle(now))

    def _turn(self, end_ns: int | None, *, leaving: bool = False) -> None:
        """One round: what is due, then wait for what comes; when leaving, not if nothing is to come."""
        try:
            self._work(end_ns, leaving=leaving)
        except Exception as error:  # whatever it is, publishing goes on: there is nobody at sea to restart it
            log.exception("publishing failed; starting again")
            self._courier.begin_anew(f"internal error: {type(error).__name__}: {error}", self._time.monotonic_ns())
        self._log()

    def _work(self, end_ns: int | None, *, leaving: bool) -> None:
        self.pulse.beat("sending")
        now = self._time.monotonic_ns()
        for order in self._orders.take():
            order(now)
        again = self._courier.step(now)
        self._report = self._courier.report(now)
        until = again if end_ns is None else min(again, end_ns)
        if leaving and self._courier.idle(now):
            until = now
        self.pulse.beat()
        for event in self._link.poll(max(0, until - self._time.monotonic_ns()) / SECOND_NS):
            self._courier.handle(event, self._time.monotonic_ns())
        self._announced = self._courier.announced

    def _log(self) -> None:
        connection = self._courier.connection
        reason = "" if connection.failure is None else connection.failure.reason
        said = "online" if connection.state == "online" else reason
        if said and said != self._said:
            self._said = said
            if connection.state == "online":
                log.info("connected to the broker", extra={"protocol": connection.protocol})
            else:
                log.warning("no connection to the broker", extra={"reason": reason})
