"""Tallies, rates and choices by hand on scores written down by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.detection.event_rules import EventRules
from train.evaluation.choice import choose, false_rates, front
from train.evaluation.corpus import Corpus
from train.evaluation.figures import figures_of
from train.evaluation.rule_grid import rule_grid
from train.evaluation.scores import Scores
from train.evaluation.tally import RulesTally, tally

EVERY = np.ones(3, bool)


def rules(threshold: float, low: float, windows: int = 1) -> EventRules:
    return EventRules(threshold=threshold, threshold_low=low, min_windows=windows)


@pytest.mark.parametrize(
    ("chosen", "found", "false"),
    [
        (rules(0.9, 0.6), [1, 0, 0], [0, 0, 0]),
        (rules(0.7, 0.5), [1, 0, 0], [1, 0, 1]),  # what is at 140 s nobody listened to
        (rules(0.7, 0.5, 2), [1, 0, 0], [1, 0, 0]),
        (rules(0.5, 0.5), [1, 0, 1], [1, 0, 1]),
        (rules(0.4, 0.4), [1, 0, 1], [1, 1, 2]),
    ],
)
def test_what_rules_give(
    corpus: Corpus, scores: list[Scores], chosen: EventRules, found: list[int], false: list[int]
) -> None:
    made = tally(corpus, scores, chosen)
    assert made.found.astype(int).tolist() == made.paired.astype(int).tolist() == found
    assert made.false.tolist() == false


def test_an_event_where_nobody_knows_is_not_false_and_finds_nothing(corpus: Corpus, scores: list[Scores]) -> None:
    day, song = corpus.recordings
    # the false event at 39.75 to 40.75 s by its edge; the first call is found although a doubtful sound is beside it
    day = replace(day, doubtful=((10.5, 12.0), (40.7, 41.0), (99.0, 99.7)))
    made = tally(Corpus.of([day, song]), scores, rules(0.4, 0.4))
    assert made.found.tolist() == [True, False, True]
    assert made.false.tolist() == [0, 1, 2]


def test_the_share_of_time_in_events(corpus: Corpus, scores: list[Scores]) -> None:
    # 1 s around the first call, 1 s around 40 s, half a second at 140 s, half a second in song; of 210 s
    assert tally(corpus, scores, rules(0.7, 0.5)).covered == pytest.approx(3 / 210)


def test_false_events_an_hour_of_each_kind(corpus: Corpus, scores: list[Scores]) -> None:
    made = [tally(corpus, scores, rules(0.7, 0.5)), tally(corpus, scores, rules(0.4, 0.4))]
    np.testing.assert_allclose(false_rates(corpus, made, EVERY), [[30, 120], [60, 240]])
    np.testing.assert_allclose(false_rates(corpus, made, np.array([True, False, False])), [[60], [60]])


def test_the_limit_holds_in_every_kind(corpus: Corpus, scores: list[Scores]) -> None:
    made = [tally(corpus, scores, found) for found in (rules(0.9, 0.6), rules(0.7, 0.5), rules(0.5, 0.5, 2))]
    # 0.9: 1 call, no false event; 0.7: 1 call, 30/h and 120/h in song; 0.5 twice: 2 calls, 30/h, none in song
    assert choose(corpus, made, 30.0, EVERY) is made[2]
    assert choose(corpus, made, 29.9, EVERY) is made[0]
    assert choose(corpus, made[1:2], 119.0, EVERY) is None
    assert choose(corpus, made[1:2], 119.0, np.array([True, True, False])) is made[1]


def test_of_equal_rules_the_fewest_false_events_then_the_highest_threshold(
    corpus: Corpus, scores: list[Scores]
) -> None:
    made = [tally(corpus, scores, found) for found in (rules(0.7, 0.5), rules(0.85, 0.5), rules(0.9, 0.5))]
    assert choose(corpus, made, 200.0, EVERY) is made[2]
    assert choose(corpus, made[::-1], 200.0, EVERY) is made[2]


def test_figures_of_a_part(corpus: Corpus, scores: list[Scores]) -> None:
    made = tally(corpus, scores, rules(0.5, 0.5))
    figures = figures_of(corpus, made, np.array([12.0, 0.0, np.nan]), np.array([True, True]))
    assert (figures.recall.count, figures.recall.of) == (2, 3)
    assert {kind: found.value for kind, found in figures.false_per_hour.items()} == pytest.approx(
        {"calls": 30.0, "song": 120.0}
    )
    by_snr = [(found.low_db, found.high_db, found.recall.count, found.recall.of) for found in figures.by_snr]
    assert by_snr == [(None, 0.0, 0, 0), (0.0, 5.0, 0, 1), (5.0, 10.0, 0, 0), (10.0, None, 1, 1)]
    first, second = figures.by_recording
    assert (first.recording, first.calls, first.found, first.false_events) == ("day/a.wav", 3, 2, 1)
    assert (second.kind, second.hours, second.false_events) == ("song", pytest.approx(30 / 3600), 1)
    only_song = figures_of(corpus, made, np.zeros(3), np.array([False, True]))
    assert only_song.recall.value is None
    assert list(only_song.false_per_hour) == ["song"]


def test_the_front_by_hand() -> None:
    rates = np.array([5.0, 1.0, 1.0, 3.0, 8.0, 0.0])
    recall = np.array([0.8, 0.5, 0.6, 0.6, 0.9, 0.0])
    assert front(rates, recall).tolist() == [5, 2, 0, 4]
    assert front(np.array([]), np.array([])).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_no_rules_beat_those_of_the_front(made: list[tuple[int, int]]) -> None:
    rates, recall = (np.array(column, float) for column in zip(*made, strict=True))
    best = front(rates, recall)
    assert (np.diff(rates[best]) > 0).all()
    assert (np.diff(recall[best]) > 0).all()
    for limit in range(6):
        within = rates <= limit
        chosen = [at for at in best if rates[at] <= limit]
        assert bool(chosen) == bool(within.any())
        if chosen:
            assert recall[chosen[-1]] == recall[within].max()


@given(st.data())
def test_the_choice_is_the_best_within_the_limit(data: st.DataObject) -> None:
    corpus, made = data.draw(st.builds(_two_minutes)), []
    for _ in range(data.draw(st.integers(1, 6))):
        found = np.array(data.draw(st.lists(st.booleans(), min_size=2, max_size=2)))
        false = np.array(data.draw(st.lists(st.integers(0, 3), min_size=3, max_size=3)))
        made.append(RulesTally(rules(0.5, 0.5), found, found, false, 0.1))
    limit = data.draw(st.sampled_from([0.0, 60.0, 120.0]))
    within = [one for one in made if one.false[:2].sum() / (2 / 60) <= limit and one.false[2] / (1 / 60) <= limit]
    chosen = choose(corpus, made, limit, EVERY)
    assert (chosen is None) == (not within)
    if chosen is not None:
        assert any(chosen is one for one in within)
        assert chosen.found.sum() == max(one.found.sum() for one in within)


def _two_minutes() -> Corpus:
    from pathlib import Path

    from train.data.whole_recordings import CALLS, JudgedRecording

    return Corpus.of(
        [
            JudgedRecording(Path("a.wav"), CALLS, 120.0, ((0.0, 120.0),), ((10.0, 11.0), (70.0, 71.0))),
            JudgedRecording(Path("b.wav"), "song", 60.0, ((0.0, 60.0),)),
        ]
    )


def test_the_grid_varies_what_it_says_and_keeps_the_rest() -> None:
    own = EventRules(threshold=0.5, threshold_low=0.2, min_windows=7, merge_gap_s=1.5, refractory_s=3.0)
    grid = rule_grid(own)
    assert len(set(grid)) == len(grid) > 1000
    assert {(found.merge_gap_s, found.refractory_s, found.max_length_s) for found in grid} == {(1.5, 3.0, 60.0)}
    assert all(0 < found.threshold_low <= found.threshold < 1 for found in grid)
    assert {(found.min_rise_hz, found.context_s) for found in grid} == {(0, 0), (0, 300), (30, 0), (30, 300)}
    assert rules(0.6, 0.4, 2) in [found.model_copy(update={"merge_gap_s": 0.5, "refractory_s": 0.0}) for found in grid]
