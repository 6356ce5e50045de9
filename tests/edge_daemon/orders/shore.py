"""A shore with a key of its own, that writes good orders and spoils them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from edge_daemon.orders.envelope import MARK, OVERHEAD, PREFIX, seal
from edge_daemon.orders.gate import Gate
from edge_daemon.orders.keys import key_name, verifier
from edge_daemon.orders.order import ShoreOrder

SigningKey = pytest.importorskip("nacl.signing", reason="needs the extra `orders`").SigningKey
NOW_S = 1_767_226_200  # 2026-01-01T00:10Z, as the buoy in memory has it
DEVICE = "buoy-7"


@dataclass
class Shore:
    """Signs orders; the counter rises by itself."""

    key: Any = field(default_factory=lambda: SigningKey(b"\1" * 32))
    counter: int = 100
    now_s: int = NOW_S
    device: str = DEVICE

    @property
    def public_key(self) -> str:
        return bytes(self.key.verify_key).hex()

    @property
    def name(self) -> str:
        return key_name(self.public_key)

    def gate(self, device: str = DEVICE, groups: tuple[str, ...] = ("east",)) -> Gate:
        return Gate(verifier([self.public_key]), device, frozenset(groups))

    def order(self, kind: str = "health", arguments: dict[str, Any] | None = None, **fields: Any) -> ShoreOrder:
        self.counter += 1
        whole = {"to": self.device, "counter": self.counter, "expires": self.now_s + 3600, "attachment": b""} | fields
        return ShoreOrder(kind=kind, arguments=arguments or {}, **whole)

    def sealed(self, kind: str = "health", arguments: dict[str, Any] | None = None, **fields: Any) -> bytes:
        return self.seal(self.order(kind, arguments, **fields).encode())

    def seal(self, body: bytes) -> bytes:
        return seal(body, lambda message: self.key.sign(message).signature)

    def sealed_in_spite(self, body: bytes) -> bytes:
        """An envelope longer than any may be."""
        return MARK + self.key.sign(PREFIX + body).signature + body


def spoiled(shore: Shore, way: int) -> tuple[bytes, str]:
    """A bad order, in one of twelve ways, and the reason for which it must be refused."""
    good = shore.sealed("set", {"values": {"health.interval_s": 30.0}})
    stranger = Shore(SigningKey(b"\2" * 32), shore.counter, shore.now_s, shore.device)
    body = good[OVERHEAD:]
    return [
        (good[:-3], "signature"),  # truncated
        (good[:50], "malformed"),
        (b"EDO2" + good[4:], "malformed"),
        (good[:-9] + bytes([good[-9] ^ 4]) + good[-8:], "signature"),  # a bit has flipped
        (stranger.sealed("restart"), "signature"),
        (shore.sealed_in_spite(body + b" " * 50_000), "oversized"),
        (shore.seal(body.replace(b'{"arguments"', b'{ "arguments"')), "content"),
        (shore.seal(b"not JSON"), "content"),
        (shore.sealed("restart", to="buoy-8"), "foreign"),
        (shore.sealed("restart", expires=shore.now_s - 1), "expired"),
        (shore.sealed("restart", counter=3), "replayed"),
        (shore.sealed("set", {"values": {"mqtt.host": "elsewhere.example"}}), "value"),
    ][way]


WAYS = 12
