"""An order as it is written: canonical JSON, and behind a line end what a piece of a model carries.

Canonical: keys sorted, no blanks, ASCII, no value that JSON lacks. What is read is written again and must be the same
bytes, so nothing can be said twice in one order, or in two ways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_daemon.orders.refusal import OrderRefusedError

SCHEMA = "edge_daemon.order/1"
MOST_COUNTER = 2**53 - 1
_FIELDS = {"schema", "to", "counter", "expires", "kind", "arguments"}
_TO = re.compile(r"@?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class ShoreOrder:
    """One order.

    Attributes:
        to: id of a device, or `@` and the name of a group.
        counter: higher than in all orders before that the same key signed.
        expires: Unix time from which on it is not obeyed, seconds.
        kind: what to do.
        arguments: of the kind.
        attachment: bytes of a piece of a model.
    """

    to: str
    counter: int
    expires: int
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    attachment: bytes = b""

    def encode(self) -> bytes:
        """Its bytes, to be signed.

        Raises:
            ValueError: an argument is nothing that JSON has.
        """
        head = {
            "schema": SCHEMA,
            "to": self.to,
            "counter": self.counter,
            "expires": self.expires,
            "kind": self.kind,
            "arguments": dict(self.arguments),
        }
        return _canonical(head) + (b"\n" + self.attachment if self.attachment else b"")


def decode(body: bytes) -> ShoreOrder:
    """The order that signed bytes hold; kind and arguments are as they were written, and not judged.

    Raises:
        OrderRefusedError: `content`.
    """
    text, line_end, attachment = body.partition(b"\n")
    try:
        head = json.loads(text.decode("ascii"), parse_constant=_no_constant)
        canonical = _canonical(head) == text
    except (ValueError, RecursionError):
        raise OrderRefusedError("content", "it is not canonical JSON") from None
    if not canonical or bool(line_end) != bool(attachment):
        raise OrderRefusedError("content", "it is not in canonical form")
    if not isinstance(head, dict) or set(head) != _FIELDS or head["schema"] != SCHEMA:
        raise OrderRefusedError("content", f"it is not of the form {SCHEMA}")
    to, counter, expires, kind, arguments = (head[name] for name in ("to", "counter", "expires", "kind", "arguments"))
    if not (
        isinstance(to, str)
        and _TO.fullmatch(to)
        and _whole(counter)
        and _whole(expires)
        and isinstance(kind, str)
        and len(kind) <= 32
        and isinstance(arguments, dict)
    ):
        raise OrderRefusedError("content", "a field of it has no possible value")
    return ShoreOrder(to, counter, expires, kind, arguments, attachment)


def _canonical(head: Any) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNTER
