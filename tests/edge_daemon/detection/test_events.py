"""Events from scores: traces computed by hand, and what must hold for any row of scores.

The hand-computed traces use a rate of 10 Hz, windows of 20 samples (2 s) and a hop of 5 (0.5 s), so the window that
starts at sample s speaks for the cell [s + 7, s + 12).
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_daemon.detection.event_rules import EventRules
from edge_daemon.detection.events import Event, EventBuilder, ScoredWindow
from edge_daemon.errors import ConfigError, ModelError
from edge_daemon.model.model_file import OperatingPoint

WINDOW, HOP, RATE = 20, 5, 10
LEAD = 7


def rules(**changes: float) -> EventRules:
    plain = {
        "threshold": 0.6,
        "threshold_low": 0.4,
        "min_windows": 1,
        "merge_gap_s": 0.0,
        "max_length_s": 1000.0,
        "refractory_s": 0.0,
    }
    return EventRules.model_validate({**plain, **changes})


def build(scores: list[float], chosen: EventRules, gaps: dict[int, int] | None = None) -> list[Event]:
    """Events of evenly hopped windows; `gaps` maps a window's number to samples missing just before it."""
    builder = EventBuilder(chosen, WINDOW, HOP, RATE)
    events: list[Event] = []
    start = 0
    for number, score in enumerate(scores):
        missing = (gaps or {}).get(number)
        if missing is not None:
            start += WINDOW - HOP  # the last window before the gap ends where the gap begins
            events += builder.gap(start)
            start += missing
        events += builder.push(ScoredWindow(start, score, band=(100.0 + number, 200.0 + number)))
        start += HOP
    return events + builder.finish()


def test_one_window_gives_its_cell() -> None:
    events = build([0.1, 0.7, 0.1], rules())
    assert events == [
        Event(begin=12, end=17, peak_score=0.7, peak_start=5, mean_score=0.7, windows=1, low_hz=101.0, high_hz=201.0)
    ]


def test_scores_of_an_event_are_raised_by_what_came_before() -> None:
    scores = [0.9, 0.1, 0.1, 0.1, 0.5]
    assert [event.peak_score for event in build(scores, rules())] == [0.9]
    first, last = build(scores, rules(context_s=30.0))  # sixty windows
    assert first.peak_score == 0.9  # judged as it sounds
    # the last one remembers 0.9 and 59 as usual: (0.9 + 59 · 0.02) / 60 = 0.034667, odds of 0.035912 against 1/49
    assert last.peak_score == last.mean_score == pytest.approx(1.759669 / 2.759669, rel=1e-5)
    assert (last.begin, last.low_hz) == (27, 104.0)


def after_a_call(
    *, changed: EventRules | None = None, seam: bool | None = None, forgotten: bool = False
) -> list[Event]:
    """The event, if any, that a window of 0.5 makes after one of 0.9."""
    builder = EventBuilder(rules(context_s=30.0), WINDOW, HOP, RATE)
    builder.push(ScoredWindow(0, 0.9))
    if changed is not None:
        builder.change(changed)
    if seam is not None:
        builder.gap(20, seam=seam)
    if forgotten:
        builder.forget()
    return [event for event in [*builder.push(ScoredWindow(20, 0.5)), *builder.finish()] if event.begin > 20]


def test_when_context_begins_anew() -> None:
    assert len(after_a_call()) == 1
    assert len(after_a_call(changed=rules(min_windows=1, context_s=30.0))) == 1
    assert len(after_a_call(changed=rules(context_s=31.0))) == 1  # another memory keeps what is remembered
    assert after_a_call(changed=rules(context_s=60.0)) == []  # one call in a minute says less
    assert after_a_call(changed=rules()) == []
    assert len(after_a_call(seam=False)) == 1
    assert after_a_call(seam=True) == []  # nobody knows how long the pause was
    assert after_a_call(forgotten=True) == []


def test_a_context_of_a_few_windows_is_refused() -> None:
    with pytest.raises(ValidationError, match="0, or from 30 to 600 s"):
        rules(context_s=5.0)


