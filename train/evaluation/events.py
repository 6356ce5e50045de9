"""From scores to events, by the daemon's own `EventBuilder`, for any rules without asking the network again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import Event, EventBuilder, ScoredWindow
from train.evaluation.scores import Scores


def events_of(scored: Scores, rules: EventRules) -> list[Event]:
    """The events that rules make of a recording's scores, in order of time.

    Windows below `threshold_low` say nothing but that time goes on, which the next window says as well, so they are
    left out: a grid of rules takes a tenth of the time. A recording that has fewer windows than `min_windows` is judged
    by those it has, as replay does, so all of them count.
    """
    short = len(scored.starts) < rules.min_windows
    alone = rules.model_copy(update={"context_s": 0.0})  # the scores have it
    builder = EventBuilder(alone, scored.window, scored.hop, scored.rate, short_streams=short)
    raised = scored.in_context(rules.context_s)
    high = (raised >= rules.threshold_low) | short
    starts, scores = scored.starts[high], raised[high]
    events: list[Event] = []
    first = 0
    for gap, last in zip(scored.gaps.tolist(), np.searchsorted(starts, scored.gaps).tolist(), strict=True):
        events += _push(builder, starts[first:last], scores[first:last])
        events += builder.gap(gap)
        first = last
    events += _push(builder, starts[first:], scores[first:]) + builder.finish()
    look = scored.event_calls
    return events if look is None else [part for event in events for part in look.told(event, rules.min_rise_hz)]


def _push(builder: EventBuilder, starts: NDArray[np.int64], scores: NDArray[np.float64]) -> list[Event]:
    pushed = map(ScoredWindow, starts.tolist(), scores.tolist())
    return [event for window in pushed for event in builder.push(window)]


def spans_of(events: list[Event], rate: int) -> NDArray[np.float64]:
    """Begins and ends of events in seconds, float64 [events, 2]."""
    return np.array([(event.begin, event.end) for event in events], np.float64).reshape(-1, 2) / rate
