"""The sound of each event, cut out of the recent past with a margin on both sides.

A detection that can be listened to can be judged. The recorder keeps the last seconds of sound in a ring, at the
model's rate: that is the band in which the decision was made, and a minute of it is 0.5 MB of memory and, as FLAC,
some 200 kB on the card (right whales' up-calls lie below 400 Hz; the model hears to 1 kHz). Feeding it the device's
own rate works the same where more is wanted.

When an event ends, `request` gives the clip's name at once, for the detection to carry; the clip is ready when the
margin after the event has been heard, or the stream has ended. Gaps inside are silence and are listed in the metadata.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap
from edge_daemon.clips.clip import Clip, ClipRequest, Format, clip_name
from edge_daemon.clock.time_source import SECOND_NS


class ClipRecorder:
    """The recent past, and the clips being cut from it; one thread feeds it.

    Args:
        rate: samples per second of what is fed.
        ring_s: how far back one can reach, seconds: longest event + margin + the pipeline's delay.
        margin_s: sound kept before and after an event, seconds.
        max_length_s: longest clip, seconds; of longer events the begin is kept.
        file_format: "flac" or "wav", for the name.
        max_waiting: clips that wait for their margin at most.
    """

    def __init__(
        self,
        rate: int,
        *,
        ring_s: float,
        margin_s: float,
        max_length_s: float,
        file_format: Format = "flac",
        max_waiting: int = 16,
    ) -> None:
        self._rate = rate
        self._ring = np.zeros(max(1, round(ring_s * rate)), np.float32)
        self._margin = round(margin_s * rate)
        self._max_length = max(1, round(max_length_s * rate))
        self._format: Format = file_format
        self._max_waiting = max_waiting
        self._first: int | None = None  # first sample of the stream that was fed
        self._end = 0  # sample after the newest
        self._gaps: deque[Gap] = deque()
        self._waiting: deque[tuple[str, int, int, ClipRequest]] = deque()
        self.missed = 0
        """Clips not made: too many waited, or the sound was no longer there."""

    def add(self, block: Block) -> None:
        """Take in sound; samples must come in order, and what is left out is silence."""
        if self._first is None:
            self._first = self._end = block.start
        if block.start > self._end:
            self.skip(Gap(self._end, block.start - self._end, "read_error"))
        self._write(block.samples[max(0, self._end - block.start) :])

    def skip(self, gap: Gap) -> None:
        """Take in a gap: silence of its length."""
        if self._first is None:
            self._first = self._end = gap.start
        length = gap.end - self._end
        if length <= 0:
            return
        self._gaps.append(Gap(self._end, length, gap.cause))
        self._write(np.zeros(min(length, len(self._ring)), np.float32), length)
        while self._gaps and self._gaps[0].end <= self._oldest():
            self._gaps.popleft()

    def request(self, request: ClipRequest) -> str | None:
        """Ask for an event's sound; returns the name its clip will have, or None if there will be none."""
        begin = max(request.begin - self._margin, self._oldest())
        end = min(request.end + self._margin, begin + self._max_length)
        if len(self._waiting) >= self._max_waiting or end <= begin or self._first is None:
            self.missed += 1
            return None
        begin_utc_ns = request.begin_utc_ns + (begin - request.begin) * SECOND_NS // self._rate
        name = clip_name(request.device, begin_utc_ns, request.id, self._format)
        self._waiting.append((name, begin, end, request))
        return name

    def ready(self, *, final: bool = False) -> list[Clip]:
        """Clips whose margin has been heard; with `final`, all, as far as sound is there."""
        waiting, self._waiting = self._waiting, deque()
        clips = []
        for name, begin, end, request in waiting:
            if end > self._end and not final:
                self._waiting.append((name, begin, end, request))
                continue
            first, last = max(begin, self._oldest()), min(end, self._end)
            if last <= first:
                self.missed += 1
                continue
            samples = self._ring[np.arange(first, last) % len(self._ring)]
            gaps = [
                Gap(max(gap.start, first) - first, min(gap.end, last) - max(gap.start, first), gap.cause)
                for gap in self._gaps
                if gap.start < last and gap.end > first
            ]
            clips.append(Clip(name, samples, self._rate, first, request, tuple(gaps)))
        return clips

    def _oldest(self) -> int:
        return max(self._first or 0, self._end - len(self._ring))

    def _write(self, samples: NDArray[np.float32], length: int | None = None) -> None:
        """Append samples; `length` is given where it is more than there are (a gap longer than the ring)."""
        end = self._end + (len(samples) if length is None else length)
        samples = samples[-len(self._ring) :]
        self._ring[np.arange(end - len(samples), end) % len(self._ring)] = samples
        self._end = end
