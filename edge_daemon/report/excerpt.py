"""The sound around a detection, read again from its recording.

Keeping the sound of all detections while a run goes on would fill the memory; reading a few seconds again is cheap,
for a sound file can be entered anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block
from edge_daemon.errors import AudioError

_FILTER_S = 0.25
"""Sound read before and after, so that the resampler's filter does not see an edge."""


@dataclass(frozen=True, slots=True)
class SoundExcerpt:
    """A piece of a recording.

    Attributes:
        samples: float32 [n], finite.
        rate: samples per second.
        begin_s: where it begins in the recording, seconds.
    """

    samples: NDArray[np.float32]
    rate: int
    begin_s: float

    @property
    def end_s(self) -> float:
        """Where it ends in the recording, seconds."""
        return self.begin_s + len(self.samples) / self.rate

    def part(self, begin_s: float, end_s: float) -> SoundExcerpt:
        """What lies in a span, times in the recording; at least one sample.

        Raises:
            AudioError: nothing lies in it.
        """
        first = max(0, round((begin_s - self.begin_s) * self.rate))
        last = round((end_s - self.begin_s) * self.rate)
        if not len(self.samples[first:last]):
            raise AudioError("The recording no longer contains this sound.")
        return SoundExcerpt(self.samples[first:last], self.rate, self.begin_s + first / self.rate)


def read_excerpt(
    path: Path, begin_s: float, end_s: float, rate: int, channel: int = 0, followed_by: Path | None = None
) -> SoundExcerpt:
    """Read the part of a span that the recording has, and the one in which it goes on.

    Args:
        path: the recording.
        begin_s: seconds; before the recording begins is its beginning.
        end_s: seconds; after its end is its end, or what follows there.
        rate: samples per second wanted.
        channel: counted from 0.
        followed_by: the recording in which its sound goes on without a gap; one that cannot be read adds nothing.

    Raises:
        AudioError: it cannot be read there.
    """
    try:
        with FileSource(path, channel, block_seconds=end_s - begin_s + 1) as source:
            own = source.rate
            margin = 0.0 if own == rate else _FILTER_S
            first, last = round(max(0.0, begin_s - margin) * own), round((end_s + margin) * own)
            samples = _read(source, first, min(last, source.frames))
            missing = last - source.frames
    except AudioError as error:
        raise AudioError(f"'{path}' cannot be read again: {error.message}") from error
    if samples.size and missing > 0 and followed_by is not None:
        samples = np.concatenate((samples, _beginning(followed_by, missing, own, channel)))
    if not samples.size:
        raise AudioError(f"'{path}' contains no sound there.")
    samples = np.where(np.isfinite(samples), samples, np.float32(0))
    if own != rate:
        samples = soxr.resample(samples, own, rate, quality="HQ")
    skip = max(0, round((begin_s - first / own) * rate))
    wanted = round((end_s - max(begin_s, 0.0)) * rate)
    kept = np.ascontiguousarray(samples[skip : skip + wanted], np.float32)
    if not kept.size:
        raise AudioError(f"'{path}' contains no sound there.")
    return SoundExcerpt(kept, rate, first / own + skip / rate)


def _beginning(path: Path, count: int, rate: int, channel: int) -> NDArray[np.float32]:
    """The first samples of a recording, float32 [n], n ≤ `count`; none where they are of another rate."""
    try:
        with FileSource(path, channel, block_seconds=count / rate) as source:
            return _read(source, 0, min(count, source.frames if source.rate == rate else 0))
    except AudioError:
        return np.zeros(0, np.float32)


def _read(source: FileSource, first: int, last: int) -> NDArray[np.float32]:
    """Samples of a span, float32 [n]; what is missing within it is silence."""
    samples = np.zeros(max(0, last - first), np.float32)
    source.skip_to(first)
    end = first
    while end < last and (item := source.read()) is not None:
        end = item.end
        if isinstance(item, Block) and item.start < last:
            part = item.samples[: last - item.start]
            samples[item.start - first : item.start - first + len(part)] = part
    return samples[: max(0, end - first)]
