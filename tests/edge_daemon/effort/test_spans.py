"""Spans without a hole, by hand and for any sequence of blocks, gaps and steps."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.source import Gap
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.effort.spans import EffortAccount, Session, Span

S = 10**9
SESSION = Session("s1", "buoy", "card", 1000)
GOOD, BAD = "synchronised", "unsynchronised"


def spans(account: EffortAccount) -> list[Span]:
    return [account.changed[number] for number in sorted(account.changed)]


def test_blocks_join_into_one_span() -> None:
    account = EffortAccount(SESSION, 100 * S, GOOD)
    account.listened(0, 500, 100 * S + S // 2, GOOD)
    account.listened(500, 500, 101 * S, GOOD)
    assert spans(account) == [Span(1, 0, 1000, None, 100 * S, 101 * S, GOOD)]


def test_a_gap_ends_a_span_and_begins_another() -> None:
    account = EffortAccount(SESSION, 100 * S, GOOD)
    account.listened(0, 1000, 101 * S, GOOD)
    account.lost(Gap(1000, 200, "overflow"), 101 * S + S // 5, GOOD)
    account.lost(Gap(1200, 300, "overflow"), 101 * S + S // 2, GOOD)
    account.lost(Gap(1500, 500, "stall"), 102 * S, GOOD)
    account.listened(2000, 1000, 103 * S, "holdover")
    assert spans(account) == [
        Span(1, 0, 1000, None, 100 * S, 101 * S, GOOD),
        Span(2, 1000, 500, "overflow", 101 * S, 101 * S + S // 2, GOOD),
        Span(3, 1500, 500, "stall", 101 * S + S // 2, 102 * S, GOOD),
        Span(4, 2000, 1000, None, 102 * S, 103 * S, "holdover"),
    ]


def test_a_session_begins_with_its_first_sample() -> None:
    account = EffortAccount(SESSION, 100 * S, GOOD)
    account.enter_from(90 * S)
    account.listened(0, 1000, 103 * S, GOOD)  # the device took two seconds to open
    assert spans(account) == [
        Span(0, None, 12_000, "restart", 90 * S, 102 * S, GOOD),
        Span(1, 0, 1000, None, 102 * S, 103 * S, GOOD),
    ]


def test_what_was_not_told_is_a_gap_and_what_was_told_twice_counts_once() -> None:
    account = EffortAccount(SESSION, 0, GOOD)
    account.listened(0, 1000, S, GOOD)
    account.listened(3000, 1000, 4 * S, GOOD)
    account.listened(3500, 1000, 4 * S + S // 2, GOOD)
    account.listened(0, 100, S // 10, GOOD)
    assert spans(account) == [
        Span(1, 0, 1000, None, 0, S, GOOD),
        Span(2, 1000, 2000, "overflow", S, 3 * S, GOOD),
        Span(3, 3000, 1500, None, 3 * S, 4 * S + S // 2, GOOD),
    ]
    assert account.overlaps == 600


def test_a_step_of_a_clock_that_knew_the_time_is_a_span_of_its_own() -> None:
    account = EffortAccount(SESSION, 0, GOOD)
    account.listened(0, 5000, 5 * S, GOOD)
    account.stepped(ClockStep(5000, -3 * S, "system_clock"), GOOD)
    account.listened(5000, 1000, 3 * S, GOOD)
    assert spans(account) == [
        Span(1, 0, 5000, None, 0, 5 * S, GOOD),
        Span(2, None, -3000, "clock_step", 5 * S, 2 * S, GOOD),
        Span(3, 5000, 1000, None, 2 * S, 3 * S, GOOD),
    ]


def test_a_session_without_the_time_is_redated_when_the_time_comes() -> None:
    account = EffortAccount(SESSION, 50 * S, BAD)  # the board woke up in the past: the last entry ended at 60 s
    account.enter_from(60 * S)
    account.listened(0, 5000, 55 * S, BAD)
    assert account.changed[0] == Span(0, None, -10_000, "clock_step", 60 * S, 50 * S, BAD)
    account.stepped(ClockStep(5000, 1000 * S, "system_clock"), GOOD)
    account.listened(5000, 1000, 1056 * S, GOOD)
    assert spans(account) == [
        Span(0, None, 990_000, "restart", 60 * S, 1050 * S, BAD),
        Span(1, 0, 5000, None, 1050 * S, 1055 * S, BAD),
        Span(2, 5000, 1000, None, 1055 * S, 1056 * S, GOOD),
    ]
    assert account.redate_ns == 1000 * S
    account.stepped(ClockStep(6000, S, "system_clock"), GOOD)  # from now on it is dated
    assert spans(account)[-1] == Span(3, None, 1000, "clock_step", 1056 * S, 1057 * S, GOOD)


def test_samples_that_vanished_are_lost_not_a_correction() -> None:
    account = EffortAccount(SESSION, 0, BAD)
    account.listened(0, 1000, S, BAD)
    account.stepped(ClockStep(1000, S // 2, "samples"), BAD)
    assert spans(account)[-1] == Span(2, None, 500, "overflow", S, S + S // 2, BAD)


_events = st.lists(
    st.one_of(
        st.tuples(st.just("block"), st.integers(1, 5000), st.sampled_from([GOOD, BAD, "holdover"])),
        st.tuples(st.just("gap"), st.integers(0, 5000), st.sampled_from(["stall", "overflow"])),
        st.tuples(st.just("hole"), st.integers(1, 5000), st.just("")),
        st.tuples(st.just("step"), st.integers(-10 * S, 10 * S).filter(bool), st.sampled_from([GOOD, BAD])),
    ),
    max_size=40,
)


@given(_events, st.integers(-20 * S, 20 * S), st.sampled_from([GOOD, BAD]))
def test_listened_and_gaps_tile_samples_and_wall_time(
    events: list[tuple[str, int, str]], previous_end: int, clock: str
) -> None:
    account = EffortAccount(SESSION, 0, clock)
    account.enter_from(previous_end)
    sample, utc, told = 0, 0, 0
    for kind, size, word in events:
        if kind == "step":
            account.stepped(ClockStep(sample, size, "system_clock"), word)
            utc += size
            continue
        sample += size
        utc += size * S // 1000
        if kind == "block":
            account.listened(sample - size, size, utc, word)
            told = sample
        elif kind == "gap" and size:
            account.lost(Gap(sample - size, size, word), utc, GOOD)
            told = sample
    found = spans(account)
    stream = [span for span in found if span.start is not None]
    assert sum(span.samples for span in stream) == (told - (stream[0].start or 0) if stream else 0)
    for before, after in itertools.pairwise(stream):
        assert after.start == (before.start or 0) + before.samples
    for before, after in itertools.pairwise(found):
        assert after.begin_utc_ns == before.end_utc_ns
    assert sum(s.end_utc_ns - s.begin_utc_ns for s in found) == account.end_utc_ns - previous_end
