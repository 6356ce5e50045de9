"""A stop in time, whatever hangs: every wait of a stop is bounded, and all of them together.

Sound system, backend, disk and network can each hold up a thread for ever. What comes later in the order of ending has
a share of the time set aside, so that a hanging sound card leaves the disk enough to write, and the disk the broker
enough to hear from us.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class ShutdownDeadline:
    """The waits of one stop.

    Args:
        limit_s: how long all of them may take together, seconds of real time.
    """

    def __init__(self, limit_s: float) -> None:
        self._until = time.monotonic() + limit_s
        self._late: list[threading.Thread] = []

    @property
    def hangs(self) -> bool:
        """Whether something still has not ended."""
        return any(thread.is_alive() for thread in self._late)

    def left(self, at_most_s: float, set_aside_s: float = 0.0) -> float:
        """Seconds that the next wait may take.

        Args:
            at_most_s: its own bound.
            set_aside_s: what is to be left for those after it; a little is always there.
        """
        return max(0.05, min(at_most_s, self._until - time.monotonic() - set_aside_s))

    def note(self, thread: threading.Thread) -> bool:
        """Whether a thread has ended; one that has not is remembered and told."""
        if thread.is_alive():
            self._late.append(thread)
            log.error(f"the {thread.name} thread does not end")
        return not thread.is_alive()

    def bounded(self, name: str, work: Callable[[], T], seconds: float) -> T | None:
        """Do something that may hang, in a thread of its own; None if it does, or fails.

        Args:
            name: what it is, for people.
            work: is done once.
            seconds: how long it may take.
        """
        outcome: list[T] = []

        def run() -> None:
            try:
                outcome.append(work())
            except Exception:
                log.exception(f"{name} failed at shutdown")

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        thread.join(seconds)
        self.note(thread)
        return outcome[0] if outcome else None
