"""Promises of clips: a detection names its clip before there is one, and each such promise is kept or taken back.

The outbox writes a promise together with the detection that makes it, and keeps it when the detection has been sent:
whatever ends the daemon, its next start finds the names without a clip. For each clip that there will not be, a
document says so; it goes through the outbox, as the detection did.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from uuid import NAMESPACE_URL, uuid5

from edge_daemon.clips.files import ClipFiles
from edge_daemon.clips.lost_clip import LostClip
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.clock.utc import utc_text
from edge_daemon.errors import StorageError
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

log = logging.getLogger(__name__)

ENDED = "the daemon ended before it was written"


class ClipPromises:
    """The open ones; `made`, `kept` and `broken` are for any thread, `tick` for that of the disk.

    Args:
        device: the device's id.
        topic: of documents on lost clips.
        outbox: keeps the promises, and takes those documents.
        files: where clips are kept.
        time: the clocks.
        dated: whether the clock knows the time.
    """

    def __init__(
        self,
        device: str,
        topic: str,
        outbox: Outbox,
        files: ClipFiles,
        time: TimeSource,
        dated: Callable[[], bool],
    ) -> None:
        self._device, self._topic, self._outbox = device, topic, outbox
        self._files, self._time, self._dated = files, time, dated
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}  # name of the clip → id of the detection
        self._broken: dict[str, str] = {}  # name → reason
        self._looked = False  # whether former starts left promises
        self.lost = 0
        """Clips that were promised and lost, since the start."""

    def made(self, name: str, detection: str) -> None:
        """A detection will name this clip."""
        with self._lock:
            self._open[name] = detection

    def kept(self, name: str) -> None:
        """The clip is stored."""
        with self._lock:
            self._open.pop(name, None)
        self._outbox.settle(name)

    def broken(self, name: str, reason: str) -> None:
        """There will be no such clip."""
        with self._lock:
            if name not in self._open or name in self._broken:
                return
            self._broken[name] = reason
            self.lost += 1
        log.warning("a clip that a detection names is lost", extra={"clip": name, "reason": reason})

    def tick(self) -> None:
        """Take back what cannot be kept.

        Raises:
            OSError: the clips cannot be looked through; tried again.
        """
        if not self._looked:
            with contextlib.suppress(StorageError):  # tried again; the outbox tells
                self._look_for_earlier_ones()
        with self._lock:
            broken = {name: (self._open.pop(name), reason) for name, reason in self._broken.items()}
            self._broken = {}
        for name, (detection, reason) in broken.items():
            self._take_back(name, detection, reason)

    def _take_back(self, name: str, detection: str, reason: str) -> None:
        identity = f"clip-{uuid5(NAMESPACE_URL, f'{self._device}/{name}')}"  # the same one after a power cut
        document = LostClip(
            device=self._device, id=detection, clip=name, utc=utc_text(self._time.utc_ns()), reason=reason
        )
        payload = document.to_json().encode()
        self._outbox.put(Message(identity, self._topic, payload, "clip", 1, self._time.utc_ns(), self._dated()))
        self._outbox.settle(name)  # with its document, or later

    def _look_for_earlier_ones(self) -> None:
        earlier = self._outbox.promises()
        with self._lock:
            earlier = {name: one for name, one in earlier.items() if name not in self._open}
        there = {file.name for file in self._files.list()} if earlier else set()
        self._looked = True
        for name, detection in earlier.items():
            self.made(name, detection)
            if name in there:
                self.kept(name)
            else:
                self.broken(name, ENDED)
