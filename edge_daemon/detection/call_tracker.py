"""From the events of a stream to its calls: each event is looked at once more, and parted where it holds two calls.

The rules of events join calls that follow each other within a second or two. The contours tell them apart: an event
with two calls becomes two, cut in the middle of the pause between them. What is no call by the rules is told neither by
itself nor beside one. The first keeps the event's begin, and with it
the identity of its detection. Each has the scores of the windows whose cells lie in it, so one of them reaches the
threshold, and all of them the lower one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.contour.call import TrackedCall, calls_in
from edge_daemon.detection.contour.event_sound import EventSound
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event, EventWindow

LONGEST_S = 60.0
"""Longer events are no calls, and are not looked at: memory has a bound."""


class CallTracker:
    """Finds the calls in the events of one stream.

    Args:
        rate: samples per second, the model's.
        margin: samples that the windows of an event reach beyond it, on both sides.
        call_band_hz: where the species calls; None looks everywhere.
        pictures: make a picture of each call.
    """

    def __init__(
        self, rate: int, margin: int, call_band_hz: tuple[float, float] | None, *, pictures: bool = False
    ) -> None:
        self._rate, self._margin, self._pictures = rate, margin, pictures
        self._band_hz = (0.0, rate / 2) if call_band_hz is None else call_band_hz
        self._longest = round(LONGEST_S * rate)
        self._sound = EventSound()

    @property
    def held(self) -> int:
        """Samples in memory."""
        return self._sound.held

    def push(self, piece: Block | Gap) -> None:
        """Take the next piece of the stream."""
        self._sound.push(piece)

    def calls(self, found: Found) -> tuple[TrackedCall, ...]:
        """The calls of an event whose windows have all been pushed, in order of time."""
        begin, end = found.event.begin, found.event.end
        if end - begin > self._longest:
            return ()
        first, samples = self._sound.around(begin, end, self._margin)
        finite = np.isfinite(samples)
        if not finite.all():
            samples = np.where(finite, samples, np.float32(0))
        return calls_in(samples, self._rate, self._band_hz, (begin - first, end - first), pictures=self._pictures)

    def rest(self, next_window: int, open_from: int | None) -> None:
        """No event can begin before these any more: let go of older sound.

        Args:
            next_window: first sample of the next window.
            open_from: first sample of the event in the making; None without one.
        """
        wanted = next_window
        if open_from is not None and next_window - open_from <= self._longest + self._margin:
            wanted = min(wanted, open_from - self._margin)
        self._sound.forget(wanted)


def by_call(found: Found, calls: Sequence[TrackedCall], least_rise_hz: float = 0.0) -> list[Found]:
    """The event with its call; or one part of it for each call, in order of time; nothing if no call of it rises.

    An up-call rises, by 100 Hz as a rule; a moan, a hum or a knock that a network takes for one does not. What does not
    rise is no call, so it makes no part. An event in which nothing was followed stays as it is.

    Args:
        found: the event.
        calls: its calls, samples counted from the event's begin, in order; several lie with their middles in it.
        least_rise_hz: how far a call must rise, Hz; 0 asks for nothing.
    """
    event = replace(found.event, own=())
    followed, calls = calls, [call for call in calls if least_rise_hz <= 0 or call.sweep_hz >= least_rise_hz]
    if followed and not calls:
        return []
    if len(calls) < 2:
        return [replace(found, event=event, call=call) for call in calls] or [replace(found, event=event)]
    cuts = [(one.end + two.begin) // 2 for one, two in pairwise(calls)]
    edges = [0, *cuts, event.end - event.begin]
    return [
        replace(
            found,
            event=_part(event, found.event.own, event.begin + begin, event.begin + end),
            call=call.moved(-begin),
            part=number,
            parts=len(calls),
        )
        for number, (call, (begin, end)) in enumerate(zip(calls, pairwise(edges), strict=True), start=1)
    ]


def _part(event: Event, own: Sequence[EventWindow], begin: int, end: int) -> Event:
    """The part of an event from one sample to another, with the scores of its own windows, or of the nearest one."""
    inside = [one.window for one in own if begin <= one.middle < end]
    if not inside and own:
        inside = [min(own, key=lambda one: abs(2 * one.middle - begin - end)).window]
    if not inside:
        return replace(event, begin=begin, end=end)
    peak = max(inside, key=lambda window: window.score)  # of equal ones the first
    low, high = peak.band if peak.band is not None else (None, None)
    mean = sum(window.score for window in inside) / len(inside)
    return Event(begin, end, peak.score, peak.start, mean, len(inside), low, high)
