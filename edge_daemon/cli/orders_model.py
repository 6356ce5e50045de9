"""`edge-daemon orders send model`: a model on its way from a terminal, with a bar, and again after a break."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge_daemon.cli.progress import progress
from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.cli.orders_send import Sending
    from edge_daemon.mqtt.subscriber import Subscriber
    from edge_daemon.orders.dispatch import Dispatch, OrderSigner
    from edge_daemon.orders.reply import OrderReply
    from edge_daemon.orders.shipment import Shipment

ASK_AGAIN_S = 30.0
"""Without a reply for so long, the device is asked again."""
ENDS = ("done", "confirmed", "rolled_back", "refused", "failed")


def read_shipment(file: Path, bytes_per_hour: int | None) -> Shipment:
    """The model in a file, to be sent.

    Raises:
        ModelError: it is no model of ours.
        UsageError: it is longer than any that a device takes.
    """
    from pydantic import ValidationError

    from edge_daemon.errors import UsageError
    from edge_daemon.model.model_file import ModelFile
    from edge_daemon.orders.shipment import Shipment

    model = ModelFile.read(file)  # what is none is not sent over a costly link
    say(f"{model.metadata.name} {model.metadata.version}, {file.stat().st_size} bytes", err=True)
    try:
        return Shipment.of(file.read_bytes(), bytes_per_hour)
    except ValidationError:
        raise UsageError(f"{file} is too long to be sent.") from None


def ship(sending: Sending, file: Path, bytes_per_hour: int | None) -> int:
    """Send a model to a device, and print what becomes of it; the exit code.

    Raises:
        ModelError, UsageError: as `read_shipment`; it is for a group.
    """
    from edge_daemon.errors import UsageError

    if sending.envelope is not None:
        raise UsageError("A model is sent in many orders, which do not go into a file.", "Leave out --output.")
    if sending.to.startswith("@"):
        raise UsageError("A model is sent to one device at a time.", "Give --device.")
    shipment = read_shipment(file, bytes_per_hour)
    with sending.connected("orders/reply") as (subscriber, signer):
        return ModelRun(sending, subscriber, signer, shipment).run()


class ModelRun:
    """One run of sending; ends with the model's fate, or when the time is over.

    Args:
        sending: the options.
        subscriber: to the device's replies.
        signer: signs.
        shipment: what is sent.
    """

    def __init__(self, sending: Sending, subscriber: Subscriber, signer: OrderSigner, shipment: Shipment) -> None:
        self._sending, self._subscriber, self._signer, self._shipment = sending, subscriber, signer, shipment
        self._end = time.monotonic() + sending.timeout_s
        self._asked: dict[int, Dispatch] = {}

    def run(self) -> int:
        """Send until all is there and the model's trial has ended; the exit code."""
        from edge_daemon.cli.orders_send import line

        with progress("Sending", self._shipment.model.size) as bar:
            reply = self._ask()
            while reply is not None and reply.outcome == "incomplete":
                bar.watch(self._shipment.arrived(reply))
                for number in self._shipment.next_round(reply):
                    self._send_piece(number)
                    if time.monotonic() >= self._end:
                        break
                reply = self._ask()
        while reply is not None:
            say(line(reply))
            if reply.outcome in ENDS or not self._sending.to_the_end:
                return 1 if reply.outcome in ("rolled_back", "refused", "failed") else 0
            reply = self._next_reply(self._end)
        say("The time is over; the same command goes on from here.", err=True)
        return 1

    def _ask(self) -> OrderReply | None:
        """The reply to the question what is missing, which is asked again and again; None when the time is over."""
        while time.monotonic() < self._end:
            dispatch = self._order("model", self._shipment.announcement())
            self._asked[dispatch.counter] = dispatch
            self._publish(dispatch)
            until = min(self._end, time.monotonic() + ASK_AGAIN_S)
            while (reply := self._next_reply(until)) is not None:
                if reply.reason != "busy":  # else the answer to an earlier question is still to come
                    return reply
        return None

    def _send_piece(self, number: int) -> None:
        arguments, data = self._shipment.piece(number)
        self._publish(self._order("piece", arguments, data))
        rest = time.monotonic() + self._shipment.pause_s()
        while (left := min(rest, self._end) - time.monotonic()) > 0:
            self._subscriber.step(min(left, 0.5))

    def _order(self, kind: str, arguments: dict[str, object], data: bytes = b"") -> Dispatch:
        return self._signer.sign(
            self._sending.to,
            kind,
            arguments,
            utc_ns=time.time_ns(),
            lifetime_s=self._sending.lifetime_s,
            attachment=data,
        )

    def _publish(self, dispatch: Dispatch) -> None:
        while not self._subscriber.online and time.monotonic() < self._end:
            self._subscriber.step(0.5)
        self._subscriber.publish(dispatch.topic, dispatch.payload)

    def _next_reply(self, until: float) -> OrderReply | None:
        while (left := until - time.monotonic()) > 0:
            for topic, payload in self._subscriber.step(min(left, 0.5)):
                reply = self._known(topic, payload)
                if reply is not None:
                    return reply
        return None

    def _known(self, topic: str, payload: bytes) -> OrderReply | None:
        if not topic.endswith("/orders/reply"):
            return None
        for dispatch in self._asked.values():
            if (reply := dispatch.answered_by(payload)) is not None:
                return reply
        return None
