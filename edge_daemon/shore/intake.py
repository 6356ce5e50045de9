"""Puts messages into the database: a batch in one transaction, each known by its identity and so counted once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, delete, func, or_, select, update

from edge_daemon.clips.excerpt import Excerpt
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.detection.document import Detection
from edge_daemon.detection.thumbnail import Thumbnail
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.effort.tally import PresenceTally
from edge_daemon.health.document import HealthDocument
from edge_daemon.orders.reply import OrderReply
from edge_daemon.presence.periods import HOUR_NS
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import Incoming, UnfitError, utc_ns
from edge_daemon.shore.orders import SeenOrder, note_order, note_reply
from edge_daemon.shore.tables import (
    DETECTIONS,
    DEVICES,
    EFFORT,
    HEALTH,
    HOURS,
    LOST_CLIPS,
    PICTURES,
    REFUSALS,
    REPLIES,
    SOUNDS,
)

MOST_DEVICES = 20_000
"""A broker's users may name any number of devices; more than this are refused."""
MOST_REFUSALS = 1000
LONGEST_PERIOD_NS = 8 * 24 * HOUR_NS
"""Reports of effort over longer times are refused: they would be spread over any number of hours."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something new in the database.

    Attributes:
        device: who sent it.
        document: what came; None for a change of status.
        detection: number of the detection that it is, or belongs to; None where there is none.
        came_ns: when.
        online: the new status; None for documents.
    """

    device: str
    document: object
    detection: int | None
    came_ns: int
    online: bool | None = None


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that was not kept, and why."""

    topic: str
    reason: str


class Intake:
    """The only writer of what devices say.

    Args:
        database: brought to its present form.
        watch: told of what is new within the transaction that keeps it, so that both are kept or neither.
    """

    def __init__(
        self, database: StationDatabase, watch: Callable[[Connection, Sequence[Arrival], int], None] | None = None
    ) -> None:
        self._database = database
        self._watch = watch
        self._numbers: dict[str, int] = {}

    def take(self, batch: Sequence[Incoming | SeenOrder | RefusedMessage], now_ns: int) -> list[Arrival]:
        """Keep a batch; when this returns it is committed.

        Args:
            batch: in the order in which it came.
            now_ns: UTC.

        Raises:
            SQLAlchemyError: nothing of it was kept.
        """
        arrivals: list[Arrival] = []
        learned: dict[str, int] = {}
        with self._database.writing() as connection:
            refused = [one for one in batch if isinstance(one, RefusedMessage)]
            for order in batch:
                if isinstance(order, SeenOrder):
                    note_order(self._database, connection, order, now_ns)
            # by device, so that of two stations on one database none waits for the other in a circle
            documents = sorted((one for one in batch if isinstance(one, Incoming)), key=lambda one: one.device)
            for message in documents:
                try:
                    device = learned.get(message.device) or self._device(connection, message.device, learned, now_ns)
                    arrivals += self._keep(connection, device, message, now_ns)
                except UnfitError as error:
                    refused.append(RefusedMessage(f"…/{message.device}", str(error)))
            self._refuse(connection, refused, now_ns)
            if arrivals and self._watch is not None:
                self._watch(connection, arrivals, now_ns)
        self._numbers |= learned  # only what is committed is known
        return arrivals

    def _device(self, connection: Connection, name: str, learned: dict[str, int], now_ns: int) -> int:
        """A device's number; its row is this transaction's from now on."""
        number = self._numbers.get(name)
        if number is None:
            number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == name))
        if number is None:
            if (connection.scalar(select(func.count()).select_from(DEVICES)) or 0) >= MOST_DEVICES:
                raise UnfitError(f"more than {MOST_DEVICES} devices")
            insert = self._database.insert(DEVICES).values(name=name, seen_ns=now_ns)
            connection.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
            number = connection.scalar(select(DEVICES.c.number).where(DEVICES.c.name == name))
        assert number is not None  # noqa: S101 - it was inserted, by us or by another station
        learned[name] = number
        later = case((DEVICES.c.seen_ns < now_ns, now_ns), else_=DEVICES.c.seen_ns)
        connection.execute(update(DEVICES).where(DEVICES.c.number == number).values(seen_ns=later))
        return number

    def _keep(self, connection: Connection, device: int, message: Incoming, now_ns: int) -> list[Arrival]:
        document = message.document
        if document is None:
            return self._status(connection, device, message, now_ns)
        number: int | None = None
        match document:
            case Detection():
                number = self._detection(connection, device, document, message.text, now_ns)
                new = number is not None
            case Thumbnail():
                new = self._once(connection, PICTURES, device=device, id=str(document.id), document=message.text)
                number = self._number(connection, device, str(document.id))
            case Excerpt():
                new = self._sound(connection, device, document, now_ns)
                number = self._number(connection, device, document.id.lower())
            case LostClip():
                new = self._once(
                    connection, LOST_CLIPS, device=device, id=document.id.lower(), reason=document.reason[:500]
                )
                number = self._number(connection, device, document.id.lower())
            case EffortSummary() | PresenceTally():
                new = self._period(connection, device, document, message.text)
            case HealthDocument():
                new = self._health(connection, device, document, message.text, now_ns)
            case OrderReply():
                new = note_reply(self._database, connection, device, document, message.text, now_ns)
            case _:
                raise UnfitError("a document of a kind that is not kept")
        return [Arrival(message.device, document, number, now_ns)] if new else []

    def _once(self, connection: Connection, table: Any, **values: Any) -> bool:
        """Insert a row that may be there already; false if it is."""
        insert = self._database.insert(table).values(**values).on_conflict_do_nothing()
        return bool(connection.execute(insert).rowcount == 1)

    def _number(self, connection: Connection, device: int, identity: str) -> int | None:
        wanted = select(DETECTIONS.c.number).where(DETECTIONS.c.device == device, DETECTIONS.c.id == identity)
        return connection.scalar(wanted)

    def _status(self, connection: Connection, device: int, message: Incoming, now_ns: int) -> list[Arrival]:
        changed = update(DEVICES).where(
            DEVICES.c.number == device, or_(DEVICES.c.online.is_(None), DEVICES.c.online != message.online)
        )
        if connection.execute(changed.values(online=message.online, online_ns=now_ns)).rowcount != 1:
            return []
        return [Arrival(message.device, None, None, now_ns, message.online)]

    def _detection(
        self, connection: Connection, device: int, document: Detection, text: str, now_ns: int
    ) -> int | None:
        heard_ns = now_ns if document.begin_utc is None else min(now_ns, utc_ns(document.begin_utc))
        where = document.position
        insert = self._database.insert(DETECTIONS).values(
            device=device,
            id=str(document.id),
            at_ns=heard_ns,
            came_ns=now_ns,
            score=document.peak_score,
            latitude=None if where is None else where.latitude,
            longitude=None if where is None else where.longitude,
            document=text,
        )
        insert = insert.on_conflict_do_nothing(index_elements=["device", "id"])
        number = connection.scalar(insert.returning(DETECTIONS.c.number))
        if number is None:
            return None
        self._count(connection, device, heard_ns // HOUR_NS, calls=1)
        newest = update(DEVICES).where(
            DEVICES.c.number == device, or_(DEVICES.c.call_ns.is_(None), DEVICES.c.call_ns <= heard_ns)
        )
        place = {} if where is None else {"latitude": where.latitude, "longitude": where.longitude}
        connection.execute(newest.values(call_ns=heard_ns, **place))
        return int(number)

    def _count(self, connection: Connection, device: int, hour: int, **more: float) -> None:
        insert = self._database.insert(HOURS).values(device=device, hour=hour, **more)
        added = {name: HOURS.c[name] + value for name, value in more.items()}
        connection.execute(insert.on_conflict_do_update(index_elements=["device", "hour"], set_=added))

    def _sound(self, connection: Connection, device: int, document: Excerpt, now_ns: int) -> bool:
        try:
            sound = base64.b64decode(document.sound, validate=True)
        except ValueError:
            raise UnfitError("the sound is no Base64") from None
        magic = {"flac": b"fLaC", "wav": b"RIFF"}[document.format]
        if not sound.startswith(magic):
            raise UnfitError(f"the sound is no {document.format}")
        return self._once(
            connection, SOUNDS, device=device, id=document.id.lower(), came_ns=now_ns,
            begin_ns=utc_ns(document.begin_utc), seconds=document.seconds, format=document.format, sound=sound,
        )  # fmt: skip

    def _period(self, connection: Connection, device: int, document: EffortSummary | PresenceTally, text: str) -> bool:
        begin, end = utc_ns(document.begin_utc), utc_ns(document.end_utc)
        if not 0 < end - begin <= LONGEST_PERIOD_NS:
            raise UnfitError("a period that ends before it begins, or lasts longer than eight days")
        kind, column = ("effort", "listened_s") if isinstance(document, EffortSummary) else ("tally", "tallied_s")
        if not self._once(connection, EFFORT, device=device, kind=kind, begin_ns=begin, end_ns=end, document=text):
            return False
        listened_s = min(document.listened_s, (end - begin) / SECOND_NS)
        for hour in range(begin // HOUR_NS, -(-end // HOUR_NS)):
            share = (min(end, (hour + 1) * HOUR_NS) - max(begin, hour * HOUR_NS)) / (end - begin)
            self._count(connection, device, hour, **{column: listened_s * share})
        return True

    def _health(self, connection: Connection, device: int, document: HealthDocument, text: str, now_ns: int) -> bool:
        at_ns = min(now_ns, utc_ns(document.utc))
        reasons = json.dumps(list(document.reasons[:50]))
        sound = None if document.input is None else document.input.sound
        level = None if sound is None else sound.level_dbfs
        new = self._once(
            connection, HEALTH, device=device, at_ns=at_ns, came_ns=now_ns, state=document.state, reasons=reasons,
            level_dbfs=level, ambient_db=document.ambient_db, document=text,
        )  # fmt: skip
        newest = update(DEVICES).where(
            DEVICES.c.number == device, or_(DEVICES.c.health_ns.is_(None), DEVICES.c.health_ns <= at_ns)
        )
        connection.execute(newest.values(state=document.state, reasons=reasons, health_ns=at_ns))
        return new

    def _refuse(self, connection: Connection, refused: Sequence[RefusedMessage], now_ns: int) -> None:
        if not refused:
            return
        rows = [{"at_ns": now_ns, "topic": one.topic[:256], "reason": one.reason[:256]} for one in refused]
        connection.execute(REFUSALS.insert(), rows)
        newest = connection.scalar(select(func.max(REFUSALS.c.number))) or 0
        connection.execute(delete(REFUSALS).where(REFUSALS.c.number <= newest - MOST_REFUSALS))


def tidy(database: StationDatabase, now_ns: int, health_days: int, sound_days: int) -> None:
    """Delete what is older than is kept, by when it came."""
    with database.writing() as connection:
        for table, days in ((HEALTH, health_days), (REPLIES, health_days), (SOUNDS, sound_days)):
            connection.execute(delete(table).where(table.c.came_ns < now_ns - days * 24 * HOUR_NS))
