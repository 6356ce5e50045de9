"""One order on its way, on shore: signed, and its reply known. What carries the messages is somebody else's matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.errors import UsageError
from edge_daemon.orders.arguments import arguments_of
from edge_daemon.orders.counter import next_counter
from edge_daemon.orders.envelope import seal
from edge_daemon.orders.keys import key_name, signer
from edge_daemon.orders.order import ShoreOrder
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.orders.reply import OrderReply


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An order that is signed.

    Attributes:
        topic: where it goes.
        payload: what is sent.
        key: name of the key that signed it.
        counter: its counter.
    """

    topic: str
    payload: bytes
    key: str
    counter: int

    def answered_by(self, payload: bytes) -> OrderReply | None:
        """A reply to this order; None if the message is none."""
        try:
            reply = OrderReply.model_validate_json(payload)
        except ValidationError:
            return None
        return reply if (reply.key, reply.order) == (self.key, self.counter) else None


class OrderSigner:
    """Signs orders with one key.

    Args:
        key_file: of the private key; the counter is kept beside it.
        prefix: first part of the topics.

    Raises:
        ConfigError: the key cannot be used.
    """

    def __init__(self, key_file: Path, prefix: str) -> None:
        self._file, self._prefix = key_file, prefix
        self._sign, public_key = signer(key_file)
        self.key = key_name(public_key)

    def sign(
        self,
        to: str,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        utc_ns: int,
        lifetime_s: float,
        attachment: bytes = b"",
    ) -> Dispatch:
        """An order for a device, or for a group with `@` before its name.

        Raises:
            UsageError: there is no such order, or its arguments are not possible.
            StorageError: the counter cannot be noted.
        """
        expires = round(utc_ns / SECOND_NS + lifetime_s)
        try:
            arguments_of(ShoreOrder(to, 0, expires, kind, arguments, attachment))
        except OrderRefusedError as error:
            raise UsageError(f"This order would be refused: {error}.") from None
        counter = next_counter(self._file, utc_ns)
        order = ShoreOrder(to, counter, expires, kind, arguments, attachment)
        try:
            payload = seal(order.encode(), self._sign)
        except ValueError as error:
            raise UsageError(f"This order cannot be sent: {error}.") from None
        return Dispatch(f"{self._prefix}/{to}/orders", payload, self.key, counter)
