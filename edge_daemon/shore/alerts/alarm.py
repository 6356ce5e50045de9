"""The alarm: compares what is new with the rules, and writes alerts down beside it, to be sent to each channel."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.detection.document import Detection
from edge_daemon.health.document import HealthDocument
from edge_daemon.shore.alert_settings import AlertRule, AlertsSection, Trouble
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import utc_ns
from edge_daemon.shore.intake import Arrival
from edge_daemon.shore.tables import ALERTS, DELIVERIES, DETECTIONS, DEVICES

Kind = Literal["calls", "verdict", "test"] | Trouble
LOOK_NS = 10 * SECOND_NS
MINUTE_NS = 60 * SECOND_NS
LATE_HEALTH_NS = 30 * MINUTE_NS
"""Health that is older when it comes says what was, not what is."""
LISTED = 200
_ALARM = 20_090_330
"""The lock under which stations on one database count calls one after the other."""


class Alarm:
    """The rules, and the log.

    Args:
        settings: section `alerts`.
        database: brought to its present form.
    """

    def __init__(self, settings: AlertsSection, database: StationDatabase) -> None:
        self._settings = settings
        self._database = database
        self._looked_ns = 0

    def consider(self, connection: Connection, arrivals: Sequence[Arrival], now_ns: int) -> None:
        """Look at what is new, in the transaction that keeps it.

        Args:
            connection: that of the transaction.
            arrivals: what is new.
            now_ns: UTC.
        """
        self._database.one_at_a_time(connection, _ALARM)  # what another station is about to keep counts, too
        for arrival in arrivals:
            for rule in self._settings.rules:
                if not rule.concerns(arrival.device):
                    continue
                if rule.when == "calls" and isinstance(arrival.document, Detection):
                    self._calls(connection, rule, arrival)
                elif rule.when == "trouble" and isinstance(arrival.document, HealthDocument):
                    if now_ns - utc_ns(arrival.document.utc) > LATE_HEALTH_NS:
                        continue
                    for kind, text in troubles(arrival.document, rule.disk_mb):
                        if kind in rule.trouble and self._rested(connection, rule, arrival.device, kind, now_ns):
                            self._raise(connection, rule, arrival.device, kind, f"{arrival.device}: {text}", now_ns)

    def look_around(self, now_ns: int) -> None:
        """Look for devices that have been away for too long; at most every ten seconds."""
        rules = [rule for rule in self._settings.rules if rule.when == "trouble" and "offline" in rule.trouble]
        if not rules or now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        with self._database.writing() as connection:
            away = select(DEVICES.c.name, DEVICES.c.online_ns).where(DEVICES.c.online.is_(False)).with_for_update()
            for row in connection.execute(away).all():
                for rule in rules:
                    due = now_ns - row.online_ns >= rule.offline_min * MINUTE_NS
                    if (
                        due
                        and rule.concerns(row.name)
                        and self._last(connection, rule, row.name, "offline") < row.online_ns
                        and self._rested(connection, rule, row.name, "offline", now_ns)
                    ):
                        minutes = (now_ns - row.online_ns) / MINUTE_NS
                        text = f"{row.name}: offline for {minutes:.0f} min."
                        self._raise(connection, rule, row.name, "offline", text, now_ns)

    def judged(self, device: str, reviewer: str, now_ns: int) -> bool:
        """A reviewer has called something a call; whether that raised an alert."""
        raised = False
        with self._database.writing() as connection:
            for rule in self._settings.rules:
                if rule.when == "verdict" and rule.concerns(device):
                    if not self._rested(connection, rule, device, "verdict", now_ns):
                        continue
                    text = f"{device}: {reviewer} confirmed a call."
                    self._raise(connection, rule, device, "verdict", text, now_ns)
                    raised = True
        return raised

    def test(self, channel: str, user: str, now_ns: int) -> bool:
        """Send a test to one channel; false if there is none of that name."""
        if channel not in {one.name for one in self._settings.channels}:
            return False
        rule = AlertRule(name="test", to=[channel])
        with self._database.writing() as connection:
            self._raise(connection, rule, "", "test", f"A test, sent by {user}. No whale has called.", now_ns)
        return True

    def listed(self) -> dict[str, Any]:
        """Channels, rules, and the log, newest first."""
        sent: dict[int, list[str]] = {}
        with self._database.reading() as connection:
            alerts = connection.execute(select(ALERTS).order_by(ALERTS.c.number.desc()).limit(LISTED)).all()
            numbers = [alert.number for alert in alerts]
            for row in connection.execute(select(DELIVERIES).where(DELIVERIES.c.alert.in_(numbers))):
                sent.setdefault(row.alert, []).append(_delivery(row))
        return {
            "channels": [{"name": channel.name, "kind": channel.kind} for channel in self._settings.channels],
            "rules": [rule.name for rule in self._settings.rules],
            "alerts": [
                {
                    "at": alert.at_ns / 1e9, "rule": alert.rule, "device": alert.device, "text": alert.text,
                    "sent": sent.get(alert.number, []),
                }
                for alert in alerts
            ],
        }  # fmt: skip

    def _calls(self, connection: Connection, rule: AlertRule, arrival: Arrival) -> None:
        wanted = select(DETECTIONS.c.at_ns, DETECTIONS.c.came_ns, DETECTIONS.c.score)
        row = connection.execute(wanted.where(DETECTIONS.c.number == arrival.detection)).first()
        late_ns = round(rule.late_min * MINUTE_NS)
        if row is None or row.score < rule.least_score or (not rule.late and row.came_ns - row.at_ns > late_ns):
            return
        span_ns = round(rule.within_min * MINUTE_NS)
        near = (
            select(DETECTIONS.c.at_ns, DEVICES.c.name)
            .join(DEVICES, DETECTIONS.c.device == DEVICES.c.number)
            .where(DETECTIONS.c.at_ns.between(row.at_ns - span_ns, row.at_ns + span_ns))
            .where(DETECTIONS.c.score >= rule.least_score)
            .order_by(DETECTIONS.c.at_ns)
        )
        if not rule.late:
            near = near.where(DETECTIONS.c.came_ns - DETECTIONS.c.at_ns <= late_ns)
        if not rule.together:
            near = near.where(DEVICES.c.name == arrival.device)
        calls = _closest(
            [(at, name) for at, name in connection.execute(near) if rule.concerns(name)], row.at_ns, span_ns
        )
        device = "" if rule.together else arrival.device
        if calls.total() < rule.calls or not self._rested(connection, rule, device, "calls", arrival.came_ns):
            return
        where = ", ".join(f"{name} ({number})" for name, number in sorted(calls.items())[:20])
        count = calls.total()
        calls_text = f"{count} call{'' if count == 1 else 's'} within {rule.within_min:g} min: {where}."
        text = f"{calls_text} The last scored {row.score:.3f}."
        self._raise(connection, rule, device, "calls", text, arrival.came_ns)

    def _last(self, connection: Connection, rule: AlertRule, device: str, kind: Kind) -> int:
        same = (ALERTS.c.rule == rule.name, ALERTS.c.device == device, ALERTS.c.kind == kind)
        return connection.scalar(select(func.max(ALERTS.c.at_ns)).where(*same)) or 0

    def _rested(self, connection: Connection, rule: AlertRule, device: str, kind: Kind, now_ns: int) -> bool:
        return now_ns - self._last(connection, rule, device, kind) >= rule.pause_min * MINUTE_NS

    def _raise(self, connection: Connection, rule: AlertRule, device: str, kind: Kind, text: str, now_ns: int) -> None:
        values = {"rule": rule.name, "device": device, "at_ns": now_ns, "text": text, "kind": kind}
        number = connection.scalar(ALERTS.insert().values(**values).returning(ALERTS.c.number))
        for channel in self._settings.channels:
            if not rule.to or channel.name in rule.to:
                connection.execute(DELIVERIES.insert().values(alert=number, channel=channel.name, due_ns=now_ns))


def _closest(calls: Sequence[tuple[int, str]], at_ns: int, span_ns: int) -> Counter[str]:
    """Calls by device in that stretch of time around a moment that has most of them.

    Args:
        calls: time and device of each, in order of time.
        at_ns: the moment, which the stretch must hold.
        span_ns: length of the stretch.
    """
    times = [at for at, _ in calls]
    most: tuple[int, int] = (0, 0)
    for first, begin in enumerate(times):
        if begin > at_ns:
            break
        last = bisect_right(times, begin + span_ns)
        if begin + span_ns >= at_ns and last - first > most[1] - most[0]:
            most = (first, last)
    return Counter(name for _, name in calls[slice(*most)])


def troubles(health: HealthDocument, disk_mb: float) -> Iterator[tuple[Trouble, str]]:
    """What is wrong with a device, as its health tells it.

    Args:
        health: the document.
        disk_mb: less room than this is trouble, MB.
    """
    heard = health.input
    if heard is not None and (heard.phase == "waiting" or heard.dead_input or heard.sound.state == "broken"):
        told = "; ".join(health.reasons[:3]) or "no sound that a hydrophone makes"
        yield "deaf", f"deaf: {told}."
    if health.board is not None and health.board.disk_free_mb is not None and health.board.disk_free_mb < disk_mb:
        yield "disk", f"{health.board.disk_free_mb:.0f} MB of disk space left."
    if health.clock is not None and health.clock.state == "unsynchronised":
        yield "clock", "the clock is not synchronised."


def _delivery(row: Any) -> str:
    if row.done_ns is not None:
        return f"{row.channel}: sent"
    if row.due_ns is None:
        return f"{row.channel}: given up after {row.tries} tries ({row.error})"
    return f"{row.channel}: waits" + (f" after {row.tries} tries ({row.error})" if row.tries else "")
