"""From scored windows and gaps, in order of time, to events with what was missing around them and who scored them.

The last stage of the pipeline, with a life of its own: a replay that shares out a long stream scores its pieces where
it likes, and finds the events of the whole stream afterwards, in one place.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge_daemon.audio.source import Gap
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import Event, EventBuilder, ScoredWindow


@dataclass(frozen=True, slots=True)
class Found:
    """An event and the missing sound around it.

    Attributes:
        event: samples at the model's rate.
        gaps: gaps, known when the event closed, that lie within one window of it: the call may have gone on there.
        backend: name of the backend that gave the event's peak its score; a fallback may have taken over since.
        call: the call in it, samples counted from the event's begin; None where no contour was found.
        part: of an event that held several calls, which of them this is, from 1.
        parts: how many calls that event held.
    """

    event: Event
    gaps: tuple[Gap, ...]
    backend: str
    call: TrackedCall | None = None
    part: int = 1
    parts: int = 1


class EventFinder:
    """Finds the events of one stream.

    Args:
        rules: how scores become events.
        window: samples in a window, at the model's rate.
        hop: samples from one window to the next.
        rate: the model's samples per second.
        short_streams: as `EventBuilder` has it.

    Raises:
        ConfigError: the rules cannot be met with this hop.
    """

    def __init__(self, rules: EventRules, window: int, hop: int, rate: int, *, short_streams: bool = False) -> None:
        self._window = window
        self._builder = EventBuilder(rules, window, hop, rate, short_streams=short_streams)
        self._recent_gaps: deque[Gap] = deque(maxlen=16)  # more within a window say no more
        self._scored_by: deque[tuple[int, str]] = deque(maxlen=16)  # backends in turn, each with its first window

    @property
    def rules(self) -> EventRules:
        """Those in force."""
        return self._builder.rules

    def change(self, rules: EventRules) -> None:
        """Other rules from the next window on, as `EventBuilder.change` has it."""
        self._builder.change(rules)

    def scored_by(self, first: int, backend: str) -> bool:
        """Windows from the one at sample `first` on are scored by this backend; true if that is another than before."""
        if self._scored_by and self._scored_by[-1][1] == backend:
            return False
        self._scored_by.append((first, backend))
        return True

    @property
    def least_score(self) -> float:
        """Windows of a lower score belong to no event, whatever came before them."""
        return self._builder.least_score

    @property
    def open_from(self) -> int | None:
        """First sample of the event in the making, which may come to nothing; None without one."""
        return self._builder.open_from

    @property
    def settled(self) -> bool:
        """As `EventBuilder` has it."""
        return self._builder.settled

    def push(self, window: ScoredWindow) -> list[Found]:
        """Take the next window; return what it completes.

        Raises:
            ValueError: the window's cell overlaps one already seen.
        """
        return self._found(self._builder.push(window))

    def gap(self, gap: Gap) -> list[Found]:
        """Take a gap: no event reaches across it."""
        self._recent_gaps.append(gap)
        return self._found(self._builder.gap(gap.start, seam=gap.seam))

    def forget(self) -> None:
        """As `EventBuilder` has it."""
        self._builder.forget()

    def finish(self) -> list[Found]:
        """The sound has ended: close the open event."""
        return self._found(self._builder.finish())

    def _found(self, events: list[Event]) -> list[Found]:
        return [Found(event, self._near(event), self._backend(event)) for event in events]

    def _near(self, event: Event) -> tuple[Gap, ...]:
        begin, end = event.begin - self._window, event.end + self._window
        return tuple(gap for gap in self._recent_gaps if gap.end > begin and gap.start < end)

    def _backend(self, event: Event) -> str:
        turns = reversed(self._scored_by)
        return next((name for first, name in turns if first <= event.peak_start), self._scored_by[0][1])
