"""Why an order is not obeyed."""

from __future__ import annotations

from typing import Literal, get_args

Reason = Literal[
    "oversized",
    "malformed",
    "signature",
    "content",
    "foreign",
    "replayed",
    "expired",
    "kind",
    "arguments",
    "value",
    "busy",
    "disk",
    "crowded",
]
"""In the order in which they are looked for: `oversized`, longer than any order; `malformed`, no envelope; `signature`,
by none of the configured keys over these bytes; `content`, signed, but not the form of an order; `foreign`, for another
device or group; `replayed`, its counter is not above all before; `expired`; `kind`, unknown; `arguments`, not those of
its kind; `value`, a key that orders may not set, or a value that cannot be; `busy`, another is at work; `disk`, what is
obeyed must be written down first, and cannot be; `crowded`, too many wait."""

REASONS: tuple[Reason, ...] = get_args(Reason)
UNSIGNED: frozenset[Reason] = frozenset({"oversized", "malformed", "signature", "crowded"})
"""Reasons found before a signature was: anybody may have sent it."""


class OrderRefusedError(Exception):
    """An order that is not obeyed.

    Args:
        reason: for counting.
        text: what was wrong, for people.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason: Reason = reason
