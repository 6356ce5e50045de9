"""Storing clips on a disk that may be full, failing or gone, without ever troubling detection.

A clip that cannot be stored is dropped and counted. After a failure, or when there is no room above the floor,
clips rest for a while (`Backoff`), so that a dying card is not tried for every event; then the next clip tries
again. When a bound is reached, a little more than needed is deleted (a twentieth of the bound), so that not every
clip costs a walk through the folder.
"""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_daemon.clips.clip import Clip
from edge_daemon.clips.encoding import encode_clip
from edge_daemon.clips.files import ClipFiles
from edge_daemon.clips.retention import Retention, plan
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.system.backoff import Backoff, Retry

FILES_FOR_ONE = 2
"""Clips that give way to one where the disk takes no more files: it may need the folder of a new day, too."""
_TIDY_EVERY_NS = 3600 * SECOND_NS  # from one look at the whole folder to the next


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What health tells about clips.

    Attributes:
        stored: clips written.
        dropped: clips that could not be.
        deleted: clips that made room or grew too old.
        bytes: what all clips take, as of the last look, bytes.
        resting: whether clips rest after a failure.
        reason: one sentence on it, or empty.
    """

    stored: int
    dropped: int
    deleted: int
    bytes: int
    resting: bool
    reason: str


class ClipStore:
    """Clips on their way to the disk and off it again; safe to use from any thread.

    Args:
        files: the place.
        rules: the bounds; may be replaced at any time.
        time: the clocks.
        rng: jitter of the waiting.
        backoff: waiting after a failure.
        dated: whether the clock knows the time; while it does not, nothing is deleted for its age.
    """

    def __init__(
        self,
        files: ClipFiles,
        rules: Retention,
        *,
        time: TimeSource,
        rng: random.Random,
        backoff: Backoff = Backoff(first_s=10, limit_s=600),  # noqa: B008 frozen
        dated: Callable[[], bool] = lambda: True,
    ) -> None:
        self.rules = rules
        self._dated = dated
        self._files = files
        self._time = time
        self._retry = Retry(backoff, rng)
        self._tidy_due_ns: int | None = None
        self._lock = threading.Lock()
        self._bytes = 0
        self._stored = self._dropped = self._deleted = 0
        self._reason = ""

    def save(self, clip: Clip) -> bool:
        """Encode and store a clip; False, and counted, if that was not possible. Never raises for the disk."""
        with self._lock:
            if not self._retry.due(self._time.monotonic_ns()):
                self._dropped += 1
                return False
            content = encode_clip(clip)
            try:
                room = self._make_room(len(content))
                if room:
                    self._write(clip.name, content)
            except OSError as error:
                return self._failed(f"Clips cannot be stored: {error.strerror or error}.")
            if not room:
                total_mb, floor_mb = self.rules.max_bytes / 1e6, self.rules.min_free_bytes / 1e6
                return self._failed(
                    f"There is no room for clips: they may take {total_mb:g} MB and must leave {floor_mb:g} MB free."
                )
            self._bytes += len(content)
            self._stored += 1
            self._reason = ""
            self._retry.succeeded()
            return True

    def tick(self) -> None:
        """Delete what is too old, if it is time to look. Never raises for the disk."""
        with self._lock:
            now_ns = self._time.monotonic_ns()
            if self._tidy_due_ns is None or now_ns >= self._tidy_due_ns:
                try:
                    self._tidy(self.rules, 0)
                except OSError as error:
                    self._reason = f"Old clips cannot be deleted: {error.strerror or error}."
                    self._tidy_due_ns = now_ns + _TIDY_EVERY_NS

    def report(self) -> ClipReport:
        """How storing goes; never waits for the disk."""
        resting = not self._retry.due(self._time.monotonic_ns())
        return ClipReport(self._stored, self._dropped, self._deleted, self._bytes, resting, self._reason)

    def _make_room(self, incoming: int) -> bool:
        if self._tidy_due_ns is None:
            self._tidy(self.rules, 0)  # learn what is there
        if not self._fits(incoming):
            spare = replace(
                self.rules,
                max_bytes=self.rules.max_bytes * 19 // 20,
                min_free_bytes=self.rules.min_free_bytes * 21 // 20,
            )
            self._tidy(spare, incoming)
        if not self._fits(incoming):
            self._tidy(self.rules, incoming)  # the spare room may be out of reach where the bound itself is not
        return self._fits(incoming)

    def _write(self, name: str, content: bytes) -> None:
        """Write a clip; where there are bytes for it but no more files (inodes), in the place of the oldest two."""
        try:
            self._files.write(name, content, self._time.utc_ns())
        except OSError as error:
            files = sorted(self._files.list(), key=lambda file: (file.modified_utc_ns, file.name))
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not files:
                raise
            for file in files[:FILES_FOR_ONE]:
                self._files.delete(file.name)
                self._bytes -= file.size
                self._deleted += 1
            self._files.write(name, content, self._time.utc_ns())

    def _fits(self, incoming: int) -> bool:
        within = self._bytes + incoming <= self.rules.max_bytes
        return within and self._files.free_bytes() - incoming >= self.rules.min_free_bytes

    def _tidy(self, rules: Retention, incoming: int) -> None:
        if self._tidy_due_ns is None:
            self._files.sweep()
        utc_ns = self._time.utc_ns()  # before it is asked for: a clock set in between is not trusted
        files = self._files.list()
        doomed = plan(
            files,
            rules,
            now_utc_ns=utc_ns if self._dated() else None,
            free_bytes=self._files.free_bytes(),
            incoming_bytes=incoming,
        )
        self._bytes = sum(file.size for file in files)
        self._tidy_due_ns = self._time.monotonic_ns() + _TIDY_EVERY_NS
        for file in doomed:
            self._files.delete(file.name)
            self._bytes -= file.size
            self._deleted += 1

    def _failed(self, reason: str) -> bool:
        self._dropped += 1
        self._reason = reason
        self._retry.failed(self._time.monotonic_ns())
        return False
