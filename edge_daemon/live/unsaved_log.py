"""Messages in the log, in full, that may be lost otherwise: the journal is the last place that may keep a detection.

Printed is what neither disk nor broker have taken `PRINT_AFTER_S` after it should have been written, so that not even a
SIGKILL takes it without a trace; all that is in memory alone when the service manager is about to end the program; what
is left at a stop; and what a limit drops. At an end also what was sent, but has no place in the history, is printed.
Each message is printed once.
"""

from __future__ import annotations

import logging
import threading

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.documents.compact import decode
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

log = logging.getLogger(__name__)

PRINT_AFTER_S = 5.0
"""How long a message may be in memory alone, beyond the outbox's `commit_within_s`, before it is printed."""


class UnsavedLog:
    """Prints them; any thread may.

    Args:
        outbox: the messages.
        time: monotonic time.
    """

    def __init__(self, outbox: Outbox, time: TimeSource) -> None:
        self._outbox, self._time = outbox, time
        self._since_ns: dict[str, int] = {}  # monotonic time at which each was first seen
        self._printed: set[str] = set()
        self._lock = threading.Lock()
        outbox.when_dropped.append(self.dropped)

    def tick(self) -> None:
        """Print what has been in memory alone for too long."""
        now_ns = self._time.monotonic_ns()
        waiting = {message.id: message for message in self._outbox.unsaved()}
        self._since_ns = {name: self._since_ns.get(name, now_ns) for name in waiting}
        with self._lock:
            self._printed &= waiting.keys()
        limit_ns = (self._outbox.limits.commit_within_s + PRINT_AFTER_S) * SECOND_NS
        for name, since_ns in self._since_ns.items():
            if now_ns - since_ns >= limit_ns:
                self._print(waiting[name], "a message could not be sent or written to disk yet")

    def print_all(self) -> int:
        """Print all that is in memory alone; returns how much of that is not even sent, printed before or not."""
        waiting = self._outbox.unsaved()
        for message in waiting:
            self._print(message, "a message could not be sent or written to disk")
        for message in self._outbox.unrecorded():
            self._print(message, "a message was sent, but could not be written to disk")
        return len(waiting)

    def dropped(self, message: Message, reason: str) -> None:
        """The outbox has given a message up."""
        self._print(message, f"a message was dropped ({reason})")

    def _print(self, message: Message, sentence: str) -> None:
        with self._lock:
            if message.id in self._printed:
                return
            self._printed.add(message.id)
        try:
            text = "\n".join(decode(message.payload))
        except ValueError:
            text = message.payload.decode(errors="backslashreplace")
        log.critical(sentence, extra={"id": message.id, "kind": message.kind, "payload": text})
