"""Received levels of a recording's events, the same however the sound was cut into blocks.

A daemon tells the ambient level from what it has heard when it reports an event. A replay can wait: each event is
measured when all the sound around it has been read, events in order of time. So the ambient level of a replay covers
both sides of the event, and does not depend on the size of blocks and batches.
"""

from __future__ import annotations

from collections import deque

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.detection.document import ReceivedLevel
from edge_daemon.detection.events import Event
from edge_daemon.detection.pipeline import Output
from edge_daemon.levels.received_level import AROUND_S, LevelMeter


class ReplayLevels:
    """Measures events some time after they were found.

    Args:
        rate: samples per second of the stream.
        full_scale_db: level (peak) of a full-scale sample, dB re 1 µPa.
        longest_event_s: as the event rules have it.
        delay_s: most sound that follows an event until it is known, and most sound in one output, added up.

    Attributes:
        levels: one for each event so far measured, in order; None where it had no sound.
    """

    def __init__(self, rate: int, full_scale_db: float, *, longest_event_s: float, delay_s: float) -> None:
        self.levels: list[ReceivedLevel | None] = []
        memory_s = longest_event_s + 2 * AROUND_S + delay_s
        self._recent = RecentSound(rate)
        self._meter = LevelMeter(self._recent, full_scale_db, memory_s)
        self._around = round(AROUND_S * rate)
        self._waiting: deque[Event] = deque()
        self._heard = 0

    def add(self, output: Output) -> None:
        """Take the pipeline's next output."""
        for piece in output.sound:
            self._recent.push(piece)
            self._heard = piece.end
        self._waiting.extend(found.event for found in output.found)
        while self._waiting and self._waiting[0].end + self._around <= self._heard:
            self._measure()

    def finish(self) -> None:
        """The recording has ended: measure what still waits for sound."""
        while self._waiting:
            self._measure()

    def _measure(self) -> None:
        event = self._waiting.popleft()
        self.levels.append(self._meter.received(event.begin, event.end))
