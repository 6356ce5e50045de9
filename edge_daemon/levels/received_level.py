"""Sound pressure levels of events and of the sea around them (ISO 18405), from the stream at the model's rate.

What the levels cover: everything from just above 0 Hz to half the model's rate (1 kHz at 2 kHz). Where the sound was
resampled the filter is flat to 0.91 of that. The mean of each measured stretch is taken out: it is the converter's
offset, not sound. Missing sound is left out, not counted as silence.

The ambient level is the root-mean-square level of what is around an event and is no event itself: calls come in
series, and the ones before would make the sea seem louder than it is.
"""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.document import ReceivedLevel

AROUND_S = 30.0
"""How far before and after an event its ambient level is measured, as far as it has been heard, seconds."""

_MISSING, _SOUND, _EVENT = 0, 1, 2


class LevelMeter:
    """The recent past of a stream, and levels measured in it. One thread feeds it; any may ask.

    Args:
        rate: samples per second of the stream.
        full_scale_db: pressure level (peak) of a full-scale sample, dB re 1 µPa (`Hydrophone.full_scale_db`).
        memory_s: how far back one can measure, seconds: longest event + AROUND_S + the delay until events are known.
            Takes 5 bytes a sample, 1.2 MB for two minutes at 2 kHz.
    """

    def __init__(self, rate: int, full_scale_db: float, memory_s: float) -> None:
        self._rate = rate
        self._full_scale_db = full_scale_db
        length = max(1, round(memory_s * rate))
        self._samples = np.zeros(length, np.float32)
        self._kinds = np.full(length, _MISSING, np.uint8)
        self._end: int | None = None  # sample after the newest
        self._lock = threading.Lock()

    def push(self, piece: Block | Gap) -> None:
        """Take in the next block or gap; what is left out between two of them counts as missing."""
        with self._lock:
            if self._end is not None and piece.start > self._end:
                self._forget(piece.start)
            if isinstance(piece, Gap):
                self._forget(piece.end)
            else:
                self._keep(piece)

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
        around = round(AROUND_S * self._rate)
        with self._lock:
            where = self._positions(begin, end)
            sound = self._samples[where[self._kinds[where] != _MISSING]].astype(np.float64)
            self._kinds[where] = np.where(self._kinds[where] == _MISSING, _MISSING, _EVENT)
            near = self._ambient(begin - around, end + around)
        rms_db = self._rms_db(sound)
        if rms_db is None:
            return None
        return ReceivedLevel(
            rms_db=rms_db,
            peak_to_peak_db=self._level_db(float(np.ptp(sound))),
            ambient_db=self._rms_db(near),
            low_hz=0.0,
            high_hz=self._rate / 2,
        )

    @property
    def ambient_db(self) -> float | None:
        """Root-mean-square level of all sound in memory that is no event's, dB re 1 µPa; None if there is none."""
        with self._lock:
            sound = np.zeros(0) if self._end is None else self._ambient(self._end - len(self._samples), self._end)
        return self._rms_db(sound)

    def _ambient(self, begin: int, end: int) -> NDArray[np.float64]:
        where = self._positions(begin, end)
        sound: NDArray[np.float64] = self._samples[where[self._kinds[where] == _SOUND]].astype(np.float64)
        return sound

    def _positions(self, begin: int, end: int) -> NDArray[np.int64]:
        """Places in the ring of those samples of [begin, end) that it still holds."""
        newest = self._end or 0
        first, last = max(begin, newest - len(self._samples)), min(end, newest)
        return np.arange(first, max(first, last)) % len(self._samples)

    def _keep(self, block: Block) -> None:
        start = block.start if self._end is None else self._end
        samples = block.samples[max(0, start - block.start) :]  # what was told twice is taken once
        end = start + len(samples)
        samples = samples[-len(self._samples) :]
        where = np.arange(end - len(samples), end) % len(self._samples)
        self._samples[where] = samples
        self._kinds[where] = _SOUND
        self._end = end

    def _forget(self, end: int) -> None:
        """Missing sound up to `end`."""
        start = end if self._end is None else max(self._end, end - len(self._samples))
        if self._end is None or end > self._end:
            self._kinds[np.arange(start, end) % len(self._samples)] = _MISSING
            self._end = end

    def _rms_db(self, sound: NDArray[np.float64]) -> float | None:
        return self._level_db(float(np.std(sound))) if len(sound) else None

    def _level_db(self, amplitude: float) -> float | None:
        """Level of an amplitude in units of full scale, to 0.01 dB: finer is below any hydrophone's truth."""
        return round(self._full_scale_db + 20 * math.log10(amplitude), 2) if amplitude > 0 else None
