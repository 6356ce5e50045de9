"""When to listen, by hand and against a minute-by-minute search."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.live.schedule import Always, DailyWindows, DutyCycle, Schedule


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def test_always() -> None:
    assert Always().is_on(0)
    assert Always().next_change(0) is None


def test_duty_cycle_is_aligned_with_the_hour() -> None:
    cycle = DutyCycle(on_s=300, off_s=600)
    assert cycle.is_on(at("2026-03-29T01:00:00"))
    assert cycle.is_on(at("2026-03-29T01:19:59"))
    assert not cycle.is_on(at("2026-03-29T01:20:00"))
    assert cycle.next_change(at("2026-03-29T01:16:00")) == at("2026-03-29T01:20:00")
    assert cycle.next_change(at("2026-03-29T01:20:00")) == at("2026-03-29T01:30:00")


def test_daily_windows_over_midnight() -> None:
    night = DailyWindows([("22:00", "02:30")])
    assert night.is_on(at("2026-10-24T22:00:00"))
    assert night.is_on(at("2026-10-25T02:29:59"))
    assert not night.is_on(at("2026-10-25T02:30:00"))
    assert night.next_change(at("2026-10-24T23:00:00")) == at("2026-10-25T02:30:00")
    assert night.next_change(at("2026-10-25T02:30:00")) == at("2026-10-25T22:00:00")
    assert night.next_change(at("2026-10-25T00:00:00")) == at("2026-10-25T02:30:00")


def test_touching_and_overlapping_windows_are_one() -> None:
    windows = DailyWindows([("06:00", "08:00"), ("08:00", "09:00"), ("07:00", "08:30")])
    assert windows.next_change(at("2026-01-01T06:30:00")) == at("2026-01-01T09:00:00")
    assert DailyWindows([("00:00", "24:00")]).next_change(at("2026-01-01T06:30:00")) is None
    assert DailyWindows([("12:00", "00:00"), ("00:00", "12:00")]).next_change(at("2026-01-01T06:30:00")) is None
    assert DailyWindows([("22:00", "24:00")]).next_change(at("2026-01-01T22:30:00")) == at("2026-01-02T00:00:00")


@pytest.mark.parametrize(
    "windows", [[], [("06:00", "06:00")], [("6", "7")], [("24:01", "03:00")], [("24:00", "03:00")], [("a", "b")]]
)
def test_refuses_impossible_windows(windows: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"window|time of day"):
        DailyWindows(windows)


@pytest.mark.parametrize(("on_s", "off_s"), [(0, 60), (60, 0), (-1, 60)])
def test_refuses_impossible_cycles(on_s: int, off_s: int) -> None:
    with pytest.raises(ValueError, match="duty cycle"):
        DutyCycle(on_s, off_s)


_minutes = st.integers(0, 1439).map(lambda m: f"{m // 60:02d}:{m % 60:02d}")
_windows = st.lists(st.tuples(_minutes, _minutes).filter(lambda w: w[0] != w[1]), min_size=1, max_size=4)
_schedules = st.one_of(
    st.builds(DailyWindows, _windows),
    st.builds(DutyCycle, st.integers(1, 30).map(lambda m: 60 * m), st.integers(1, 30).map(lambda m: 60 * m)),
)


@given(_schedules, st.integers(0, 40 * 366 * 24 * 60))
def test_next_change_is_the_first_change(schedule: Schedule, minute: int) -> None:
    minute_ns = 60 * 10**9
    now = minute * minute_ns
    searched = next(
        (t for t in range(now, now + 2880 * minute_ns, minute_ns) if schedule.is_on(t) != schedule.is_on(now)), None
    )
    assert schedule.next_change(now) == searched
    # a moment inside a minute changes no answer
    assert schedule.next_change(now + 30 * 10**9) == searched
