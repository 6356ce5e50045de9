"""The end of the daemon: hear no more, score what was heard, send what was found, write the rest, print what is left.

All of it within `END_S`, whatever hangs.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict

from edge_daemon.errors import UnsavedError
from edge_daemon.live.assembly import Components
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.live.health_reporter import HealthReporter
from edge_daemon.live.shutdown import ShutdownDeadline
from edge_daemon.mqtt.publisher import FAREWELL_S

log = logging.getLogger(__name__)

END_S = 4.4
"""How long everything together may take, even if parts hang; the goal is 5 s."""
DRAIN_S = 2.0
"""How long the input may take to close and what was heard to be scored; what is left becomes a gap."""
PART_S = 0.4
"""How long a thread may take to notice; set aside for each part that is still to come."""
SEND_S = 1.0
"""How long what was found may take to be sent; what is left waits on disk for the next start."""


class Ending:
    """One end of one daemon.

    Args:
        components, dependencies: of the daemon.
        reporter: of health; it makes the last report.

    Attributes:
        lost: what could be neither sent nor written; None if that is nothing.
    """

    def __init__(self, components: Components, dependencies: Dependencies, reporter: HealthReporter) -> None:
        self._components, self._dependencies, self._reporter = components, dependencies, reporter
        self._deadline = ShutdownDeadline(END_S)
        self.lost: UnsavedError | None = None

    @property
    def hangs(self) -> bool:
        """Whether a thread is still held up by a driver or a disk."""
        return self._deadline.hangs

    def threads(self, running: dict[str, threading.Thread]) -> None:
        """End the threads `capture`, `scoring` and `storage`, and all that they drive."""
        components, deadline = self._components, self._deadline
        # in a thread of its own: a sound server that has stopped answering would hold us up here
        closing = threading.Thread(target=self._dependencies.source.close, name="closing", daemon=True)
        closing.start()
        until = time.monotonic() + DRAIN_S
        running["capture"].join(DRAIN_S)
        components.queue.end()
        running["scoring"].join(max(0.1, until - time.monotonic()))
        if running["scoring"].is_alive():
            components.queue.drop_all()
            running["scoring"].join(PART_S)
        components.storage.end()
        running["storage"].join(deadline.left(END_S, set_aside_s=self._sending_s + 2 * PART_S))  # it may be writing
        ended = {name: deadline.note(thread) for name, thread in {**running, "closing": closing}.items()}
        self.parts()
        if ended["scoring"]:  # a backend at work may let nobody close it
            deadline.bounded("closing the backend", self._dependencies.detector.close, deadline.left(PART_S))

    def parts(self) -> None:
        """Write, send, write again, and print what is left."""
        components, deadline = self._components, self._deadline
        if components.receiver is not None:
            components.receiver.stop()
        if components.page is not None:
            components.page.close()
        # clips, too, are written here, which takes a card some time
        writing_s = deadline.left(END_S, set_aside_s=self._sending_s + PART_S)
        deadline.bounded("writing", components.storage.close, writing_s)
        self._reporter.report()
        if components.publisher is not None:
            components.publisher.stop(deadline.left(SEND_S, set_aside_s=2 * FAREWELL_S + PART_S))
        deadline.bounded("closing the outbox", components.keeper.close, deadline.left(END_S))
        self.lost = self._tell_what_is_lost()
        log.info("ended", extra={"unsent": components.outbox.report().depth})

    @property
    def _sending_s(self) -> float:
        """What is set aside for the broker."""
        return 0.0 if self._components.publisher is None else 2 * FAREWELL_S + PART_S

    def _tell_what_is_lost(self) -> UnsavedError | None:
        """What could be neither sent nor written is printed: the journal is the last place that may keep it."""
        components = self._components
        messages = components.unsaved.print_all()
        clips, effort = components.clips.unsaved(), components.ledger.unsaved()
        for session, span in effort:
            log.critical("effort could not be written to disk", extra={"session": session.id, **asdict(span)})
        for name in clips:
            log.critical("a clip could not be written to disk", extra={"clip": name})
        if not (messages or effort or clips):
            return None
        return UnsavedError(
            f"{messages} messages could be neither sent nor written, {len(effort)} spans of effort and {len(clips)} "
            "clips could not be written.",
            "The log has the messages and the effort in full.",
        )
