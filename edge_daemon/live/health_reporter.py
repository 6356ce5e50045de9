"""Health reports: the document at its interval to the broker, its news to the log, a line to the service manager."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.health.document import HealthDocument
from edge_daemon.live.health_collector import HealthCollector
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.system.sd_notify import Notifier

log = logging.getLogger(__name__)


class HealthReporter:
    """Tells how the daemon is; the calling thread drives it.

    Args:
        collector: makes the documents.
        publisher: sends them; None for nobody.
        notifier: the service manager.
        time: clocks.
        keep: given each document, too.
    """

    def __init__(
        self,
        collector: HealthCollector,
        publisher: Publisher | None,
        notifier: Notifier,
        time: TimeSource,
        keep: Callable[[HealthDocument], None] = lambda _document: None,
    ) -> None:
        self._keep = keep
        self._collector, self._publisher, self._notifier, self._time = collector, publisher, notifier, time
        self._due_ns = time.monotonic_ns()
        self._told = ""
        self._connection = 0  # number of the one over which health was sent last
        self.newest: HealthDocument | None = None
        """The document reported last."""

    def hasten(self) -> None:
        """Report at the next look: something has changed that cannot wait for the interval."""
        self._due_ns = self._time.monotonic_ns()

    def say_status(self) -> None:
        """The line for the service manager."""
        self._notifier.status(self._collector.status())

    def tick(self) -> None:
        """Report if it is due, and over each new connection at once."""
        now_ns = self._time.monotonic_ns()
        if now_ns >= self._due_ns or self._newly_connected():
            self._due_ns = now_ns + round(self._collector.section.interval_s * SECOND_NS)
            self.report()

    def report(self) -> None:
        """Report now."""
        document = self.newest = self._collector.document()
        self._keep(document)
        told = re.sub(r"\d+", "", f"{document.state} {document.reasons}")  # a count that grows is no news
        if told != self._told:
            self._told = told
            level = logging.INFO if document.state == "ok" else logging.WARNING
            log.log(level, f"health: {document.state}", extra={"reasons": "; ".join(document.reasons) or "none"})
        if self._publisher is not None and document.mqtt is not None and document.mqtt.state == "online":
            # what is told while nobody listens would be old, and wrong, when somebody does
            self._connection = document.mqtt.connections
            self._publisher.publish_now("health", self._publisher.topics.health, document.to_json().encode())

    def _newly_connected(self) -> bool:
        if self._publisher is None:
            return False
        link = self._publisher.report()
        return link.state == "online" and link.connections != self._connection
