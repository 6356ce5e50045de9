"""Keeps the configuration that has worked, without holding anybody up: the disk may hang."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge_daemon.system.repeated_errors import RepeatedErrorLog

log = logging.getLogger(__name__)


class ConfigKeeper:
    """Writes in one thread at most, however often it is asked.

    Args:
        keep: writes what was read last; None for nothing to do.
    """

    def __init__(self, keep: Callable[[], None] | None) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._asked = self._busy = False
        self._errors = RepeatedErrorLog(log, "the configuration could not be kept")

    def keep_soon(self) -> None:
        """What was read last has worked."""
        if self._keep is None:
            return
        with self._lock:
            self._asked = True
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._work, args=(self._keep,), name="keeping", daemon=True).start()

    def _work(self, keep: Callable[[], None]) -> None:
        while True:
            with self._lock:
                self._busy = self._asked
                if not self._asked:
                    return
                self._asked = False
            try:
                keep()
            except Exception as error:  # noqa: BLE001 - what fails here is needed only after the next fault
                self._errors.tell("keeping", error)
