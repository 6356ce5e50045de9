"""Presence as the database counts it, against the rule as `edge-daemon presence` applies it."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from sqlalchemy import update

from edge_daemon.presence.periods import DAY_NS, HOUR_NS, JudgedCall, PresenceRule, Verdict, judge
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.presence_days import judged_periods
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS

NOW = 1_790_000_000_000_000_000
DAYS = 5
SINCE = NOW // DAY_NS * DAY_NS - (DAYS - 1) * DAY_NS
RULES = (
    PresenceRule(),
    PresenceRule(least_score=0.5, least_effort=0.9),
    PresenceRule(detected_calls=1),
    PresenceRule(least_score=0.3, detected_calls=3, within_ns=300 * 10**9),
    PresenceRule(detected_calls=50),
)


@pytest.fixture(scope="module")
def calls() -> list[JudgedCall]:
    rng = random.Random(7)
    words = [None, None, *get_args(Verdict)]
    middles = [SINCE + rng.randrange(DAYS * DAY_NS) for _ in range(12)]
    times = {rng.choice(middles) + rng.randrange(HOUR_NS) // 60_000 * 60_000 for _ in range(300)}
    times |= {SINCE, SINCE - 1, SINCE + HOUR_NS, SINCE + HOUR_NS - 1}  # edges of days and hours
    return [JudgedCall(at_ns, rng.random(), rng.choice(words)) for at_ns in sorted(times) if at_ns <= NOW]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("length_ns", [HOUR_NS, DAY_NS])
def test_the_same_by_both(
    database: StationDatabase, calls: list[JudgedCall], rule: PresenceRule, length_ns: int
) -> None:
    effort = [(SINCE // HOUR_NS + hour, 600.0 * (hour % 7)) for hour in range(0, 24 * DAYS - 20, 2)]
    with database.writing() as connection:
        connection.execute(DEVICES.insert(), [{"name": name, "seen_ns": NOW} for name in ("buoy-1", "buoy-2")])
        rows = [
            {"device": 1, "id": str(n), "at_ns": one.at_ns, "came_ns": NOW, "score": one.score, "verdict": one.verdict,
             "document": ""}
            for n, one in enumerate(calls)
        ]  # fmt: skip
        connection.execute(DETECTIONS.insert(), rows)
        connection.execute(HOURS.insert(), [{"device": 1, "hour": hour, "listened_s": s} for hour, s in effort])
        connection.execute(DETECTIONS.insert(), {**rows[5], "device": 2})  # another one's call is not this one's
    heard = [(hour * HOUR_NS, hour * HOUR_NS + round(seconds * 1e9)) for hour, seconds in effort]
    expected = judge([one for one in calls if one.at_ns >= SINCE], heard, length_ns, rule)
    with database.reading() as connection:
        found = judged_periods(connection, "buoy-1", DAYS, length_ns, NOW, rule)
    assert found == expected
    assert length_ns == DAY_NS or len({one.result for one in expected}) >= 3


def test_a_verdict_changes_the_hour(database: StationDatabase) -> None:
    with database.writing() as connection:
        connection.execute(DEVICES.insert(), [{"name": "buoy-1", "seen_ns": NOW}])
        row = {"device": 1, "id": "1", "at_ns": NOW, "came_ns": NOW, "score": 0.1, "document": ""}
        connection.execute(DETECTIONS.insert(), [row])
    results = []
    for verdict in (None, "call", "unsure", "not a call"):
        with database.writing() as connection:
            connection.execute(update(DETECTIONS).values(verdict=verdict))
        with database.reading() as connection:
            periods = judged_periods(connection, "buoy-1", 1, HOUR_NS, NOW, PresenceRule())
        results.append([one.result for one in periods or ()])
    assert results == [["POSSIBLY_DETECTED"], ["DETECTED"], ["POSSIBLY_DETECTED"], []]
    with database.reading() as connection:
        assert judged_periods(connection, "nobody", 1, HOUR_NS, NOW, PresenceRule()) is None
