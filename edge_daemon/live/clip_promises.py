"""Promises of clips: a detection names its clip before there is one, and each such promise is kept or taken back.

The promises that are open stand in a file, which is written before the detections that make them: whatever ends the
daemon, its next start finds the names without a clip. For each clip that there will not be, a document says so; it goes
through the outbox, as the detection did.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from edge_daemon.clips.files import ClipFiles
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.clock.utc import utc_text
from edge_daemon.errors import StorageError
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.system.regular_file import content

log = logging.getLogger(__name__)

MOST = 200
"""Open promises at most; far more than clips that can wait for their sound or for the disk."""
ENDED = "the daemon ended before it was written"
TIDY_NS = 60 * SECOND_NS
"""For how long a promise that was kept may still stand in the file."""


class ClipPromises:
    """The open ones; `made`, `kept` and `broken` are for any thread, `tick` for that of the disk.

    Args:
        path: the file of those that are open.
        device: the device's id.
        topic: of documents on lost clips.
        outbox: takes them.
        files: where clips are kept.
        time: the clocks.
        dated: whether the clock knows the time.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        topic: str,
        outbox: Outbox,
        files: ClipFiles,
        time: TimeSource,
        dated: Callable[[], bool],
    ) -> None:
        self._path, self._device, self._topic, self._outbox = path, device, topic, outbox
        self._files, self._time, self._dated = files, time, dated
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}  # name of the clip → id of the detection
        self._broken: dict[str, str] = {}  # name → reason; open until its document is on disk
        self._earlier = _promises(path)  # of former starts; nobody has looked yet which of them were kept
        self._written = dict(self._earlier)  # what the file says
        self._due_ns = 0
        self.lost = 0
        """Clips that were promised and lost, since the start."""
        outbox.before_commit.append(self._write_new)

    def made(self, name: str, detection: str) -> None:
        """A detection will name this clip."""
        with self._lock:
            self._open[name] = detection

    def kept(self, name: str) -> None:
        """The clip is stored."""
        with self._lock:
            self._open.pop(name, None)
            self._due_ns = self._time.monotonic_ns() + TIDY_NS

    def broken(self, name: str, reason: str) -> None:
        """There will be no such clip."""
        with self._lock:
            if name not in self._open or name in self._broken:
                return
            self._broken[name] = reason
            self.lost += 1
        log.warning("a clip that a detection names is lost", extra={"clip": name, "reason": reason})

    def tick(self) -> None:
        """Take back what cannot be kept, and bring the file up to date.

        Raises:
            OSError: the clips cannot be looked through; tried again.
        """
        if self._earlier:
            self._look_for_earlier_ones()
        with self._lock:
            broken = {name: (self._open[name], reason) for name, reason in self._broken.items()}
        for name, (detection, reason) in broken.items():
            self._take_back(name, detection, reason)
        with self._lock:
            closed = self._written.keys() - self._open.keys()
        if closed and self._time.monotonic_ns() >= self._due_ns:
            self._write()

    def _take_back(self, name: str, detection: str, reason: str) -> None:
        identity = f"clip-{uuid5(NAMESPACE_URL, f'{self._device}/{name}')}"  # the same one after a power cut
        document = LostClip(
            device=self._device, id=detection, clip=name, utc=utc_text(self._time.utc_ns()), reason=reason
        )
        payload = document.to_json().encode()
        self._outbox.put(Message(identity, self._topic, payload, "clip", 1, self._time.utc_ns(), self._dated()))
        if self._outbox.commit():  # only then may the promise be forgotten
            with self._lock:
                self._open.pop(name, None)
                self._broken.pop(name, None)

    def _write_new(self) -> None:
        """Before detections are written: the promises that they make."""
        with self._lock:
            new = self._open.keys() - self._written.keys()
        if new:
            self._write()

    def _write(self) -> None:
        with self._lock:
            wanted = dict(list({**self._earlier, **self._open}.items())[-MOST:])
        self._due_ns = self._time.monotonic_ns() + TIDY_NS
        try:
            with whole_file(self._path) as file:
                json.dump(wanted, file, indent=1)
        except StorageError:
            return  # the outbox cannot be written either, and tells
        self._written = wanted

    def _look_for_earlier_ones(self) -> None:
        there = {file.name for file in self._files.list()}
        with self._lock:
            lost = {name: one for name, one in self._earlier.items() if name not in there}
            self._open = lost | self._open
            self._earlier = {}
        for name in lost:
            self.broken(name, ENDED)


def _promises(path: Path) -> dict[str, str]:
    """Names of clips and ids of detections; none where there is no such file, or it is damaged."""
    try:
        found = json.loads(content(path))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: one for name, one in list(found.items())[:MOST] if isinstance(one, str)}
