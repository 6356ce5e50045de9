"""The gate: from the bytes of a message to an order that is to be obeyed, or the reason why not.

Everything is looked at in one fixed sequence, from the cheapest to what needs the most trust: length, form, signature,
content, addressee, counter, expiry, kind, arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_daemon.orders.arguments import Arguments, arguments_of
from edge_daemon.orders.envelope import Verify, unseal
from edge_daemon.orders.order import ShoreOrder, decode
from edge_daemon.orders.refusal import OrderRefusedError


@dataclass(frozen=True, slots=True)
class Opened:
    """An order whose signature is good.

    Attributes:
        key: name of the key that signed it.
        order: what it says.
    """

    key: str
    order: ShoreOrder


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges orders for one device; pure.

    Attributes:
        verify: knows whose signatures count.
        device: the device's id.
        groups: that it belongs to.
    """

    verify: Verify
    device: str
    groups: frozenset[str] = frozenset()

    def open(self, payload: bytes) -> Opened:
        """The order in a message, if somebody who may has signed it.

        Raises:
            OrderRefusedError: `oversized`, `malformed`, `signature` or `content`.
        """
        key, body = unseal(payload, self.verify)
        return Opened(key, decode(body))

    def admit(self, opened: Opened, counters: Mapping[str, int], utc_s: int) -> Arguments:
        """The arguments of an order that is to be obeyed.

        Args:
            opened: the order.
            counters: highest counter of each key so far.
            utc_s: Unix time, seconds.

        Raises:
            OrderRefusedError: `foreign`, `replayed`, `expired`, `kind` or `arguments`.
        """
        order = opened.order
        if order.to != self.device and order.to.removeprefix("@") not in (
            self.groups if order.to.startswith("@") else ()
        ):
            raise OrderRefusedError("foreign", f"it is for {order.to}")
        highest = counters.get(opened.key, -1)
        if order.counter <= highest:  # before the expiry: what was obeyed, and stays at the broker, is no refusal later
            raise OrderRefusedError("replayed", f"its counter is {order.counter}; {highest} has been obeyed")
        if utc_s >= order.expires:
            raise OrderRefusedError("expired", f"it has expired {utc_s - order.expires} s ago")
        return arguments_of(order)
