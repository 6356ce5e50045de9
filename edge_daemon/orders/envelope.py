"""The envelope of an order: a mark, an Ed25519 signature, and the bytes that it signs.

    "EDO1" (4 bytes) · signature (64 bytes) · body

The signature is over a fixed prefix and the body as it stands, so a key that signs something else signs no order, and
nothing of the body is parsed before its signer is known. Length is looked at first, form second, signature third.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_daemon.orders.refusal import OrderRefusedError

MARK = b"EDO1"
SIGNATURE_BYTES = 64
OVERHEAD = len(MARK) + SIGNATURE_BYTES
MOST_BYTES = 40_960
"""Longest envelope: a piece of a model of 32 kB, and room for its order."""
PREFIX = b"edge-daemon order 1\0"

Sign = Callable[[bytes], bytes]
"""The signature over a message, 64 bytes."""
Verify = Callable[[bytes, bytes], str | None]
"""Name of the key that made a signature over a message; None if no key that is trusted did."""


def seal(body: bytes, sign: Sign) -> bytes:
    """An envelope around a body.

    Raises:
        ValueError: it would be longer than a device takes.
    """
    if OVERHEAD + len(body) > MOST_BYTES:
        raise ValueError(f"an order of {OVERHEAD + len(body)} bytes is longer than {MOST_BYTES}")
    return MARK + sign(PREFIX + body) + body


def unseal(payload: bytes, verify: Verify) -> tuple[str, bytes]:
    """Name of the key that signed an envelope, and its body.

    Raises:
        OrderRefusedError: `oversized`, `malformed` or `signature`.
    """
    if len(payload) > MOST_BYTES:
        raise OrderRefusedError("oversized", f"{len(payload)} bytes are more than {MOST_BYTES}")
    if len(payload) <= OVERHEAD or not payload.startswith(MARK):
        raise OrderRefusedError("malformed", "this is no order")
    signature, body = payload[len(MARK) : OVERHEAD], payload[OVERHEAD:]
    key = verify(PREFIX + body, signature)
    if key is None:
        raise OrderRefusedError("signature", "no configured key has signed this")
    return key, body
