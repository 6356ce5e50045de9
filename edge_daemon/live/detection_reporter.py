"""Announcing: makes a detection of each event, and sees that it is written, sent, logged, and can be listened to.

A detection goes into the outbox first; the publisher commits it to disk before it sends it. Its clip follows when the
sound after the event has been heard.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from edge_daemon.audio.source import Block, Gap
from edge_daemon.clips.clip import Clip, ClipRequest
from edge_daemon.clips.recorder import ClipRecorder
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.detection.document import AdjoiningGap, Detection, Origin, Position, describe
from edge_daemon.detection.pipeline import Found
from edge_daemon.health.counters import HealthCounters
from edge_daemon.levels.stream_levels import StreamLevels
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.delivery_timer import TimedMailbox
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

log = logging.getLogger(__name__)

DETECTION_PRIORITY = 2
EFFORT_PRIORITY = 1


class DetectionReporter:
    """What happens with sound and events; driven by the scoring thread.

    Args:
        origin: what all detections have in common.
        topics: of this device.
        times: when each sample was.
        outbox: takes the detections.
        deliveries: times them.
        book: counts them.
        online: whether the broker is connected.
        wake: called when something was put into the outbox.
        recorder: cuts clips; None for none.
        clips_rest: whether storing clips rests after a failure: then none is promised.
        keep_clip: takes a finished clip.
        levels: received levels; None without calibration.
        stepped: told of steps of the clock.
        source: name of the sound's source, for clips.
    """

    def __init__(
        self,
        origin: Origin,
        topics: Topics,
        times: SampleTime,
        outbox: Outbox,
        deliveries: TimedMailbox,
        book: HealthCounters,
        *,
        online: Callable[[], bool],
        wake: Callable[[], None],
        recorder: ClipRecorder | None,
        clips_rest: Callable[[], bool],
        keep_clip: Callable[[Clip], None],
        levels: StreamLevels | None,
        stepped: Callable[[ClockStep, bool], None],
        source: str,
    ) -> None:
        self._origin, self._topics, self._times = origin, topics, times
        self._outbox, self._deliveries, self._book = outbox, deliveries, book
        self._online, self._wake = online, wake
        self._recorder, self._clips_rest, self._keep_clip = recorder, clips_rest, keep_clip
        self._levels, self._stepped, self._source = levels, stepped, source

    def move(self, position: Position | None) -> None:
        """Another position from now on; from any thread."""
        self._origin = replace(self._origin, position=position)

    def sound(self, piece: Block | Gap) -> None:
        """The next piece of the stream at the model's rate."""
        if self._levels is not None:
            self._levels.push(piece)
        if self._recorder is None:
            return
        if isinstance(piece, Block):
            self._recorder.add(piece)
        else:
            self._recorder.skip(piece)

    def found(self, found: Found, heard_ns: int) -> None:
        """Make a detection of an event and let it go."""
        detection = self._describe(found)
        identity = str(detection.id)
        payload = detection.to_json().encode()
        if self._online():
            self._deliveries.begin(identity, heard_ns)
        self._outbox.put(
            Message(
                id=identity,
                topic=self._topics.detections,
                payload=payload,
                kind="detection",
                priority=DETECTION_PRIORITY,
                created_utc_ns=self._times.utc_ns(found.event.end),
                dated=detection.clock != "unsynchronised",
            )
        )
        self._wake()
        self._book.detected()
        log.info(
            "detection",
            extra={
                "id": identity,
                "begin_utc": detection.begin_utc,
                "seconds": round(detection.end_s - detection.begin_s, 3),
                "score": detection.peak_score,
                "clock": detection.clock,
                **({} if detection.clip is None else {"clip": detection.clip}),
            },
        )

    def stepped(self, step: ClockStep, dated_before: bool) -> None:
        """UTC moved."""
        self._stepped(step, dated_before)

    def scored(self) -> None:
        """Hand over clips whose margin has been heard."""
        if self._recorder is not None:
            for clip in self._recorder.ready():
                self._keep_clip(clip)

    def finish(self) -> None:
        """The stream has ended: hand over all clips, as far as their sound was heard."""
        if self._levels is not None:
            self._levels.finish()
        if self._recorder is not None:
            for clip in self._recorder.ready(final=True):
                self._keep_clip(clip)

    def _describe(self, found: Found) -> Detection:
        origin, event, rate = self._origin, found.event, self._origin.rate
        detection = describe(
            event,
            origin,
            begin_utc_ns=self._times.utc_ns(event.begin),
            end_utc_ns=self._times.utc_ns(event.end),
            clock=self._times.state,
            gaps=[
                AdjoiningGap(begin_s=gap.start / rate, length_s=gap.length / rate, cause=gap.cause)
                for gap in found.gaps
            ],
            backend=found.backend,
        )
        more: dict[str, object] = {}
        if self._levels is not None:
            more["received_level"] = self._levels.received(event.begin, event.end)
        if self._recorder is not None and not self._clips_rest():
            more["clip"] = self._recorder.request(self._clip_request(found, detection))
        return detection.model_copy(update=more) if more else detection

    def _clip_request(self, found: Found, detection: Detection) -> ClipRequest:
        position = detection.position
        return ClipRequest(
            id=str(detection.id),
            begin=found.event.begin,
            end=found.event.end,
            begin_utc_ns=self._times.utc_ns(found.event.begin),
            clock=detection.clock,
            device=detection.device,
            label=detection.label,
            score=detection.peak_score,
            source=self._source,
            model=f"{detection.model.name} {detection.model.version} {detection.model.digest[:16]}",
            position=None if position is None else (position.latitude, position.longitude),
        )


def ring_s(margin_s: float, longest_event_s: float, window_s: float) -> float:
    """How far back clips must reach, seconds: an event, its margins, and what passes until it is known.

    Of events beyond ten minutes (5 MB of memory) the clip may lack the begin.
    """
    return min(longest_event_s, 600.0) + 2 * margin_s + 3 * window_s + 2.0
