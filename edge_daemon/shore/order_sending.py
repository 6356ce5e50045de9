"""Hands an order from a user's page to the broker. It was signed elsewhere: no private key comes to the station."""

from __future__ import annotations

import base64
import binascii
import re

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.orders.arguments import arguments_of
from edge_daemon.orders.envelope import Verify
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.shore.incoming import UnfitError
from edge_daemon.shore.orders import PIECE, note_order, read_order
from edge_daemon.shore.station import Station


class NotSentError(Exception):
    """The broker is not there to take it."""


def send_order(station: Station, verify: Verify, user: str, text: object, now_ns: int) -> str:
    """Check an order, write it down under the user's name, and publish it; whom it is for.

    Args:
        station: whose broker and database are used.
        verify: knows the configured keys.
        user: who sends it.
        text: the envelope in Base64, as `edge-daemon orders send --output` writes it.
        now_ns: UTC.

    Raises:
        UnfitError: it would not be obeyed; the text says why.
        NotSentError: there is no connection to the broker.
    """
    if not isinstance(text, str):
        raise UnfitError("an order is a text")
    try:
        payload = base64.b64decode(re.sub(r"\s", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise UnfitError("this is no order in Base64") from None
    seen = read_order(payload, verify)
    if seen.order.kind == PIECE:
        raise UnfitError("models are sent by `edge-daemon orders send model`")
    try:
        arguments_of(seen.order)
    except OrderRefusedError as error:
        raise UnfitError(f"{error.reason}: {error}") from None
    if now_ns // SECOND_NS >= seen.order.expires:
        raise UnfitError("expired: its time is over")
    with station.database.writing() as connection:
        note_order(station.database, connection, seen, now_ns, user)
        if not station.listener.publish(f"{station.config.mqtt.prefix}/{seen.order.to}/orders", payload):
            raise NotSentError
    return seen.order.to
