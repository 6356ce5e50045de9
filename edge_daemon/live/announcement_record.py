"""What was announced to Home Assistant, kept beside the outbox, so that what is announced no more is taken back.

Home Assistant's broker keeps announcements for ever. After the announcement is switched off, or the device has another
name, the old ones would stay as dead entities; an empty message in their place removes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.mqtt.announcements import Announcement
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.system.regular_file import content

RETRY_NS = 60 * SECOND_NS
"""Time between two attempts to write to a disk that fails."""
MOST = 500
"""Topics that are remembered."""


class AnnouncementRecord:
    """The record, and what follows from it; `tick` is for the thread of the disk.

    Args:
        path: of the file.
        wanted: what is to be announced now.
        time: clocks.

    Attributes:
        announcements: what is to be published: first what takes back the old ones, then the wanted ones.
        announced: whether the broker has all of them.
    """

    def __init__(self, path: Path, wanted: Sequence[Announcement], time: TimeSource) -> None:
        self._path, self._time = path, time
        self._wanted = {topic for topic, _ in wanted}
        self._written = _read(path)
        stale = sorted(self._written - self._wanted)
        self.announcements: list[Announcement] = [*((topic, b"") for topic in stale), *wanted]
        self.announced: Callable[[], bool] = lambda: False
        self._next_ns = time.monotonic_ns()

    def tick(self) -> None:
        """Write what may be at the broker, before it is there, and forget what is not, after it is gone.

        Raises:
            StorageError: it cannot be written; tried again after a while.
        """
        known = self._wanted if self.announced() else self._written | self._wanted
        if known == self._written or self._time.monotonic_ns() < self._next_ns:
            return
        self._next_ns = self._time.monotonic_ns() + RETRY_NS
        with whole_file(self._path) as file:
            json.dump(sorted(known)[:MOST], file, indent=1)
        self._written = known
        self._next_ns = self._time.monotonic_ns()


def _read(path: Path) -> set[str]:
    """The topics in the file; none if there is none, or it is damaged."""
    try:
        found = json.loads(content(path))
    except (OSError, ValueError):
        return set()
    if not isinstance(found, list):
        return set()
    return {
        one for one in found[:MOST] if isinstance(one, str) and one.endswith("/config") and not set(one) & set("+#\0")
    }
