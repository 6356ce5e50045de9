"""Effort by hours, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_daemon.presence.periods import PresenceRule
from edge_daemon.report import calendar
from edge_daemon.report.calendar import MOST_DAYS
from edge_daemon.report.entry import Listened, LostSound

HOUR_NS = 3600 * 10**9
FIRST = 493_000  # hours since 1970


def recording(begin_h: float, seconds: float, **fields: Any) -> Listened:
    values: dict[str, Any] = {"lost": (), "detections": 0} | fields
    return Listened(Path("a.wav"), "a.wav", round((FIRST + begin_h) * HOUR_NS), seconds, **values)


def hourly_effort(recordings: list[Listened]) -> list[tuple[int, float]]:
    return [(hour, share) for hour, share, _ in calendar.hourly_effort(recordings, PresenceRule())]


def test_what_can_be_said_without_calls() -> None:
    heard = [recording(0, 1800.0), recording(1, 1799.9), recording(2, 1)]
    said = [result for _, _, result in calendar.hourly_effort(heard, PresenceRule())]
    assert said == ["NOT_DETECTED", "NOT_AVAILABLE", "NOT_AVAILABLE"]
    said = [result for _, _, result in calendar.hourly_effort(heard, PresenceRule(least_effort=0.0))]
    assert said == ["NOT_DETECTED"] * 3


def test_a_recording_over_the_hour() -> None:
    assert hourly_effort([recording(0.5, 3600.0)]) == [(FIRST, 0.5), (FIRST + 1, 0.5)]


def test_what_was_lost_was_not_listened_to() -> None:
    lost = (LostSound(0.0, 360.0, "read_error"), LostSound(1800.0, 720.0, "read_error"))
    assert hourly_effort([recording(0, 3600.0, lost=lost)]) == [(FIRST, 0.7)]


def test_two_hydrophones_hear_an_hour_once() -> None:
    assert hourly_effort([recording(0, 1800.0), recording(0.25, 1800.0)]) == [(FIRST, 0.75)]


def test_hours_without_effort_are_left_out() -> None:
    assert [hour for hour, _ in hourly_effort([recording(5, 60.0), recording(0, 60.0)])] == [FIRST, FIRST + 5]


def test_without_times_or_over_too_many_days_there_is_none() -> None:
    undated = Listened(Path("a.wav"), "a.wav", None, 60.0, (), detections=0)
    assert hourly_effort([undated]) == hourly_effort([]) == []
    assert hourly_effort([recording(0, 60.0), recording(24 * (MOST_DAYS + 1), 60.0)]) == []
