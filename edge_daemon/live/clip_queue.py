"""Clips on their way from the thread that scores to the disk, and their excerpts to the broker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge_daemon.clips.clip import Clip
from edge_daemon.clips.excerpt import excerpt
from edge_daemon.clips.store import ClipStore
from edge_daemon.health.document import QueueHealth
from edge_daemon.live.clip_promises import ClipPromises

MOST_CLIPS = 16
"""Clips that wait for the disk at most; more are dropped and counted."""


class ClipQueue:
    """First in, first out.

    Args:
        store: the disk; None for no clips.
        promises: of clips; told which were kept.
        nudge: called when a clip has come.
        send_excerpt: takes what is to be sent of a clip; None for nothing.
        excerpt_bytes: how long that may be.
    """

    def __init__(
        self,
        store: ClipStore | None,
        promises: ClipPromises,
        nudge: Callable[[], None],
        send_excerpt: Callable[[bytes], None] | None = None,
        excerpt_bytes: int = 0,
    ) -> None:
        self._store, self._promises, self._nudge = store, promises, nudge
        self._send_excerpt, self._excerpt_bytes = send_excerpt, excerpt_bytes
        self._clips: deque[Clip] = deque()
        self._writing: Clip | None = None
        self._dropped = 0

    @property
    def resting(self) -> bool:
        """Whether storing clips rests after a failure."""
        return self._store is not None and self._store.report().resting

    def promise(self, name: str, detection: str) -> None:
        """A detection names a clip that will come."""
        self._promises.made(name, detection)

    def lost(self, name: str) -> None:
        """There was no sound for a clip that was promised."""
        self._promises.broken(name, "its sound was no longer there")
        self._nudge()

    def put(self, clip: Clip) -> None:
        """Store a clip soon; from any thread."""
        if len(self._clips) >= MOST_CLIPS:
            self._dropped += 1
            self._promises.broken(clip.name, f"{MOST_CLIPS} others waited for the disk")
            return
        self._clips.append(clip)
        self._nudge()

    def unsaved(self) -> list[str]:
        """Names of the clips that wait for the disk, the one that is being written first."""
        writing = self._writing
        return [clip.name for clip in [*([] if writing is None else [writing]), *self._clips]]

    def report(self) -> QueueHealth:
        """How full it is."""
        return QueueHealth(length=len(self._clips), capacity=MOST_CLIPS, dropped=self._dropped)

    def tick(self) -> None:
        """Store what waits, and send excerpts of it."""
        while self._clips and self._store is not None:
            clip = self._writing = self._clips.popleft()
            stored, reason = False, "it could not be made"
            try:
                stored = self._store.save(clip)
                reason = self._store.report().reason
            finally:
                self._writing = None
                if stored:
                    self._promises.kept(clip.name)
                else:
                    self._promises.broken(clip.name, reason)
            if self._send_excerpt is not None and (sound := excerpt(clip, self._excerpt_bytes)) is not None:
                self._send_excerpt(sound)
