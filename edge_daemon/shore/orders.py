"""Orders as the station sees them go by, and the replies to them; it has no key, and can give none of its own.

An order is seen on its topic, whoever has sent it. With public keys in the configuration only what one of them has
signed is kept; without, an order is taken for what it says. Pieces of a model are passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, or_, select

from edge_daemon.orders.envelope import Verify, unseal
from edge_daemon.orders.keys import verifier
from edge_daemon.orders.order import MOST_COUNTER, ShoreOrder, decode
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.orders.reply import OrderReply
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.incoming import UnfitError, utc_ns
from edge_daemon.shore.tables import ORDERS, REPLIES

MOST_ORDERS = 20_000
"""The newest are kept: without public keys anybody whom the broker lets may write them."""
LISTED = 50
MOST_SHOWN = 500
"""Characters of an order's arguments."""
PIECE = "piece"
_TOO_LONG = 32


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order in its envelope, opened.

    Attributes:
        order: what it says.
        key: name of the key that has signed it; None if signatures are not checked here.
        digest: SHA-256 of the envelope, by which it is known.
    """

    order: ShoreOrder
    key: str | None
    digest: str


def signatures(public_keys: Sequence[str]) -> Verify | None:
    """What checks them; None without keys.

    Raises:
        ConfigError: PyNaCl is not installed.
    """
    return verifier(public_keys) if public_keys else None


def read_order(payload: bytes, verify: Verify | None) -> SeenOrder:
    """Open an envelope.

    Args:
        payload: as it came.
        verify: None: take it for what it says.

    Raises:
        UnfitError: it is no order, or nobody who may has signed it.
    """
    try:
        key, body = unseal(payload, verify or (lambda _message, _signature: ""))
        order = decode(body)
    except OrderRefusedError as error:
        raise UnfitError(f"{error.reason}: {error}") from None
    return SeenOrder(order, key or None, hashlib.sha256(payload).hexdigest())


def seen_order(prefix: str, topic: str, payload: bytes, verify: Verify | None) -> SeenOrder | None:
    """The order in a message; None for other messages, and for pieces of a model.

    Args:
        prefix: first part of the topics.
        topic, payload: as they came.
        verify: as for `read_order`.

    Raises:
        UnfitError: it is not to be kept.
    """
    to, _, subject = topic.removeprefix(f"{prefix}/").partition("/")
    if not topic.startswith(f"{prefix}/") or subject != "orders" or not payload:
        return None
    seen = read_order(payload, verify)
    if seen.order.to != to:
        raise UnfitError("the order is for another device than its topic")
    return None if seen.order.kind == PIECE else seen


def note_order(
    database: StationDatabase, connection: Connection, seen: SeenOrder, now_ns: int, sender: str | None = None
) -> bool:
    """Write an order down; false if it is known.

    Args:
        database: whose connection that is.
        connection: writing.
        seen: the order.
        now_ns: UTC.
        sender: who has sent it from the page; None for one that was seen at the broker.
    """
    order = seen.order
    values = {
        "digest": seen.digest, "addressee": order.to, "counter": order.counter, "expires_s": order.expires,
        "kind": order.kind, "arguments": json.dumps(dict(order.arguments)), "key": seen.key, "at_ns": now_ns,
        "sender": sender,
    }  # fmt: skip
    insert = database.insert(ORDERS).values(**values).on_conflict_do_nothing(index_elements=["digest"])
    if connection.execute(insert).rowcount != 1:
        return False
    newest = connection.scalar(select(func.max(ORDERS.c.number))) or 0
    connection.execute(delete(ORDERS).where(ORDERS.c.number <= newest - MOST_ORDERS))
    return True


def note_reply(
    database: StationDatabase, connection: Connection, device: int, reply: OrderReply, text: str, now_ns: int
) -> bool:
    """Write a reply down; false if it is known.

    Args:
        database, connection: as for `note_order`.
        device: number of it.
        reply, text: the document, and as JSON.
        now_ns: UTC.

    Raises:
        UnfitError: it cannot be the reply to an order.
    """
    if reply.order is not None and not 0 <= reply.order <= MOST_COUNTER:
        raise UnfitError("the order's counter is not possible")
    if any(len(word) > _TOO_LONG for word in (reply.key or "", reply.kind or "", reply.reason or "")):
        raise UnfitError("key, kind or reason are too long")
    values = {
        "device": device, "digest": hashlib.sha256(text.encode()).hexdigest(), "came_ns": now_ns,
        "at_ns": min(now_ns, utc_ns(reply.utc)), "counter": reply.order, "document": text,
    }  # fmt: skip
    insert = database.insert(REPLIES).values(**values).on_conflict_do_nothing()
    return bool(connection.execute(insert).rowcount == 1)


def orders_of(connection: Connection, device: int, name: str) -> list[dict[str, Any]]:
    """A device's orders, newest first, each with the replies to it; replies to orders that nobody saw are there, too.

    Args:
        connection: to read from.
        device: number of the device.
        name: its id; an order for a group is shown where the device has answered it.
    """
    told = select(REPLIES).where(REPLIES.c.device == device)
    rows = connection.execute(told.order_by(REPLIES.c.at_ns.desc()).limit(4 * LISTED)).all()
    replies: dict[int | None, list[Row[Any]]] = defaultdict(list)
    for row in reversed(rows):
        replies[row.counter].append(row)
    answered = [counter for counter in replies if counter is not None]
    grouped = and_(ORDERS.c.addressee.startswith("@"), ORDERS.c.counter.in_(answered))
    wanted = select(ORDERS).where(or_(ORDERS.c.addressee == name, grouped))
    found = []
    for order in connection.execute(wanted.order_by(ORDERS.c.at_ns.desc(), ORDERS.c.number.desc()).limit(LISTED)):
        own = [row for row in replies.get(order.counter, ()) if _answers(row, order.key)]
        replies[order.counter] = [row for row in replies.get(order.counter, ()) if row not in own]
        found.append({
            "at": order.at_ns / 1e9, "kind": order.kind, "arguments": order.arguments[:MOST_SHOWN],
            "to": order.addressee, "expires": order.expires_s, "key": order.key, "sender": order.sender,
            "replies": [_reply(row) for row in own],
        })  # fmt: skip
    for row in (one for left in replies.values() for one in left):
        document = json.loads(row.document)
        found.append({
            "at": row.at_ns / 1e9, "kind": document["kind"], "arguments": "", "to": name, "expires": None,
            "key": document["key"], "sender": None, "replies": [_reply(row)],
        })  # fmt: skip
    return sorted(found, key=lambda one: -one["at"])[:LISTED]


def _answers(row: Row[Any], key: str | None) -> bool:
    return key is None or json.loads(row.document)["key"] == key


def _reply(row: Row[Any]) -> dict[str, Any]:
    document = json.loads(row.document)
    return {"at": row.at_ns / 1e9} | {name: document[name] for name in ("outcome", "reason", "text")}
