"""The calls in a recording's events, looked at once for each event: which rise, and where they part it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_daemon.audio.source import Block
from edge_daemon.detection.call_tracker import CallTracker, by_call
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event
from train.data.sound_file import read_window, sound_info


class EventCalls:
    """The daemon's own `CallTracker` on the sound around events, read from the file each time.

    To keep the sound in memory would take 29 MB an hour. Where the file has not the model's rate, the sound differs
    from the daemon's by the resampler's rounding.

    Args:
        path: the recording.
        rate: samples per second, the model's.
        margin: samples that the windows of an event reach beyond it, on both sides.
        band_hz: of the species' calls.
        channel: which channel, from 0.
        breaks: (first, end) of each gap, samples, in order: sound beyond one is no part of an event's.
    """

    def __init__(
        self,
        path: Path,
        rate: int,
        margin: int,
        band_hz: tuple[float, float],
        channel: int = 0,
        breaks: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._path, self._rate, self._margin, self._band_hz, self._channel = path, rate, margin, band_hz, channel
        self._breaks = breaks
        self._known: dict[tuple[int, int], tuple[TrackedCall, ...]] = {}
        self._samples: int | None = None

    def told(self, event: Event, least_rise_hz: float) -> list[Event]:
        """What becomes of an event in the pipeline: itself, a part for each of its calls, or nothing if none rises.

        Args:
            event: of the recording.
            least_rise_hz: how far a call must rise, Hz; 0 asks for nothing.

        Raises:
            DataError: the file cannot be read.
        """
        return [part.event for part in by_call(Found(event, (), ""), self._calls(event), least_rise_hz)]

    def _calls(self, event: Event) -> tuple[TrackedCall, ...]:
        span = event.begin, event.end
        if span not in self._known:
            self._known[span] = self._look(event)
        return self._known[span]

    def _look(self, event: Event) -> tuple[TrackedCall, ...]:
        if self._samples is None:
            self._samples = int(sound_info(self._path).duration_s * self._rate)
        first = max(0, event.begin - self._margin, *(end for _, end in self._breaks if end <= event.begin))
        after = (start for start, _ in self._breaks if start >= event.end)
        count = min(event.end + self._margin, self._samples, *after) - first
        if count <= 0:
            return ()
        sound = read_window(self._path, first / self._rate, count, self._rate, self._channel)
        tracker = CallTracker(self._rate, self._margin, self._band_hz)
        tracker.push(Block(sound, first))
        return tracker.calls(Found(event, (), ""))
