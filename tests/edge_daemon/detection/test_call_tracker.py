"""Events are parted by their calls, and nothing of an event is lost by it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.detection.call_tracker import by_call
from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event, EventWindow, ScoredWindow


def call(begin: int, end: int) -> TrackedCall:
    return TrackedCall(begin, end, begin + 128, 64, (100.0, 120.0, 150.0), 120.0, 12.0, -40.0)


def found(begin: int, end: int) -> Found:
    return Found(Event(begin, end, 0.9, begin, 0.8, 4, 90.0, 180.0), (), "onnx")


def test_one_call_or_none_leaves_the_event() -> None:
    event = found(10_000, 14_000)
    assert by_call(event, ()) == [event]
    (one,) = by_call(event, [call(-300, 2000)])
    assert (one.event, one.call, one.part, one.parts) == (event.event, call(-300, 2000), 1, 1)


def test_an_event_counts_whose_call_rises_far_enough_or_cannot_be_followed() -> None:
    rising, level = call(0, 2000), replace(call(3000, 5000), hz=(100.0, 104.0, 96.0))
    assert rising.sweep_hz == 50.0
    assert level.sweep_hz == -4.0
    event = found(10_000, 15_000)
    assert by_call(event, [level, rising], 50.1) == []
    assert by_call(event, [level], 0.1) == []
    assert by_call(event, [level], 0.0) == by_call(event, [level])  # not asked
    assert by_call(event, [], 50.0) == [event]  # nothing was followed, so nothing is known


def test_what_does_not_rise_is_no_part_beside_a_call() -> None:
    rising, level = call(0, 2000), replace(call(3000, 5000), hz=(100.0, 104.0, 96.0))
    event = found(10_000, 15_000)
    assert by_call(event, [rising, level], 50.0) == by_call(event, [rising])
    again = call(6000, 7000)
    assert by_call(event, [rising, level, again], 50.0) == by_call(event, [rising, again])
    assert len(by_call(event, [rising, level], 0.0)) == 2


def test_two_calls_cut_the_event_in_the_pause_between_them() -> None:
    first, second = by_call(found(10_000, 15_000), [call(0, 2000), call(3000, 5200)])
    assert (first.event.begin, first.event.end) == (10_000, 12_500)
    assert (second.event.begin, second.event.end) == (12_500, 15_000)
    assert (first.part, second.part, first.parts, second.parts) == (1, 2, 2, 2)
    assert first.call == call(0, 2000)
    assert second.call == call(500, 2700)  # 13,000 … 15,200 in the stream, as before


def test_each_part_has_the_scores_of_its_own_windows() -> None:
    scores = [0.5, 0.95, 0.6, 0.75, 0.7]
    own = tuple(
        EventWindow(ScoredWindow(8500 + 1000 * n, score, (90.0 + n, 180.0)), 10_500 + 1000 * n)
        for n, score in enumerate(scores)
    )
    whole = replace(found(10_000, 15_000), event=replace(found(10_000, 15_000).event, own=own))
    first, second = by_call(whole, [call(0, 2000), call(3000, 5200)])  # cut at 12,500: the third window's middle
    assert (first.event.peak_score, first.event.windows, first.event.mean_score) == (0.95, 2, (0.5 + 0.95) / 2)
    assert (second.event.peak_score, second.event.windows, second.event.peak_start) == (0.75, 3, 11_500)
    assert (second.event.low_hz, second.event.high_hz) == (93.0, 180.0)
    (one,) = by_call(whole, [call(0, 2000)])
    assert one.event == whole.event
    assert one.event.own == ()


@given(st.lists(st.integers(300, 3000), min_size=2, max_size=6))
def test_parts_tile_the_event(lengths: list[int]) -> None:
    edges = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
    calls = [call(begin + 50, end - 50) for begin, end in pairwise(edges)]
    parts = by_call(found(7, 7 + edges[-1]), calls)
    assert [part.event.begin for part in parts] == [7, *(part.event.end for part in parts[:-1])]
    assert parts[-1].event.end == 7 + edges[-1]
    assert all(part.event.begin < part.event.end for part in parts)
    assert [part.event.begin + part.call.begin for part in parts if part.call] == [7 + one.begin for one in calls]
