"""Room on the disk that is kept for the end: on a full one, the last that was found still finds a place."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edge_daemon.clock.time_source import SECOND_NS, TimeSource

RESERVE_BYTES = 512 * 1024
"""Room for some eighty detections: each is written into the log first, then into the file."""
_LOOK_EVERY_NS = 600 * SECOND_NS
_SPARE = 4
"""It is taken only where so many times as much is free: on a nearly full disk others need the room now."""


class Reserve:
    """A file that holds nothing but room.

    Args:
        path: the file.
        time: monotonic time.
    """

    def __init__(self, path: Path, time: TimeSource) -> None:
        self._path, self._time = path, time
        self._look_ns = 0

    def tick(self) -> None:
        """Take the room, unless it is held already or the disk is nearly full; now and then, for that costs a look."""
        now_ns = self._time.monotonic_ns()
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + _LOOK_EVERY_NS
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size >= RESERVE_BYTES:
                return
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < _SPARE * RESERVE_BYTES:
                return
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, RESERVE_BYTES)
            finally:
                os.close(file)

    def release(self) -> None:
        """Give the room to whoever writes next."""
        with contextlib.suppress(OSError):
            self._path.unlink()
