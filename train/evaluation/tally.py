"""What rules make of all recordings: calls found, and false events of each minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import Event
from train.evaluation.corpus import Corpus
from train.evaluation.events import events_of, spans_of
from train.evaluation.matching import Match, match
from train.evaluation.scores import Scores


@dataclass(frozen=True)
class RulesTally:
    """One set of rules on all recordings.

    Attributes:
        rules: how scores became events.
        found: bool [calls].
        paired: bool [calls], each event used for one call at most.
        false: int64 [minutes], false events of each.
        covered: share of the recordings that lies within events.
    """

    rules: EventRules
    found: NDArray[np.bool_]
    paired: NDArray[np.bool_]
    false: NDArray[np.int64]
    covered: float


def matched_events(
    corpus: Corpus, number: int, scored: Scores, rules: EventRules
) -> tuple[list[Event], NDArray[np.float64], Match]:
    """One recording's events, held against its calls.

    Where nobody listened, or nobody knows, an event is not false; nor is one that meets a marked call that does not
    count, because its middle was not listened to.

    Args:
        corpus: recordings and calls.
        number: of the recording.
        scored: its scores.
        rules: how scores become events.

    Returns:
        events, their begins and ends in seconds within the recording (float64 [events, 2]), and what they match.
    """
    events = events_of(scored, rules)
    # the one window of a recording shorter than a window reaches over its end
    spans_s = spans_of(events, scored.rate).clip(max=corpus.recordings[number].duration_s)
    matched = match(corpus.calls_s[corpus.calls_in(number)], spans_s)
    heard = corpus.minutes_at(number, spans_s) >= 0
    recording = corpus.recordings[number]
    excused = np.array(recording.calls + recording.doubtful, np.float64).reshape(-1, 2)
    false = match(excused, spans_s).false & heard
    return events, spans_s, replace(matched, false=false)


def tally(corpus: Corpus, scores: Sequence[Scores], rules: EventRules) -> RulesTally:
    """Count what rules give.

    Args:
        corpus: recordings and calls.
        scores: of each recording, in the corpus's order.
        rules: how scores become events.
    """
    found, paired = (np.zeros(len(corpus.calls_s), bool) for _ in range(2))
    false = np.zeros(len(corpus.minutes_s), np.int64)
    covered_s = 0.0
    for number, scored in enumerate(scores):
        _, spans_s, matched = matched_events(corpus, number, scored, rules)
        own = corpus.calls_in(number)
        found[own], paired[own] = matched.found, matched.paired
        np.add.at(false, corpus.minutes_at(number, spans_s[matched.false]), 1)
        covered_s += float((spans_s[:, 1] - spans_s[:, 0]).sum())
    whole_s = sum(recording.duration_s for recording in corpus.recordings)
    return RulesTally(rules, found, paired, false, covered_s / whole_s)
