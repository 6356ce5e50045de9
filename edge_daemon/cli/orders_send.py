"""An order on its way from a terminal: sent, answered, and what it asked for taken in."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_daemon.cli.broker_options import BrokerChoice
from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.mqtt.subscriber import Subscriber
    from edge_daemon.orders.dispatch import Dispatch, OrderSigner
    from edge_daemon.orders.reply import OrderReply

GOOD = ("done", "trial", "confirmed")


@dataclass(frozen=True, slots=True)
class Sending:
    """What the options of `orders send` say.

    Attributes:
        broker: where the order goes.
        key: file of the private key.
        to: the device, or `@` and the group.
        lifetime_s, timeout_s: until the order expires, and until nobody waits any more.
        envelope: file for the signed order, which then is not sent.
        retain: leave it at the broker.
        to_the_end: wait for the end of a trial.
    """

    broker: BrokerChoice
    key: Path
    to: str
    lifetime_s: float
    timeout_s: float
    envelope: Path | None
    retain: bool
    to_the_end: bool

    def give(self, kind: str, arguments: dict[str, Any], clip: Path | None = None) -> int:
        """Send an order and print what comes of it; the exit code.

        Args:
            kind, arguments: of the order.
            clip: file for the sound that it asks for.
        """
        if self.envelope is not None:
            return self._write(self.envelope, kind, arguments)
        with self.connected("orders/reply" if clip is None else "#") as (subscriber, signer):
            return self._give(subscriber, signer, kind, arguments, clip)

    def _write(self, file: Path, kind: str, arguments: dict[str, Any]) -> int:
        """Sign, and leave the order in a file."""
        from edge_daemon.orders.dispatch import OrderSigner
        from edge_daemon.storage.atomic_file import whole_file

        signer = OrderSigner(self.key, self.broker.settings()[0].prefix)
        dispatch = signer.sign(self.to, kind, arguments, utc_ns=time.time_ns(), lifetime_s=self.lifetime_s)
        text = base64.b64encode(dispatch.payload).decode()
        if file == Path("-"):
            say(text)
            return 0
        with whole_file(file) as written:
            written.write(f"{text}\n")
        say(
            f"Written: {file}. It expires in {self.lifetime_s:g} s; the next order with this key makes it void.",
            err=True,
        )
        return 0

    @contextmanager
    def connected(self, subject: str) -> Iterator[tuple[Subscriber, OrderSigner]]:
        """A subscription to what the devices say on a subject, and what signs."""
        from edge_daemon.cli.option_errors import blaming_options
        from edge_daemon.mqtt.subscriber import Subscriber
        from edge_daemon.orders.dispatch import OrderSigner

        settings, environment = self.broker.settings()
        signer = OrderSigner(self.key, settings.prefix)
        everybody = "+" if self.to.startswith("@") else self.to
        pattern = f"{settings.prefix}/{everybody}/{subject}"
        subscriber = Subscriber(settings, pattern, lambda text: say(text, err=True), environment=environment)
        with closing(subscriber), blaming_options(self.broker.blamed):
            yield subscriber, signer

    def _give(
        self, subscriber: Subscriber, signer: OrderSigner, kind: str, arguments: dict[str, Any], clip: Path | None
    ) -> int:
        dispatch = signer.sign(self.to, kind, arguments, utc_ns=time.time_ns(), lifetime_s=self.lifetime_s)
        end = time.monotonic() + self.timeout_s
        sent, code, sound = False, 1, ClipInParts()
        while time.monotonic() < end:
            messages = subscriber.step(min(0.5, max(0.0, end - time.monotonic())))
            if subscriber.online and not sent:
                subscriber.publish(dispatch.topic, dispatch.payload, retain=self.retain)
                sent = True
            for topic, payload in messages:
                if clip is not None and topic.endswith("/clips") and sound.take(payload, arguments.get("id")):
                    return sound.write(clip)
                reply = dispatch.answered_by(payload) if topic.endswith("/orders/reply") else None
                if reply is None:
                    continue
                say(line(reply))
                code = 0 if reply.outcome in GOOD else 1
                if self._last(reply) and (clip is None or code):
                    self._take_away(subscriber, dispatch)
                    return code
        if not sent:
            say("The broker was not reached.", err=True)
        elif code:
            left = " The order waits at the broker." if self.retain else ""
            say(f"No reply within {self.timeout_s:g} s.{left}", err=True)
        return code

    def _last(self, reply: OrderReply) -> bool:
        """Whether nobody waits for another reply: of a group, until the time is over."""
        return not self.to.startswith("@") and not (self.to_the_end and reply.outcome == "trial")

    def _take_away(self, subscriber: Subscriber, dispatch: Dispatch) -> None:
        """A retained order that was dealt with need not stay at the broker."""
        if self.retain:
            subscriber.publish(dispatch.topic, b"", retain=True)
            subscriber.step(0.5)


def line(reply: OrderReply) -> str:
    """A reply for people."""
    from edge_daemon.system.printable import escaped

    words = {"rolled_back": "rolled back", "trial": "on trial"}.get(reply.outcome, reply.outcome)
    why = "" if reply.reason is None else f" ({reply.reason})"
    return escaped(f"{reply.device}: {words}{why}" + (f": {reply.text}" if reply.text else ""))


class ClipInParts:
    """A clip that comes in parts."""

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}
        self._digest = ""

    def take(self, payload: bytes, detection: object) -> bool:
        """Take a part of this detection's clip; True when it is whole."""
        from pydantic import ValidationError

        from edge_daemon.clips.clip_part import ClipPart

        try:
            part = ClipPart.model_validate_json(payload)
            data = base64.b64decode(part.data, validate=True)
        except (ValidationError, ValueError):
            return False
        if part.id != detection:
            return False
        self._parts[part.part], self._digest = data, part.digest
        return len(self._parts) == part.parts and hashlib.sha256(self.content).hexdigest() == self._digest

    @property
    def content(self) -> bytes:
        """What has come, in order."""
        return b"".join(self._parts[number] for number in sorted(self._parts))

    def write(self, path: Path) -> int:
        """Write the file; the exit code."""
        from edge_daemon.errors import StorageError

        try:
            path.write_bytes(self.content)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
        say(f"Written: {path} ({len(self.content)} bytes)")
        return 0
