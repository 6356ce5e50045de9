"""Which periods of effort are published."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.effort.report_periods import ReportPeriods

H = 3600 * 10**9


def test_whole_hours_each_once() -> None:
    periods = ReportPeriods(3600.0, 10 * H + 5)
    assert periods.due(10 * H + 100) is None
    assert periods.due(11 * H - 1) is None
    assert periods.due(11 * H) == (10 * H, 11 * H)
    assert periods.due(11 * H) is None
    assert periods.due(14 * H + 7) == (11 * H, 14 * H)


def test_the_hour_in_which_the_session_before_ended_is_published() -> None:
    periods = ReportPeriods(3600.0, 10 * H + 600 * 10**9, previous_end_utc_ns=8 * H + 5)
    assert periods.due(10 * H + 700 * 10**9) == (8 * H, 10 * H)
    assert periods.due(11 * H) == (10 * H, 11 * H)


def test_hours_lived_twice_are_published_again() -> None:
    periods = ReportPeriods(3600.0, 10 * H)
    assert periods.due(12 * H + 5) == (10 * H, 12 * H)
    assert periods.due(11 * H + 6) is None
    assert periods.due(12 * H + 5) == (11 * H, 12 * H)


def test_a_session_that_began_in_1970_is_published_where_it_was() -> None:
    periods = ReportPeriods(3600.0, 5, previous_end_utc_ns=500_000 * H + 7)
    assert periods.due(9) is None
    periods.stepped(ClockStep(0, 500_003 * H, "system_clock"), dated_before=True)  # a known time is not moved
    assert periods.due(9) is None
    periods.stepped(ClockStep(0, 500_003 * H, "system_clock"), dated_before=False)
    assert periods.due(500_004 * H) == (500_000 * H, 500_004 * H)
    without = ReportPeriods(3600.0, 5)
    without.stepped(ClockStep(0, 500_003 * H, "system_clock"), dated_before=False)
    assert without.due(500_004 * H) == (500_003 * H, 500_004 * H)


def test_another_length_from_now_on() -> None:
    periods = ReportPeriods(3600.0, 10 * H)
    periods.change(1800.0)
    assert periods.due(10 * H + H // 2) == (10 * H, 10 * H + H // 2)


@given(st.lists(st.integers(0, 50 * H), min_size=1, max_size=50).map(sorted))
def test_periods_follow_each_other(moments: list[int]) -> None:
    periods = ReportPeriods(3600.0, 0)
    published = [period for moment in moments if (period := periods.due(moment)) is not None]
    ends = [0, *(until for _, until in published)]
    assert [since for since, _ in published] == ends[:-1]
    assert ends[-1] == moments[-1] // H * H
