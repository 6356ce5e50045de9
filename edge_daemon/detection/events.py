"""From a row of scores to events.

The network gives one score per window, and windows overlap: a single call lifts three or four neighbours. An analyst
wants one line per call. Four ideas turn scores into events:

* **Cell.** Windows are longer than the hop between them, so each window speaks only for the hop around its centre, its
  *cell*. Cells tile time without overlap, and so do events, which are made of whole cells.
* **Hysteresis.** An event needs a window that reaches `threshold`, but its edges reach out to neighbours that still
  reach `threshold_low`; a score that trembles around one threshold would otherwise break a call into pieces.
* **Context.** With `context_s`, what the minutes before held raises a window's score first (`call_context.py`); all
  scores of an event are such ones.
* **Rules.** A window that reaches `threshold` ends up in exactly one event, unless its run is too short (`min_windows`)
  or lies inside the refractory time.

The builder is a pure state machine: no clock, no threads; the same scores give the same events.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_daemon.detection.call_context import CallContext, least_score, raised
from edge_daemon.detection.event_rules import EventRules
from edge_daemon.errors import ConfigError

MOST_KEPT = 4096
"""Windows that an event remembers one by one."""


@dataclass(frozen=True, slots=True)
class ScoredWindow:
    """One window's verdict.

    Attributes:
        start: index of its first sample, at the model's rate.
        score: probability of a call, 0…1.
        band: (low, high) in Hz in which something stood out, or None where that was not looked at.
    """

    start: int
    score: float
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class EventWindow:
    """A window of an event.

    Attributes:
        window: with its score as the rules' context raised it.
        middle: sample in the middle of its cell.
    """

    window: ScoredWindow
    middle: int


@dataclass(frozen=True, slots=True)
class Event:
    """One call, or one run of calls too close to be told apart.

    Attributes:
        begin: index of the first sample, at the model's rate.
        end: index of the sample after the last one.
        peak_score: highest window score, as the rules' context raised it, like the next one.
        peak_start: first sample of the (first) window that has it.
        mean_score: mean score of the windows at or above threshold_low.
        windows: number of those windows.
        low_hz: lower edge of the band in which the call stood out in the peak window, or None if unknown.
        high_hz: its upper edge.
        own: those windows, `MOST_KEPT` at most; kept for parting the event by its calls, and told to nobody.
    """

    begin: int
    end: int
    peak_score: float
    peak_start: int
    mean_score: float
    windows: int
    low_hz: float | None
    high_hz: float | None
    own: tuple[EventWindow, ...] = field(default=(), compare=False, repr=False)


@dataclass(slots=True)
class _Run:
    """The event in the making."""

    begin: int
    end: int
    continues: bool  # the part before it, cut off at the maximum length, was an event
    windows: int = 0
    total: float = 0.0
    peak: ScoredWindow | None = None
    own: list[EventWindow] = field(default_factory=list)

    def add(self, window: ScoredWindow, begin: int, end: int) -> None:
        self.end = end
        self.windows += 1
        self.total += window.score
        if len(self.own) < MOST_KEPT:
            self.own.append(EventWindow(window, (begin + end) // 2))
        if self.peak is None or window.score > self.peak.score:
            self.peak = window


class EventBuilder:
    """Builds events from windows pushed in order of time.

    Args:
        rules: thresholds and durations.
        window: samples per window.
        hop: samples between successive windows, 1…window.
        rate: samples per second, which turns the rules' seconds into samples.
        short_streams: a stream that has ended with fewer windows than `min_windows` is judged by those it has
            (recordings: the rule could never be met in one that is a window long).

    Raises:
        ConfigError: the rules cannot be met with this hop.
    """

    def __init__(self, rules: EventRules, window: int, hop: int, rate: int, *, short_streams: bool = False) -> None:
        if not 1 <= hop <= window:
            raise ConfigError(
                f"The hop of {hop} samples is outside 1…{window}, the length of a window.",
                "Choose a hop no longer than the window, or sound between windows would go unheard.",
            )
        self._short_streams = short_streams
        self._pushed = 0  # windows of the stream, up to min_windows
        self._hop, self._rate = hop, rate
        self._window, self._lead = window, (window - hop) // 2
        self._run: _Run | None = None
        self._alone: _Run | None = None  # all windows of a stream that is too short so far, with a gap behind them
        self._quiet_until: int | None = None
        self._frontier: int | None = None
        self.rules = rules
        self._context: CallContext | None = None
        self._loud_to: int | None = None  # end of the last cell that could belong to an event, whether it did or not
        self.change(rules)

    def change(self, rules: EventRules) -> None:
        """Other rules from the next window on; an event in the making goes on, and is judged by them when it ends.

        Raises:
            ConfigError: the rules cannot be met with this hop; then the former ones stay.
        """
        longest, hop, rate = round(rules.max_length_s * self._rate), self._hop, self._rate
        if longest < rules.min_windows * hop:
            raise ConfigError(
                f"An event of at least {rules.min_windows} windows lasts {rules.min_windows * hop / rate} s "
                f"or more, but max_length_s is {rules.max_length_s}.",
                "Raise max_length_s, or lower min_windows or the hop.",
            )
        memory = round(rules.context_s * rate)
        if not memory:
            self._context = None
        elif self._context is None:
            self._context = CallContext(memory, self._window, hop)
        else:
            self._context.remember(memory)
        self.rules = rules
        self._longest = longest
        self._merge = round(rules.merge_gap_s * rate)
        self._refractory = round(rules.refractory_s * rate)

    @property
    def least_score(self) -> float:
        """Windows of a lower score belong to no event, whatever came before them."""
        low = self.rules.threshold_low
        return low if self._context is None else least_score(low)

    @property
    def open_from(self) -> int | None:
        """First sample of the run in the making; None without one."""
        run = self._run or self._alone
        return None if run is None else run.begin

    @property
    def settled(self) -> bool:
        """Whether from here on events are the same for whoever has not seen the windows before, but for their gaps.

        With context, for whoever has seen as many of them as it remembers.
        """
        if self._frontier is None or self._loud_to is None:
            return self.open_from is None
        return self._frontier - self._loud_to > self._merge + self._refractory

    def push(self, window: ScoredWindow) -> list[Event]:
        """Take the next window; return the events that it completes.

        Raises:
            ValueError: the window's cell overlaps one already seen.
        """
        begin = window.start + self._lead
        end = begin + self._hop
        if self._frontier is not None and begin < self._frontier:
            raise ValueError(f"window at sample {window.start} comes less than a hop after the one before")
        self._frontier = end
        self._pushed = min(self._pushed + 1, self.rules.min_windows)
        self._alone = None
        if self._context is not None:
            window = replace(window, score=raised(window.score, self._context.factor(window.start, window.score)))
        if window.score >= self.rules.threshold_low:
            self._loud_to = end
            return self._extend(window, begin, end)
        # The next window can begin no earlier than this cell's end, so the pause is known to be too long now.
        if self._run is not None and end - self._run.end > self._merge:
            return self._close(self._run)
        return []

    def forget(self) -> None:
        """Windows from here on are judged as if none had come before, by context; events go on."""
        if self._context is not None:
            self._context.forget()

    def gap(self, start: int, *, seam: bool = False) -> list[Event]:
        """Sound is missing from sample `start` on: close the open run, since none reaches across a gap.

        Args:
            start: sample.
            seam: sound goes on at that sample, after a pause that samples do not count.
        """
        if seam:
            self.forget()
        if not self._refractory:
            self._loud_to = None
        if self._run is not None and start < self._run.end:
            if start <= self._run.end - self._hop:
                raise ValueError(f"gap at sample {start} lies inside sound already scored")
            self._run.end = start  # the last cell reached over a seam
        if self._run is None:
            return []
        if self._short_streams and self._run.windows == self._pushed < self.rules.min_windows:
            self._alone, self._run = self._run, None  # an event, if nothing follows the gap
            return []
        return self._close(self._run)

    def finish(self) -> list[Event]:
        """Close the open run: the sound has ended."""
        run = self._run or self._alone
        enough = self._pushed if self._short_streams else self.rules.min_windows
        return [] if run is None else self._close(run, enough)

    def _extend(self, window: ScoredWindow, begin: int, end: int) -> list[Event]:
        closed: list[Event] = []
        if self._run is not None and begin - self._run.end > self._merge:
            closed = self._close(self._run)
        run = self._run
        if run is None:
            if self._quiet_until is not None and begin < self._quiet_until:
                return closed
            run = _Run(begin, end, continues=False)
        elif end - run.begin > self._longest:
            closed = self._close(run)
            run = _Run(begin, end, continues=bool(closed) or run.continues)
        run.add(window, begin, end)
        self._run = run
        return closed

    def _close(self, run: _Run, enough: int | None = None) -> list[Event]:
        self._run = None
        if run.peak is None or run.peak.score < self.rules.threshold:
            return []
        # A part cut off at the maximum length need not be long enough by itself: its event already was.
        if run.windows < (self.rules.min_windows if enough is None else enough) and not run.continues:
            return []
        self._quiet_until = run.end + self._refractory
        low, high = run.peak.band if run.peak.band is not None else (None, None)
        mean = run.total / run.windows
        peak, own = run.peak, tuple(run.own)
        return [Event(run.begin, run.end, peak.score, peak.start, mean, run.windows, low, high, own)]
