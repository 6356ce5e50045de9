"""The thread that listens to the broker: reads messages, has them committed, and only then acknowledges them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from edge_daemon.documents.compact.unpacking import unpacked
from edge_daemon.errors import ConfigError
from edge_daemon.mqtt.link import Link, Received
from edge_daemon.mqtt.subscriber import Subscriber
from edge_daemon.orders.envelope import Verify
from edge_daemon.shore.incoming import Incoming, read_message
from edge_daemon.shore.intake import Arrival, Intake, RefusedMessage
from edge_daemon.shore.orders import SeenOrder, seen_order
from edge_daemon.shore.settings import BrokerSection

log = logging.getLogger(__name__)

MOST_AT_ONCE = 500
"""Messages in one transaction."""
WAIT_S = 1.0
AGAIN_S = 5.0
"""After the password could not be read."""


class Listener:
    """Takes in what devices publish, for ever; whatever fails, the broker keeps it and delivers it again.

    Args:
        settings: the broker.
        intake: where messages go.
        arrived: told of what is new, after it is committed; called about once a second with nothing, too.
        environment: where credentials are looked for.
        verify: knows whose signatures count under orders; None: they are taken for what they say.
        link: the connection; paho's if None.
    """

    def __init__(
        self,
        settings: BrokerSection,
        intake: Intake,
        arrived: Callable[[Sequence[Arrival]], None],
        environment: Mapping[str, str],
        link: Link | None = None,
        verify: Verify | None = None,
    ) -> None:
        self._prefix = settings.prefix
        self._intake = intake
        self._arrived = arrived
        self._verify = verify
        everything, replies, status = (f"{settings.prefix}/+/{rest}" for rest in ("+", "orders/reply", "status"))
        # a shared subscription brings no retained messages, and of those the status is made
        shared = settings.share is not None
        group = f"$share/{settings.share}/" if shared else ""
        self._subscriber = Subscriber(
            settings.connection(),
            f"{group}{everything}",
            log.info,
            link,
            environment=environment,
            client_id=settings.client_id,
            session_s=settings.session_days * 86_400,
            more=(f"{group}{replies}", status) if shared else (replies,),
        )
        self._stopping = threading.Event()
        self._outgoing: list[tuple[str, bytes]] = []
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Begin; returns at once, also without a broker."""
        self._thread.start()

    @property
    def online(self) -> bool:
        """Whether the broker is connected."""
        return self._subscriber.online

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish a message soon; false without a connection. From any thread."""
        if not self.online:
            return False
        self._outgoing.append((topic, payload))
        self._subscriber.wake()
        return True

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish the batch and leave; the broker keeps the session."""
        self._stopping.set()
        self._subscriber.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._subscriber.close()

    def turn(self) -> None:
        """Read what has come, keep it, acknowledge it."""
        while self._outgoing:
            self._subscriber.publish(*self._outgoing.pop(0))
        received = self._subscriber.received(WAIT_S)
        while received and len(received) < MOST_AT_ONCE and (more := self._subscriber.received(0.0)):
            received += more
        arrivals: list[Arrival] = []
        if received:
            try:
                arrivals = self._intake.take(self._read(received), time.time_ns())
            except SQLAlchemyError as error:
                log.error("the database does not take what came; the broker keeps it", extra={"reason": str(error)})
                self._subscriber.give_back("the database does not take what came")
                return
            self._subscriber.acknowledge(received)
        self._arrived(arrivals)

    def _read(self, received: Sequence[Received]) -> list[Incoming | SeenOrder | RefusedMessage]:
        batch: list[Incoming | SeenOrder | RefusedMessage] = []
        for message in received:
            try:
                for topic, payload in unpacked(message.topic, message.payload):
                    order = seen_order(self._prefix, topic, payload, self._verify)
                    found = order or read_message(self._prefix, topic, payload)
                    if found is not None:
                        batch.append(found)
            except ValueError as error:  # an `UnfitError`, or what is packed cannot be unpacked
                batch.append(RefusedMessage(message.topic, str(error)))
        return batch

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except ConfigError as error:  # the password's file is gone; somebody may bring it back
                log.error("no connection to the broker", extra={"reason": str(error)})
                self._stopping.wait(AGAIN_S)
            except Exception:  # whatever it is, listening goes on
                log.exception("listening failed; going on")
                self._stopping.wait(1.0)
