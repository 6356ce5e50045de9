"""Hours and days, judged by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge_daemon.presence.periods import DAY_NS, HOUR_NS, JudgedCall, PresenceRule, Verdict, judge

MINUTE_NS = HOUR_NS // 60
DAY = round(datetime(2026, 3, 29, tzinfo=UTC).timestamp()) * 10**9


def call(hours: float, score: float = 0.9, verdict: Verdict | None = None) -> JudgedCall:
    return JudgedCall(DAY + round(hours * HOUR_NS), score, verdict)


def span(first_h: float, last_h: float) -> tuple[int, int]:
    return DAY + round(first_h * HOUR_NS), DAY + round(last_h * HOUR_NS)


def results(calls: list[JudgedCall], heard: list[tuple[int, int]], length: int, **rule: object) -> list[str]:
    return [period.result for period in judge(calls, heard, length, PresenceRule(**rule))]  # type: ignore[arg-type]


def test_each_hour_in_turn() -> None:
    heard = [span(0, 1.25), span(1.5, 2.0), span(3.75, 5), span(4, 4.5)]
    found = judge([call(0.5), call(4.1, 0.6)], heard, HOUR_NS, PresenceRule())
    assert [(period.effort_s, period.calls, period.result) for period in found] == [
        (3600.0, 1, "POSSIBLY_DETECTED"),
        (2700.0, 0, "NOT_DETECTED"),
        (0.0, 0, "NOT_AVAILABLE"),
        (900.0, 0, "NOT_AVAILABLE"),  # a quarter is less than half
        (3600.0, 1, "POSSIBLY_DETECTED"),
    ]
    assert found[0].begin_ns == DAY
    assert found[-1].end_ns == DAY + 5 * HOUR_NS


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([None], "POSSIBLY_DETECTED"),
        (["unsure"], "POSSIBLY_DETECTED"),
        (["not a call"], "NOT_DETECTED"),
        (["not a call", "call"], "DETECTED"),
        ([], "NOT_DETECTED"),
    ],
)
def test_a_verdict_decides(verdicts: list[Verdict | None], expected: str) -> None:
    calls = [call(1 + number, verdict=verdict) for number, verdict in enumerate(verdicts)]
    assert results(calls, [span(0, 24)], DAY_NS) == [expected]


def test_faint_detections_do_not_count_unless_a_person_says_so() -> None:
    assert results([call(1, 0.79)], [span(0, 24)], DAY_NS, least_score=0.8) == ["NOT_DETECTED"]
    assert results([call(1, 0.79, "call")], [span(0, 24)], DAY_NS, least_score=0.8) == ["DETECTED"]


@pytest.mark.parametrize(("minutes", "expected"), [((0, 5, 10), "DETECTED"), ((0, 5, 11), "POSSIBLY_DETECTED")])
def test_calls_close_together_are_enough_where_asked_for(minutes: tuple[int, ...], expected: str) -> None:
    calls = [call(3 + minute / 60) for minute in minutes]
    rule = {"detected_calls": 3, "within_ns": 10 * MINUTE_NS}
    assert results(calls, [span(0, 24)], DAY_NS, **rule) == [expected]
    assert results(calls, [span(0, 24)], DAY_NS) == ["POSSIBLY_DETECTED"]


def test_a_call_in_little_effort_is_still_one() -> None:
    assert results([call(1.0)], [span(0.99, 1.01)], DAY_NS) == ["POSSIBLY_DETECTED"]
    assert results([], [span(0.99, 1.01)], DAY_NS) == ["NOT_AVAILABLE"]
    assert results([], [], DAY_NS) == []


def test_effort_heard_twice_counts_once() -> None:
    (day,) = judge([], [span(0, 12), span(6, 18), span(17, 18)], DAY_NS, PresenceRule())
    assert day.effort_s == 18 * 3600