@given(st.lists(st.floats(0, 1, width=32), max_size=60), st.sampled_from([0.1, 0.3, 0.6]))
def test_context_loses_no_event_and_none_has_a_window_below_the_least_score(scores: list[float], low: float) -> None:
    chosen, alone = rules(threshold_low=low, context_s=30.0), rules(threshold_low=low)
    found = build(scores, chosen)
    for event in build(scores, alone):
        assert any(other.begin <= event.begin and event.end <= other.end for other in found)
    least = EventBuilder(chosen, WINDOW, HOP, RATE).least_score
    for event in found:
        assert all(scores[window.window.start // HOP] >= least for window in event.own)
    assert EventBuilder(alone, WINDOW, HOP, RATE).least_score == low


def test_an_event_ends_at_a_seam_that_its_last_cell_reaches_over() -> None:
    builder = EventBuilder(rules(), WINDOW, HOP, RATE)
    assert builder.push(ScoredWindow(5, 0.7)) == []
    assert builder.push(ScoredWindow(10, 0.8)) == []  # speaks for 17 … 22
    (event,) = builder.gap(19)
    assert (event.begin, event.end, event.windows) == (12, 19, 2)
    builder.push(ScoredWindow(19, 0.9))
    with pytest.raises(ValueError, match="lies inside"):
        builder.gap(26)


def short(scores: list[float], min_windows: int, gap_behind: bool = False) -> list[tuple[int, int]]:
    """Begin and end of the events of a recording that has just these windows."""
    builder = EventBuilder(rules(min_windows=min_windows), WINDOW, HOP, RATE, short_streams=True)
    events = [event for number, score in enumerate(scores) for event in builder.push(ScoredWindow(number * HOP, score))]
    events += builder.gap(len(scores) * HOP + WINDOW) if gap_behind else []
    return [(event.begin, event.end) for event in events + builder.finish()]


@pytest.mark.parametrize("gap_behind", [False, True])
def test_a_recording_with_fewer_windows_than_asked_for_is_judged_by_those_it_has(gap_behind: bool) -> None:
    assert short([0.7], 2, gap_behind) == [(7, 12)]
    assert short([0.5], 2, gap_behind) == []  # below threshold
    assert short([0.7, 0.5], 3, gap_behind) == [(7, 17)]
    assert short([0.7, 0.3], 3, gap_behind) == []  # not all of its windows
    assert short([0.3, 0.7], 2, gap_behind) == []  # two windows: the rule can be met, and is not


def test_a_short_piece_within_a_recording_is_held_to_the_rule() -> None:
    builder = EventBuilder(rules(min_windows=2), WINDOW, HOP, RATE, short_streams=True)
    events = builder.push(ScoredWindow(0, 0.9)) + builder.gap(20)
    events += builder.push(ScoredWindow(40, 0.9)) + builder.gap(60) + builder.finish()
    assert events == []


def test_a_stream_that_is_no_recording_is_held_to_the_rule() -> None:
    assert build([0.9], rules(min_windows=2)) == []


def test_hysteresis_reaches_out_to_the_low_threshold() -> None:
    #             0    5    10   15   20   25
    events = build([0.3, 0.4, 0.9, 0.5, 0.39, 0.1], rules())
    assert events == [Event(12, 27, 0.9, 10, pytest.approx(0.6), 3, 102.0, 202.0)]


def test_a_run_that_never_reaches_the_threshold_is_no_event() -> None:
    events = build([0.5, 0.59, 0.5], rules())
    assert events == []


def test_thresholds_are_reached_when_equal() -> None:
    events = build([0.4, 0.6, 0.4], rules())
    assert [(e.begin, e.end, e.windows) for e in events] == [(7, 22, 3)]


def test_first_of_equal_peaks() -> None:
    events = build([0.7, 0.8, 0.8], rules())
    assert events[0].peak_start == 5
    assert events[0].low_hz == 101.0


def test_min_windows_counts_low_windows() -> None:
    events = build([0.7, 0.1, 0.7, 0.5, 0.1, 0.8, 0.1], rules(min_windows=2))
    assert [(e.begin, e.end) for e in events] == [(17, 27)]


def test_merging_bridges_a_pause_up_to_the_limit() -> None:
    scores = [0.7, 0.1, 0.7, 0.1, 0.1, 0.7]  # pauses of one cell (0.5 s) and of two (1 s)
    events = build(scores, rules(merge_gap_s=0.5))
    assert [(e.begin, e.end, e.windows) for e in events] == [(7, 22, 2), (32, 37, 1)]
    events = build(scores, rules(merge_gap_s=1.0))
    assert [(e.begin, e.end, e.windows) for e in events] == [(7, 37, 3)]
    events = build(scores, rules(merge_gap_s=0.4))
    assert len(events) == 3


def test_the_mean_leaves_out_the_windows_of_a_bridged_pause() -> None:
    events = build([0.8, 0.0, 0.6], rules(merge_gap_s=0.5))
    assert events[0].mean_score == pytest.approx(0.7)


def test_an_event_is_ready_as_soon_as_the_pause_is_too_long() -> None:
    builder = EventBuilder(rules(merge_gap_s=0.5), WINDOW, HOP, RATE)
    assert builder.push(ScoredWindow(0, 0.9)) == []
    assert builder.push(ScoredWindow(5, 0.1)) == []
    assert len(builder.push(ScoredWindow(10, 0.1))) == 1


def test_maximum_length_splits_into_consecutive_events() -> None:
    events = build([0.7, 0.9, 0.7, 0.8, 0.7], rules(max_length_s=1.0))
    assert [(e.begin, e.end, e.windows, e.peak_score) for e in events] == [
        (7, 17, 2, 0.9),
        (17, 27, 2, 0.8),
        (27, 32, 1, 0.7),
    ]


def test_a_split_part_need_not_have_the_minimum_number_of_windows() -> None:
    events = build([0.7, 0.7, 0.7], rules(max_length_s=1.0, min_windows=2))
    assert [(e.begin, e.end) for e in events] == [(7, 17), (17, 22)]


def test_a_split_part_is_not_held_back_by_the_refractory_time() -> None:
    events = build([0.7] * 4, rules(max_length_s=1.0, refractory_s=5.0))
    assert [(e.begin, e.end) for e in events] == [(7, 17), (17, 27)]


def test_a_split_part_without_a_high_window_is_no_event() -> None:
    events = build([0.7, 0.5, 0.5, 0.5, 0.5, 0.8], rules(max_length_s=1.0, min_windows=2))
    assert [(e.begin, e.end) for e in events] == [(7, 17), (27, 37)]


def test_the_refractory_time_suppresses() -> None:
    # event ends at 12; until 12 + 10 = 22 no new one starts: cells that begin at 12 and 17 are suppressed, 22 is not
    events = build([0.9, 0.1, 0.8, 0.7, 0.1], rules(refractory_s=1.0))
    assert [(e.begin, e.end) for e in events] == [(7, 12), (22, 27)]


def test_rejected_runs_start_no_refractory_time() -> None:
    events = build([0.9, 0.1, 0.8, 0.7, 0.1], rules(refractory_s=10.0, min_windows=2))
    assert [(e.begin, e.end) for e in events] == [(17, 27)]


def test_a_gap_closes_the_open_run() -> None:
    events = build([0.7, 0.7, 0.7], rules(merge_gap_s=100.0), gaps={2: 30})
    # third window starts at 5 + 20 + 30 = 55
    assert [(e.begin, e.end) for e in events] == [(7, 17), (62, 67)]


def test_finish_twice_gives_nothing_more() -> None:
    builder = EventBuilder(rules(), WINDOW, HOP, RATE)
    builder.push(ScoredWindow(0, 0.9))
    assert len(builder.finish()) == 1
    assert builder.finish() == []


def test_windows_must_come_in_order() -> None:
    builder = EventBuilder(rules(), WINDOW, HOP, RATE)
    builder.push(ScoredWindow(10, 0.9))
    with pytest.raises(ValueError, match="window at sample 14"):
        builder.push(ScoredWindow(14, 0.9))
    with pytest.raises(ValueError, match="gap at sample 11"):
        builder.gap(11)


def test_cells_tile_time_with_an_odd_hop_too() -> None:
    builder = EventBuilder(rules(merge_gap_s=0.0, max_length_s=0.7), 20, 7, 10)
    events = [e for start in (0, 7, 14) for e in builder.push(ScoredWindow(start, 0.9))] + builder.finish()
    assert [(e.begin, e.end) for e in events] == [(6, 13), (13, 20), (20, 27)]


@pytest.mark.parametrize("hop", [0, 21])
def test_impossible_hops_are_refused(hop: int) -> None:
    with pytest.raises(ConfigError, match="hop"):
        EventBuilder(rules(), WINDOW, hop, RATE)


def test_rules_that_no_event_can_meet_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_length_s"):
        EventBuilder(rules(min_windows=3, max_length_s=1.4), WINDOW, HOP, RATE)


def test_the_low_threshold_must_not_be_above_the_high_one() -> None:
    with pytest.raises(ValidationError, match="threshold_low"):
        EventRules(threshold=0.5, threshold_low=0.51)


POINT = OperatingPoint(threshold=0.6, threshold_low=0.4, min_windows=2)


def test_rules_of_a_model() -> None:
    chosen = EventRules.for_model(POINT)
    assert (chosen.threshold, chosen.threshold_low, chosen.min_windows) == (0.6, 0.4, 2)
    assert chosen.merge_gap_s == EventRules().merge_gap_s
    assert chosen.context_s == 0.0


def test_a_models_context_can_be_switched_off() -> None:
    point = POINT.model_copy(update={"context_s": 300.0})
    assert EventRules.for_model(point).context_s == 300.0
    assert EventRules.for_model(point, context_s=0.0).context_s == 0.0


def test_choices_go_over_the_models_rules() -> None:
    chosen = EventRules.for_model(POINT, threshold=0.9, min_windows=None, merge_gap_s=3.0)
    assert (chosen.threshold, chosen.threshold_low, chosen.min_windows, chosen.merge_gap_s) == (0.9, 0.4, 2, 3.0)


def test_a_lower_threshold_takes_the_low_one_along() -> None:
    chosen = EventRules.for_model(POINT, threshold=0.2)
    assert (chosen.threshold, chosen.threshold_low) == (0.2, 0.2)


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"threshold": 1.5}, r"^detection\.threshold cannot be used: Input should be less than or equal to 1"),
        ({"threshold_low": 0.7}, r"^detection\.threshold_low is 0\.7, above the model's threshold \(0\.6\)"),
        ({"threshold": 0.5, "threshold_low": 0.7}, r"^detection\.threshold_low is 0\.7, above threshold \(0\.5\)"),
        ({"context_s": 5.0}, r"^detection\.context_s cannot be used: .*0, or from 30 to 600 s"),
        ({"colour": 1.0}, r"^detection\.colour"),
    ],
)
def test_impossible_choices_are_refused(choice: dict[str, float], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        EventRules.for_model(POINT, **choice)


def test_a_rule_of_the_models_own_that_cannot_be_is_the_models_fault() -> None:
    point = POINT.model_copy(update={"context_s": 10.0})
    with pytest.raises(ModelError, match=r"^The model asks for context_s 10\.0, which cannot be used"):
        EventRules.for_model(point)
    assert EventRules.for_model(point, context_s=60.0).context_s == 60.0


SCORES = st.lists(st.one_of(st.sampled_from([0.0, 0.3, 0.4, 0.5, 0.6, 0.9]), st.floats(0.0, 1.0)), max_size=60)
ANY_RULES = st.builds(
    rules,
    min_windows=st.integers(1, 4),
    merge_gap_s=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    max_length_s=st.sampled_from([2.0, 2.6, 3.0, 1000.0]),
    refractory_s=st.sampled_from([0.0, 0.5, 1.3, 5.0]),
)
GAPS = st.dictionaries(st.integers(1, 59), st.integers(0, 60), max_size=4)


def starts_of(count: int, gaps: dict[int, int]) -> list[int]:
    starts, start = [], 0
    for number in range(count):
        if number in gaps:
            start += WINDOW - HOP + gaps[number]
        starts.append(start)
        start += HOP
    return starts


@given(SCORES, ANY_RULES, GAPS)
def test_any_scores(scores: list[float], chosen: EventRules, gaps: dict[int, int]) -> None:
    events = build(scores, chosen, gaps)
    for event in events:
        assert event.begin < event.end
        assert event.end - event.begin <= chosen.max_length_s * RATE
        assert event.peak_score >= chosen.threshold
        assert event.windows >= 1
        assert chosen.threshold_low - 1e-9 <= event.mean_score <= event.peak_score + 1e-9
        assert event.begin <= event.peak_start + LEAD < event.end
    for before, after in pairwise(events):
        assert before.end <= after.begin
    cells = [(s + LEAD, s + LEAD + HOP) for s in starts_of(len(scores), gaps)]
    above = [c for c, score in zip(cells, scores, strict=True) if score >= chosen.threshold]
    inside = [sum(e.begin <= b and end <= e.end for e in events) for b, end in above]
    assert set(inside) <= {0, 1}
    if chosen.min_windows == 1 and chosen.refractory_s == 0:
        assert set(inside) <= {1}


def plain_events(scores: list[float], starts: list[int], chosen: EventRules) -> list[tuple[int, int, int, float]]:
    """The definition written down for whole rows, without splitting, refractory time and gaps."""
    groups: list[list[int]] = []
    for number, score in enumerate(scores):
        if score < chosen.threshold_low:
            continue
        if groups and starts[number] - starts[groups[-1][-1]] - HOP <= round(chosen.merge_gap_s * RATE):
            groups[-1].append(number)
        else:
            groups.append([number])
    return [
        (starts[g[0]] + LEAD, starts[g[-1]] + LEAD + HOP, len(g), max(scores[n] for n in g))
        for g in groups
        if len(g) >= chosen.min_windows and max(scores[n] for n in g) >= chosen.threshold
    ]


@given(SCORES, st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0, 1.7]))
def test_agrees_with_the_definition(scores: list[float], min_windows: int, merge_gap_s: float) -> None:
    chosen = rules(min_windows=min_windows, merge_gap_s=merge_gap_s)
    events = build(scores, chosen)
    expected = plain_events(scores, starts_of(len(scores), {}), chosen)
    assert [(e.begin, e.end, e.windows, e.peak_score) for e in events] == expected
