"""The thread of the disk: everything that touches it, so that a dying card delays nothing else.

Every task stands alone: what fails is logged, and the others go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.live.clip_queue import ClipQueue
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.system.pulse import Pulse
from edge_daemon.system.repeated_errors import RepeatedErrorLog

log = logging.getLogger(__name__)

TICK_S = 0.5
"""Longest time between two looks; adds to the time within which things are written."""


class Chore(Protocol):
    """What has to be done now and then."""

    def tick(self) -> object:
        """Do what is due."""


class StorageLoop:
    """Commits outbox and ledger when due, stores clips, and does what else the disk is needed for.

    Args:
        nudge: when set, it asks for a look at once.
        outbox, ledger, clips: what is written.
        more: what is looked after besides.
        at_end: closes of it what has to be.

    Attributes:
        pulse: of the thread; silent while the disk does not return from a call.
    """

    def __init__(
        self,
        nudge: threading.Event,
        outbox: Outbox,
        ledger: EffortLedger,
        clips: ClipQueue,
        more: Sequence[Chore] = (),
        at_end: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._nudge, self._outbox, self._ledger, self._clips = nudge, outbox, ledger, clips
        self._chores: tuple[Chore, ...] = (outbox, ledger, clips, *more)
        self._at_end = at_end
        self.pulse = Pulse()
        self._ended = threading.Event()
        self._errors = RepeatedErrorLog(log, "a disk task failed")

    def run(self) -> None:
        """Look again and again, until `end`."""
        while not self._ended.is_set():
            self._nudge.clear()
            self.tick()
            self._nudge.wait(TICK_S)

    def end(self) -> None:
        """Let `run` return."""
        self._ended.set()
        self._nudge.set()

    def tick(self) -> None:
        """Do what is due."""
        for chore in self._chores:
            self.pulse.beat(type(chore).__name__)
            try:
                chore.tick()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other tasks go on
                self._errors.tell(type(chore).__name__, error)
        self.pulse.beat()

    def close(self) -> None:
        """Write what waits; the outbox stays open for the publisher."""
        self._ledger.close()
        self._outbox.commit(force=True)
        self._clips.tick()
        for close in self._at_end:
            close()
