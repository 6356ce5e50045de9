"""Events from stored scores are those that the daemon's builder makes when it is given every window and every gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import Event, EventBuilder, ScoredWindow
from tests.train.evaluation.conftest import HOP, RATE, WINDOW, scored
from train.evaluation.events import events_of, spans_of
from train.evaluation.scores import Scores


def as_the_daemon_does(found: Scores, rules: EventRules) -> list[Event]:
    """Windows and gaps one by one, in order of time."""
    builder = EventBuilder(rules, found.window, found.hop, found.rate, short_streams=True)
    pieces = [(start, score) for start, score in zip(found.starts.tolist(), found.scores.tolist(), strict=True)]
    events: list[Event] = []
    for start, score in sorted([*pieces, *((gap, None) for gap in found.gaps.tolist())], key=lambda piece: piece[0]):
        if score is None:
            events += builder.gap(start, seam=start in found.seams)
        else:
            events += builder.push(ScoredWindow(start, score))
    return events + builder.finish()


def test_an_event_by_hand() -> None:
    rules = EventRules(threshold=0.7, threshold_low=0.5, min_windows=2, merge_gap_s=0.5)
    found = scored({10.0: 0.62, 10.5: 0.75, 11.5: 0.5, 20.0: 0.9, 30.0: 0.4, 30.5: 0.9}, 60.0)
    [event] = events_of(found, rules)
    # cells from 9.75 to 11.75 s; the pause at 11 s is not too long, the one window at 20 s is too few
    np.testing.assert_allclose(spans_of([event], RATE), [[9.75, 11.75]])
    assert event.windows == 3
    assert event.peak_score == 0.75


def test_the_highest_score_is_the_rules() -> None:
    found = scored({1.0: 0.9, 1.5: 0.9, 10.0: 0.3}, 60.0)
    assert found.highest(9.5, 10.5) == pytest.approx(0.3)
    # windows of 0 had no sound: two of sixty hold 0.9 of a call, 58 are as usual
    share = (1.8 + 58 * 0.02) / 60
    odds = 0.3 / 0.7 * share / (1 - share) * 49
    assert found.highest(9.5, 10.5, 30.0) == pytest.approx(odds / (1 + odds), rel=1e-5)


def test_no_event_reaches_across_a_gap() -> None:
    rules = EventRules(threshold=0.7, threshold_low=0.5, min_windows=1)
    found = scored({10.0: 0.9, 12.5: 0.9, 13.0: 0.9}, 60.0, gaps_s=(11.0, 40.0))
    np.testing.assert_allclose(spans_of(events_of(found, rules), RATE), [[9.75, 10.25], [12.25, 13.25]])
    assert spans_of([], RATE).shape == (0, 2)


@st.composite
def recordings(draw: st.DrawFn) -> Scores:
    """Stretches of windows with gaps between them, as the pipeline gives them."""
    starts: list[int] = []
    gaps: list[int] = []
    at = 0
    for length in draw(st.lists(st.integers(0, 12), min_size=1, max_size=4)):
        starts += [at + HOP * number for number in range(length)]
        at = (starts[-1] if length else at) + (WINDOW if length else 0)
        gaps += [at] * draw(st.integers(1, 2))  # a tail, then the gap itself
        at += draw(st.integers(1, 3 * HOP))
    values = draw(st.lists(st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.7, 0.9]), min_size=len(starts), max_size=len(starts)))
    seams = sorted(draw(st.sets(st.sampled_from(gaps))))
    at, missing, seam = (np.array(samples, np.int64) for samples in (starts, gaps, seams))
    return Scores(at, np.array(values, np.float32), missing, WINDOW, HOP, RATE, seams=seam)


RULES = st.builds(
    lambda low, more, **others: EventRules(threshold_low=low, threshold=low + more, **others),
    low=st.sampled_from([0.0, 0.2, 0.3, 0.5]),
    more=st.sampled_from([0.0, 0.2, 0.4]),
    min_windows=st.integers(1, 3),
    merge_gap_s=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    max_length_s=st.sampled_from([1.5, 2.0, 60.0]),
    refractory_s=st.sampled_from([0.0, 1.0]),
    context_s=st.sampled_from([0.0, 30.0, 60.0]),
)


@given(recordings(), RULES)
def test_events_are_the_daemons(found: Scores, rules: EventRules) -> None:
    assert events_of(found, rules) == as_the_daemon_does(found, rules)
