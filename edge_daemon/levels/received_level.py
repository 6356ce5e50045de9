"""Sound pressure levels of events and of the sea around them (ISO 18405), from the stream at the model's rate.

What the levels cover: everything from just above 0 Hz to half the model's rate (1 kHz at 2 kHz). Where the sound was
resampled the filter is flat to 0.91 of that. The mean of each measured stretch is taken out: it is the converter's
offset, not sound. Missing sound is left out, not counted as silence.

The ambient level is the root-mean-square level of the sound around an event, without other events: calls come in
series, and the ones before would make the sea seem louder than it is.
"""

from __future__ import annotations

import math
import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.recent_sound import RecentSound
from edge_daemon.detection.document import ReceivedLevel

AROUND_S = 30.0
"""How far before and after an event its ambient level is measured, as far as it has been heard, seconds."""


class LevelMeter:
    """Levels measured in the recent past of a stream. One thread measures events; any may ask for the ambient level.

    Args:
        recent: the sound; as much of it is reserved as is measured.
        full_scale_db: pressure level (peak) of a full-scale sample, dB re 1 µPa (`Hydrophone.full_scale_db`).
        memory_s: how far back one measures, seconds: longest event + AROUND_S + the delay until events are known.
    """

    def __init__(self, recent: RecentSound, full_scale_db: float, memory_s: float) -> None:
        recent.reserve(memory_s)
        self._recent = recent
        self._full_scale_db = full_scale_db
        self._memory = max(1, round(memory_s * recent.rate))
        self._events: deque[tuple[int, int]] = deque()
        self._lock = threading.Lock()

    def received(self, begin: int, end: int) -> ReceivedLevel | None:
        """Levels over the samples [begin, end) of an event, and around it.

        Of an event that reaches back beyond the memory, the part in memory is measured. From now on these samples are
        an event's, and count in no ambient level.

        Args:
            begin: first sample.
            end: sample after the last one.

        Returns:
            Levels in dB re 1 µPa, to 0.01 dB; None where the event has no sound in memory, or nothing but silence.
        """
        around = round(AROUND_S * self._recent.rate)
        sound = self._sound(begin, end)
        with self._lock:
            self._events.append((begin, min(end, self._recent.end)))
        near = self._sound(begin - around, end + around, events=False)
        rms_db = self._rms_db(sound)
        if rms_db is None:
            return None
        return ReceivedLevel(
            rms_db=rms_db,
            peak_to_peak_db=self._level_db(float(np.ptp(sound))),
            ambient_db=self._rms_db(near),
            low_hz=0.0,
            high_hz=self._recent.rate / 2,
        )

    @property
    def ambient_db(self) -> float | None:
        """Root-mean-square level of all sound in memory outside of events, dB re 1 µPa; None if there is none."""
        newest = self._recent.end
        return self._rms_db(self._sound(newest - self._memory, newest, events=False))

    def _sound(self, begin: int, end: int, *, events: bool = True) -> NDArray[np.float64]:
        """Samples of [begin, end) that are in memory and not missing; with or without those of events."""
        left_out = [] if events else self._known_events()  # before the sound, which only moves away from old ones
        first, samples, gaps = self._recent.excerpt(max(begin, self._recent.end - self._memory), end)
        wanted = np.ones(len(samples), bool)
        for gap in gaps:
            wanted[gap.start - first : gap.end - first] = False
        for event_begin, event_end in left_out:
            wanted[max(0, event_begin - first) : max(0, event_end - first)] = False
        sound: NDArray[np.float64] = samples[wanted].astype(np.float64)
        return sound

    def _known_events(self) -> list[tuple[int, int]]:
        """Events that may lie in the recent sound, in order of time."""
        with self._lock:
            while self._events and self._events[0][1] <= self._recent.oldest:
                self._events.popleft()
            return list(self._events)

    def _rms_db(self, sound: NDArray[np.float64]) -> float | None:
        return self._level_db(float(np.std(sound))) if len(sound) else None

    def _level_db(self, amplitude: float) -> float | None:
        """Level of an amplitude in units of full scale, to 0.01 dB: finer is below any hydrophone's truth."""
        return round(self._full_scale_db + 20 * math.log10(amplitude), 2) if amplitude > 0 else None
