"""The watchdog's rule, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.live.watchdog import Silence, may_feed

S = 1_000_000_000


@pytest.mark.parametrize(
    ("now", "scored", "silence", "feed", "reason"),
    [
        (30, None, None, True, "starting"),
        (31, None, None, False, "no window scored for 31 s, for an unknown reason"),
        (130, 100, None, True, "windows are being scored"),
        (131, 100, None, False, "no window scored for 31 s, for an unknown reason"),
        (131, 100, Silence("device_absent", 120 * S), True, "device_absent, last attempt 11 s ago"),
        (720, 100, Silence("device_absent", 120 * S), True, "device_absent, last attempt 600 s ago"),
        (721, 100, Silence("device_absent", 120 * S), False, "device_absent, no attempt to end it for 601 s"),
        (9000, 100, Silence("schedule", 100 * S, 9000 * S), True, "silent because of schedule"),
        (9030, 100, Silence("schedule", 100 * S, 9000 * S), True, "silent because of schedule"),
        (9031, 100, Silence("schedule", 100 * S, 9000 * S), False, "schedule is over, but no window has been scored"),
        (31, None, Silence("device_absent", 30 * S), True, "device_absent, last attempt 1 s ago"),
    ],
)
def test_watchdog_rule(now: int, scored: int | None, silence: Silence | None, feed: bool, reason: str) -> None:
    verdict = may_feed(now * S, 0, None if scored is None else scored * S, silence, 30.0, 600.0)
    assert (verdict.feed, verdict.reason) == (feed, reason)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_without_a_cause_the_watchdog_is_never_fed_beyond_the_limit(scored: int, later: int) -> None:
    assert may_feed((scored + later) * S, 0, scored * S, None, 30.0).feed == (later <= 30)
