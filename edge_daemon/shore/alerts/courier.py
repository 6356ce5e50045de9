"""Delivers alerts: takes them from the database when they are due, tries, and tries again later."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.clock.utc import utc_text
from edge_daemon.shore.alert_settings import AlertChannel, AlertsSection
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.tables import ALERTS, DELIVERIES

log = logging.getLogger(__name__)

MOST_TRIES = 40
"""Over about a day and a half."""
FIRST_S, LONGEST_S = 10.0, 3600.0
"""Pauses between tries; each is twice as long as the one before."""
CLAIM_S = 120.0
"""A station that takes a delivery has it for so long; if it dies, it is due again."""
TIMEOUT_S = 15.0
LOOK_S = 5.0
MOST_AT_ONCE = 100
"""Of a channel, in one look."""


class AlertCourier:
    """A thread that delivers.

    Args:
        settings: section `alerts`.
        database: brought to its present form.
        publish: topic and payload to the broker; false without a connection.
    """

    def __init__(
        self, settings: AlertsSection, database: StationDatabase, publish: Callable[[str, bytes], bool]
    ) -> None:
        self._channels = {channel.name: channel for channel in settings.channels}
        self._database = database
        self._publish = publish
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin, where there is a channel at all."""
        if self._channels:
            self._thread.start()

    def wake(self) -> None:
        """There may be something new; from any thread."""
        self._woken.set()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End; what is left stays in the database."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def deliver(self, now_ns: int) -> int:
        """Try what is due, for each channel until one fails: a dead one holds nobody up; the number of tries."""
        tried = 0
        for channel in self._channels.values():
            for row in self._due(DELIVERIES.c.channel == channel.name, now_ns):
                if self._stopping or not self._claim(row, now_ns):
                    continue
                tried += 1
                problem = self._send(channel, row)
                self._note(row, problem, given_up=row.tries + 1 >= MOST_TRIES)
                if problem:
                    break
        for row in self._due(DELIVERIES.c.channel.not_in(self._channels), now_ns):
            if self._claim(row, now_ns):
                self._note(row, "is not in the configuration any more", given_up=True)
        return tried

    def _due(self, which: ColumnElement[bool], now_ns: int) -> list[Row[Any]]:
        columns = (DELIVERIES.c.number, DELIVERIES.c.channel, DELIVERIES.c.tries, DELIVERIES.c.due_ns)
        told = (ALERTS.c.rule, ALERTS.c.device, ALERTS.c.at_ns, ALERTS.c.text, ALERTS.c.kind)
        wanted = select(*columns, *told).join(ALERTS, ALERTS.c.number == DELIVERIES.c.alert)
        wanted = wanted.where(DELIVERIES.c.due_ns <= now_ns, which).order_by(DELIVERIES.c.number).limit(MOST_AT_ONCE)
        with self._database.reading() as connection:
            return list(connection.execute(wanted))

    def _claim(self, row: Row[Any], now_ns: int) -> bool:
        """Take a delivery before another station does."""
        until_ns = now_ns + round(CLAIM_S * SECOND_NS)
        mine = update(DELIVERIES).where(DELIVERIES.c.number == row.number, DELIVERIES.c.due_ns == row.due_ns)
        with self._database.writing() as connection:
            return connection.execute(mine.values(due_ns=until_ns)).rowcount == 1

    def _note(self, row: Row[Any], problem: str, *, given_up: bool) -> None:
        now_ns = time.time_ns()
        pause_s = min(LONGEST_S, FIRST_S * 2 ** min(row.tries, 20))
        again = None if not problem or given_up else now_ns + round(pause_s * SECOND_NS)
        values = {
            "tries": row.tries + 1, "error": problem[:300], "due_ns": again, "done_ns": None if problem else now_ns,
        }  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.number == row.number).values(**values))
        if problem:
            log.warning("an alert was not delivered", extra={"channel": row.channel, "reason": problem})

    def _send(self, channel: AlertChannel, row: Row[Any]) -> str:
        """Send one; the reason why that failed, or nothing."""
        document = {
            "rule": row.rule, "device": row.device or None, "kind": row.kind, "utc": utc_text(row.at_ns),
            "text": row.text,
        }  # fmt: skip
        payload = json.dumps(document, ensure_ascii=False).encode()
        if channel.kind == "mqtt":
            return "" if self._publish(channel.topic, payload) else "no connection to the broker"
        if channel.kind == "apprise":
            return _notify(channel.url, f"{row.rule}", row.text)
        return _post(channel.url, payload)

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                self.deliver(time.time_ns())
            except SQLAlchemyError as error:
                log.error("alerts cannot be read from the database", extra={"reason": str(error)})
            except Exception:  # an apprise plug-in may raise anything; the next round tries again
                log.exception("delivering alerts failed")
            self._woken.wait(LOOK_S)


def _post(url: str, payload: bytes) -> str:
    request = Request(url, payload, {"Content-Type": "application/json", "User-Agent": "edge-daemon"})  # noqa: S310 - http(s), by the configuration
    try:
        with urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
            return ""
    except (URLError, OSError, ValueError) as error:  # the address may hold a secret, so it is not told
        return str(getattr(error, "reason", "") or getattr(error, "strerror", "") or type(error).__name__)


def _notify(url: str, title: str, text: str) -> str:
    try:
        from apprise import Apprise
    except ImportError:
        return "apprise is not installed: pip install 'edge-daemon[alerts]'"
    sender = Apprise()
    if not sender.add(url):
        return "apprise does not know this kind of address"
    return "" if sender.notify(body=text, title=title) else "the service did not take it"
