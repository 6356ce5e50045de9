"""Reporting: makes a detection of each event, and sees that it is written, sent and logged.

A detection goes into the outbox first; the publisher commits it to disk before it sends it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.detection.document import AdjoiningGap, Detection, describe
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import Event
from edge_daemon.detection.observer import StreamObserver
from edge_daemon.detection.origin import Origin
from edge_daemon.detection.thumbnail import Thumbnail, thumbnail
from edge_daemon.history.history import BoardHistory
from edge_daemon.levels.stream_levels import StreamLevels
from edge_daemon.live.clip_cutter import ClipCutter
from edge_daemon.live.history_entries import entry_of, thumbnail_entry
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.mqtt.packing import THUMBNAIL_PRIORITY
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.outbox.delivery_timer import TimedMailbox
from edge_daemon.outbox.message import Message
from edge_daemon.position.position import Position

if TYPE_CHECKING:
    from edge_daemon.live.page_feed import PageFeed
    from edge_daemon.position.receiver import PositionReceiver

log = logging.getLogger(__name__)

DETECTION_PRIORITY = 2


class DetectionReporter(StreamObserver):
    """Turns events into detections.

    Args:
        origin: what all detections have in common.
        topic: of detections.
        times: when each sample was.
        mailbox: takes the detections.
        levels: received levels; None without calibration.
        clips: cuts clips; None for none.
        publisher: tells whether the broker is connected; None without one.
        thumbnails: topic of thumbnails, of the calls that have pictures; empty if they are not sent.
        history: keeps the detections, too; None for nobody.
        receiver: knows where the device was; None for one that stays where its origin is.
        page: shown each detection, whose picture is kept for it; None for nobody.
        together: a detection's thumbnail, in four steps, stands in its message, on a line of its own.
    """

    def __init__(
        self,
        origin: Origin,
        topic: str,
        times: SampleTime,
        mailbox: TimedMailbox,
        levels: StreamLevels | None = None,
        clips: ClipCutter | None = None,
        publisher: Publisher | None = None,
        thumbnails: str = "",
        history: BoardHistory | None = None,
        receiver: PositionReceiver | None = None,
        page: PageFeed | None = None,
        *,
        together: bool = False,
    ) -> None:
        self._origin, self._topic, self._times, self._mailbox = origin, topic, times, mailbox
        self._thumbnails, self._history, self._together = thumbnails, history, together
        self._threshold = origin.threshold
        self._levels, self._clips, self._publisher = levels, clips, publisher
        self._receiver, self._page = receiver, page

    def move(self, position: Position | None) -> None:
        """Another position from now on; from any thread."""
        self._origin = replace(self._origin, position=position)

    def retuned(self, rules: EventRules) -> None:
        """Detections name the threshold by which they were judged."""
        self._threshold = rules.threshold

    def stepped(self, step: ClockStep, dated_before: bool) -> None:
        """UTC moved; what a clock that had never known the time has dated lies elsewhere now."""
        if self._history is not None and step.kind == "system_clock" and not dated_before:
            self._history.clock_was_set(step.jump_ns)

    def found(self, found: Found, heard_ns: int) -> None:
        """Make a detection of an event and let it go."""
        detection = self._describe(found)
        identity, document = str(detection.id), detection.to_json()
        times = self._times.utc_ns(found.event.begin), self._times.utc_ns(found.event.end)
        if self._history is not None:  # before it is sent: it may be acknowledged at once
            self._history.put(entry_of(detection, document, *times))
        picture = None if found.call is None else found.call.picture
        if picture is not None and self._together:
            picture = picture.in_four_steps()
        shown = None if picture is None else thumbnail(detection, picture, found.event.begin, self._origin.rate)
        sent = shown if self._thumbnails else None
        message = Message(
            id=identity,
            topic=self._topic,
            payload="\n".join([document, *([sent.to_json()] if sent and self._together else [])]).encode(),
            kind="detection",
            priority=DETECTION_PRIORITY,
            created_utc_ns=self._times.utc_ns(found.event.end),
            dated=detection.clock != "unsynchronised",
            promise=detection.clip,
        )
        online = self._publisher is not None and self._publisher.report().state == "online"
        self._mailbox.put(message, heard_ns if online else None)
        if sent is not None and not self._together:
            self._show(detection, sent, found.event)
        if self._page is not None:
            drawn = None if shown is None else shown.to_json()
            if drawn is not None and self._history is not None:
                self._history.put(thumbnail_entry(detection, drawn, *times))
            self._page.tell_detection(document, drawn)
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

    def _show(self, detection: Detection, shown: Thumbnail, event: Event) -> None:
        """Let a thumbnail follow its detection."""
        message = Message(
            id=f"thumbnail-{detection.id}",
            topic=self._thumbnails,
            payload=shown.to_json().encode(),
            kind="thumbnail",
            priority=THUMBNAIL_PRIORITY,
            created_utc_ns=self._times.utc_ns(event.end),
            dated=detection.clock != "unsynchronised",
        )
        self._mailbox.put(message, None)

    def _describe(self, found: Found) -> Detection:
        origin, event, rate = replace(self._origin, threshold=self._threshold), found.event, self._origin.rate
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
            call=found.call,
            part=(found.part, found.parts),
        )
        more: dict[str, object] = {"clock_keeper": self._times.keeper}
        if self._receiver is not None:
            middle = (event.begin + event.end) // 2
            more["position"] = self._receiver.at(self._times.monotonic_ns(middle))
        if self._levels is not None:
            more["received_level"] = self._levels.received(event.begin, event.end)
        if self._clips is not None:
            more["clip"] = self._clips.promise(event, detection.model_copy(update=more))
        return detection.model_copy(update=more)
