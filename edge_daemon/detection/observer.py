"""Whoever wants to know what becomes of a stream: levels, clips, effort, reports."""

from __future__ import annotations

from edge_daemon.audio.source import Block, Gap
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.event_rules import EventRules


class StreamObserver:
    """Is told of everything, in this order, by the thread that scores; overrides what it cares for."""

    def sound(self, piece: Block | Gap) -> None:
        """The next piece of the stream at the model's rate."""

    def found(self, found: Found, heard_ns: int) -> None:
        """An event; the sound by which it became known ended at this monotonic time."""

    def stepped(self, step: ClockStep, dated_before: bool) -> None:
        """UTC moved; `dated_before` is False if it had never been known in this session."""

    def retuned(self, rules: EventRules) -> None:
        """Events that end from now on are judged by other rules."""

    def scored(self) -> None:
        """All of the last piece has been dealt with."""

    def finish(self) -> None:
        """The stream has ended."""
