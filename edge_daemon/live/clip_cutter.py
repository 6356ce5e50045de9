"""Clips of a live stream: each detection is promised one, and it follows when the sound after the event was heard."""

from __future__ import annotations

from edge_daemon.clips.clip import ClipRequest
from edge_daemon.clips.recorder import ClipRecorder
from edge_daemon.detection.document import Detection
from edge_daemon.detection.events import Event
from edge_daemon.detection.observer import StreamObserver
from edge_daemon.live.clip_queue import ClipQueue
from edge_daemon.live.sample_time import SampleTime


class ClipCutter(StreamObserver):
    """Cuts clips and hands them over to the thread that stores them.

    Args:
        recorder: cuts them out of the recent sound.
        queue: takes them.
        times: when each sample was.
        source: name of the sound's source, for the clips.
    """

    def __init__(self, recorder: ClipRecorder, queue: ClipQueue, times: SampleTime, source: str) -> None:
        self._recorder, self._queue, self._times, self._source = recorder, queue, times, source

    def change(self, margin_s: float, max_length_s: float) -> None:
        """Another margin and longest clip, seconds; from any thread."""
        self._recorder.change(margin_s, max_length_s)

    def promise(self, event: Event, detection: Detection) -> str | None:
        """The name that the event's clip will have; None if there will be none: storing may rest after a failure."""
        if self._queue.resting:
            return None
        model = detection.model
        name = self._recorder.request(
            ClipRequest(
                id=str(detection.id),
                begin=event.begin,
                end=event.end,
                begin_utc_ns=self._times.utc_ns(event.begin),
                clock=detection.clock,
                device=detection.device,
                label=detection.label,
                score=detection.peak_score,
                source=self._source,
                model=f"{model.name} {model.version} {model.digest[:16]}",
                position=detection.position,
            )
        )
        if name is not None:
            self._queue.promise(name, str(detection.id))
        return name

    def scored(self) -> None:
        """Hand over clips whose margin has been heard."""
        self._hand_over(final=False)

    def finish(self) -> None:
        """The stream has ended: hand over all clips, as far as their sound was heard."""
        self._hand_over(final=True)

    def _hand_over(self, *, final: bool) -> None:
        for clip in self._recorder.ready(final=final):
            self._queue.put(clip)
        for name in self._recorder.take_lost():
            self._queue.lost(name)
