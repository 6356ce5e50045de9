"""From the pieces of a stream, in order, to the results of its recordings: each event stands where it begins.

The events of a stream are found here, over all its pieces, by the same rules as in the pipeline. So one call on a cut
is one event, and it does not matter how the stream was cut into pieces. A recording's result is given when no event can
begin in it any more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from edge_daemon.audio.source import Gap
from edge_daemon.detection.call_tracker import by_call
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.detector import DetectorPlan
from edge_daemon.detection.event_finder import EventFinder, Found
from edge_daemon.detection.events import ScoredWindow
from edge_daemon.replay.heard import HeardPiece, HeardRun
from edge_daemon.replay.result import ReplayResult

if TYPE_CHECKING:
    from edge_daemon.detection.document import ReceivedLevel

_NO_END = 1 << 62

Placed = tuple[int, ReplayResult]
"""A result, with the index of its recording in the run."""


@dataclass(slots=True)
class _Member:
    """A recording of the stream, from sample `begin` to `end` at the model's rate."""

    place: int
    result: ReplayResult
    begin: int
    end: int


class StreamEvents:
    """Takes the pieces of one stream.

    Args:
        plan: how events are found.
        calibrated: results have received levels.
        scores: results keep the score of every window.

    Attributes:
        handed_over: the last piece was heard on into the next one.
    """

    def __init__(self, plan: DetectorPlan, *, calibrated: bool, scores: bool) -> None:
        self._plan, self._calibrated, self._scores = plan, calibrated, scores
        self._rate = plan.model.metadata.frontend.sample_rate
        self._reach = (plan.model.metadata.frontend.window + plan.hop) // 2  # from a window to the end of its cell
        self._finder: EventFinder | None = None
        self._open: deque[_Member] = deque()
        self._early: list[Found] = []  # events that begin in the next piece
        self._beyond: list[HeardRun] = []  # the run that reaches into the next piece
        self._levels: dict[tuple[int, int], ReceivedLevel | None] = {}
        self._calls: dict[tuple[int, int], tuple[TrackedCall, ...]] = {}
        self.handed_over = False

    def add(self, heard: HeardPiece) -> Iterator[Placed]:
        """Take the next piece; give the results that are complete."""
        members = self._members(heard)
        goes_on = heard.piece.continues and bool(heard.runs) and heard.runs[0].first == 0
        if not goes_on:
            yield from self._end()
        self.handed_over = heard.hands_over
        edges = [run.first for run in heard.runs]
        for member in members[: edges[0] if edges else None]:
            yield member.place, member.result
        for run, edge in zip(heard.runs, [*edges[1:], len(members)], strict=False):  # no run where all have failed
            last = run is heard.runs[-1]
            if run is not heard.runs[0]:
                yield from self._end()
            if self._finder is None:
                self._finder = self._plan.event_finder()
            heard_here = [member for member in members[run.first : edge] if member.result.error is None]
            if heard_here and not (last and heard.hands_over):
                heard_here[-1].end = _NO_END  # whatever its header said
            if any(before.anew for before in self._beyond):
                self._finder.forget()
            self._share_out([*self._beyond, run], heard_here)
            self._open.extend(heard_here)
            self._beyond = [run] if last and heard.hands_over else []
            yield from self._hear(self._finder, run)
            for member in members[run.first : edge]:
                if member.result.error is not None:
                    yield member.place, member.result
        if not heard.hands_over:
            yield from self._end()

    def _members(self, heard: HeardPiece) -> list[_Member]:
        piece = heard.piece
        lengths = piece.lengths or (0,) * len(piece.places)
        edges = [-(-at * self._rate // max(1, piece.rate)) for at in accumulate(lengths, initial=piece.offset)]
        return [
            _Member(place, result, begin, end)
            for place, result, (begin, end) in zip(piece.places, heard.results, pairwise(edges), strict=True)
        ]

    def _hear(self, finder: EventFinder, run: HeardRun) -> Iterator[Placed]:
        for begin, end, level in run.levels:
            self._levels.setdefault((begin, end), level)
        for begin, end, calls in run.calls:
            self._calls.setdefault((begin, end), calls)
        early, self._early = self._early, []
        for found in early:
            self._place(found)
        for found in _found(finder, run):
            self._place_calls(found)
        if len(run.starts):
            frontier = int(run.starts[-1]) + self._reach
            yield from self._close(frontier if finder.open_from is None else min(frontier, finder.open_from))

    def _end(self) -> Iterator[Placed]:
        """The run has ended: close the open event, and give all that is left."""
        found = [] if self._finder is None else self._finder.finish()
        if self._open:
            self._open[-1].end = _NO_END
            for one in self._early:
                self._place(one)
            for one in found:
                self._place_calls(one)
        self._finder, self._early, self._beyond, self.handed_over = None, [], [], False
        yield from self._close(_NO_END)
        self._levels.clear()
        self._calls.clear()

    def _close(self, until: int) -> Iterator[Placed]:
        """Give results in which no event can begin any more; the last one waits for what follows."""
        while self._open and self._open[0].end <= until and (len(self._open) > 1 or until == _NO_END):
            member = self._open.popleft()
            yield member.place, member.result
        if self._open:
            horizon = self._open[0].begin
            self._levels = {event: level for event, level in self._levels.items() if event[0] >= horizon}
            self._calls = {event: calls for event, calls in self._calls.items() if event[0] >= horizon}

    def _place_calls(self, found: Found) -> None:
        """Part an event as the pipeline does, and place what it gives."""
        calls = self._calls.pop((found.event.begin, found.event.end), ())
        told = by_call(found, calls, self._plan.rules.min_rise_hz)
        if not told and self._open:
            self._open[-1].result.not_rising += 1
        for one in told:
            self._place(one)

    def _place(self, found: Found) -> None:
        """Put an event into the recording in which it begins."""
        event = found.event
        if not self._open:  # its recording has failed
            return
        if event.begin >= self._open[-1].end:
            self._early.append(found)
            return
        member = next((one for one in self._open if event.begin < one.end), self._open[-1])
        by = member.begin
        moved = replace(event, begin=event.begin - by, end=event.end - by, peak_start=event.peak_start - by)
        gaps = tuple(replace(gap, start=gap.start - by) for gap in found.gaps)
        member.result.found.append(replace(found, event=moved, gaps=gaps))
        if self._calibrated:
            member.result.levels.append(self._levels.get((event.begin, event.end)))

    def _share_out(self, runs: Sequence[HeardRun], members: Sequence[_Member]) -> None:
        """Give each recording the windows that begin in it, and the parts of gaps that lie in it."""
        starts = np.concatenate([run.starts for run in runs])
        scores = np.concatenate([run.scores for run in runs])
        gaps = [gap for run in runs for gap in run.gaps]
        for member in members:
            result = member.result
            first, last = np.searchsorted(starts, (member.begin, member.end)).tolist()
            result.windows = last - first
            if self._scores:
                result.starts, result.scores = starts[first:last] - member.begin, scores[first:last]
            lost: Counter[str] = Counter()
            for gap in gaps:
                begin, end = max(gap.start, member.begin), min(gap.end, member.end)
                if begin < end:
                    result.gaps.append(Gap(begin - member.begin, end - begin, gap.cause))
                    lost[gap.cause] += end - begin
            result.lost_s = {cause: length / self._rate for cause, length in sorted(lost.items())}


def _found(finder: EventFinder, run: HeardRun) -> Iterator[Found]:
    """The events that a run completes, found as the pipeline finds them: a gap comes before the windows behind it."""
    gaps, backends = deque(run.gaps), deque(run.scored_by)
    bands = dict(zip(run.banded.tolist(), map(tuple, run.bands.tolist()), strict=True))
    for number, (start, score) in enumerate(zip(run.starts.tolist(), run.scores.tolist(), strict=True)):
        while gaps and gaps[0].start <= start:
            yield from finder.gap(gaps.popleft())
        while backends and backends[0][0] <= start:
            finder.scored_by(*backends.popleft())
        yield from finder.push(ScoredWindow(start, score, bands.get(number)))
    for gap in gaps:
        yield from finder.gap(gap)
