"""Sends the sound of a detection that an order asks for: its clip, whole, in parts, through the outbox."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from edge_daemon.clips.clip_part import ClipPart
from edge_daemon.clips.files import ClipFiles
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.history.history import BoardHistory
from edge_daemon.orders.trial_state import Outcome
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

PART_BYTES = 24_000
CLIP_PRIORITY = 0
"""Below reports of effort, as thumbnails."""


class ClipSender:
    """Puts clips into the outbox; the thread of the disk drives it.

    Args:
        device: the device's id.
        topic: of parts of clips.
        outbox: takes them.
        history: knows which clip a detection has.
        files: the clips.
        time: clocks.
        dated: whether the clock knows the time.
    """

    def __init__(
        self,
        device: str,
        topic: str,
        outbox: Outbox,
        history: BoardHistory,
        files: ClipFiles,
        time: TimeSource,
        dated: Callable[[], bool],
    ) -> None:
        self._device, self._topic, self._outbox, self._history = device, topic, outbox, history
        self._files, self._time, self._dated = files, time, dated

    def send(self, detection: str) -> tuple[Outcome, str]:
        """Let the clip of a detection go; what became of the wish, and a sentence."""
        try:
            entry = self._history.entry(detection)
            if entry is None or entry.kind != "detection":
                return "failed", "no such detection is in the history"
            if entry.clip is None:
                return "failed", "this detection has no clip"
            sound = self._files.read(entry.clip)
        except FileNotFoundError:
            return "failed", "the clip is no longer there"
        except (OSError, StorageError) as error:
            return "failed", f"the clip cannot be read: {getattr(error, 'strerror', None) or error}"
        digest = hashlib.sha256(sound).hexdigest()
        pieces = [sound[at : at + PART_BYTES] for at in range(0, len(sound), PART_BYTES)]
        for number, piece in enumerate(pieces, 1):
            part = ClipPart(
                device=self._device,
                id=detection,
                clip=entry.clip,
                part=number,
                parts=len(pieces),
                digest=digest,
                data=base64.b64encode(piece).decode(),
            )
            name = f"clip-part-{detection}-{number}"
            payload = part.to_json().encode()
            utc_ns = self._time.utc_ns()
            self._outbox.put(Message(name, self._topic, payload, "clip_part", CLIP_PRIORITY, utc_ns, self._dated()))
        return "done", f"{len(sound)} bytes in {len(pieces)} parts follow on the topic clips"
