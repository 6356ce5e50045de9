"""A model on its way from shore: cut into pieces that fit the link, and sent in rounds until none is missing.

A round asks the device what is missing and sends some of it. Nothing is kept on shore: what has arrived is the device's
to say, so a shipment that was broken off goes on days later, from another computer, too. Knows no broker.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from edge_daemon.orders.arguments import LEAST_PIECE, MOST_PIECE, MOST_PIECES, ModelArguments
from edge_daemon.orders.reply import OrderReply

USUAL_PIECE = 16_384
ROUND_BYTES = 500_000
"""Sent between two questions at most: far less than a device's inbox holds."""
BUDGET_SHARE = 0.5
"""Of the link's budget, that a shipment takes."""
PIECES_AN_HOUR = 30
"""With a budget, a piece is small enough for so many an hour."""
ENVELOPE_BYTES = 350
"""About what a piece costs on the link beside its bytes."""


def piece_bytes(bytes_per_hour: int | None) -> int:
    """How long pieces should be on a link with this budget."""
    if bytes_per_hour is None:
        return USUAL_PIECE
    fitting = int(BUDGET_SHARE * bytes_per_hour / PIECES_AN_HOUR) - ENVELOPE_BYTES
    return max(LEAST_PIECE, min(MOST_PIECE, fitting))


@dataclass(frozen=True, slots=True)
class Shipment:
    """One model file.

    Attributes:
        content: its bytes.
        model: what is said of it.
        bytes_per_hour: that the link may carry; None for no limit.
    """

    content: bytes
    model: ModelArguments
    bytes_per_hour: int | None = None

    @classmethod
    def of(cls, content: bytes, bytes_per_hour: int | None = None) -> Shipment:
        """A shipment of these bytes; raises ValueError if there are none, or too many."""
        digest = hashlib.sha256(content).hexdigest()
        length = max(piece_bytes(bytes_per_hour), -(-len(content) // MOST_PIECES))
        return cls(content, ModelArguments(digest=digest, size=len(content), piece_bytes=length), bytes_per_hour)

    def announcement(self) -> dict[str, Any]:
        """Arguments of the order that asks for what is missing, and in the end has the model taken."""
        return self.model.model_dump()

    def piece(self, number: int) -> tuple[dict[str, Any], bytes]:
        """Arguments and bytes of one piece's order."""
        begin = number * self.model.piece_bytes
        return {"digest": self.model.digest, "number": number}, self.content[begin : begin + self.model.piece_bytes]

    def next_round(self, reply: OrderReply) -> list[int]:
        """Which pieces to send after a reply that says which are missing."""
        found: list[int] = []
        most = max(1, ROUND_BYTES // self.model.piece_bytes)
        for pair in reply.detail.get("ranges", []):
            first, last = (int(number) for number in pair)
            found += range(max(0, first), min(last, self.model.pieces - 1) + 1)
            if len(found) >= most:
                break
        return found[:most]

    def arrived(self, reply: OrderReply) -> int:
        """Bytes that the device has, by its reply."""
        missing = int(reply.detail.get("missing", 0))
        return max(0, self.model.size - missing * self.model.piece_bytes)

    def pause_s(self) -> float:
        """Seconds between two pieces, so that the link's budget is kept."""
        if self.bytes_per_hour is None:
            return 0.0
        return 3600 * (self.model.piece_bytes + ENVELOPE_BYTES) / (BUDGET_SHARE * self.bytes_per_hour)
