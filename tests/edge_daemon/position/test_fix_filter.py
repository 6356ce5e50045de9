"""Which fixes are believed: by hand-made sequences, and by a simulated sea in which every kind of nonsense is told."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.position.fix import DatedFix, Fix, Refusal
from edge_daemon.position.fix_clock import EARLIEST_NS, LATEST_NS, STEADY_NS
from edge_daemon.position.fix_filter import AGREE, RECONSIDER_NS, FixFilter
from edge_daemon.position.sphere import distance_m

S = 10**9
T0 = 1_800_000_000 * S  # 2027-01-15, UTC
M0 = 5_000 * S  # monotonic
METRE = 1 / 111_194.9  # degree of latitude


class Sea:
    """A filter, a clock that is believed or not, and a device that lies at 42° N 70° W."""

    def __init__(self, *, believed: bool = True, speed: float = 20.0, max_age: float = 30.0) -> None:
        self.filter = FixFilter(speed, max_age)
        self.believed = believed

    def told(self, at_s: float, north_m: float = 0.0, *, time_s: float | None = None, **other: Any) -> str:
        """What becomes of a fix that comes at a second: its doubt, `believed` or `afresh`."""
        judged = self.judged(at_s, north_m, time_s=time_s, **other)
        if isinstance(judged, Refusal):
            return judged.doubt
        return "afresh" if judged.afresh else "believed"

    def judged(
        self, at_s: float, north_m: float = 0.0, *, time_s: float | None = None, **other: Any
    ) -> DatedFix | Refusal:
        utc_ns = T0 + round((at_s if time_s is None else time_s) * S)
        fix = Fix(**({"latitude": 42 + north_m * METRE, "longitude": -70.0, "accuracy_m": 5.0} | other), utc_ns=utc_ns, type="3d")  # fmt: skip # noqa: E501
        arrived_ns = M0 + round(at_s * S)
        return self.filter.take(fix, arrived_ns, T0 + round(at_s * S) if self.believed else None)

    def settle(self) -> float:
        """Make the first fixes known; returns the last one's second."""
        for second in range(AGREE):
            last = self.told(second)
        assert last == "believed"
        return AGREE - 1


@pytest.mark.parametrize("believed", [True, False])
def test_the_first_fixes_must_agree(believed: bool) -> None:
    sea = Sea(believed=believed)
    assert [sea.told(second) for second in range(5)] == ["confirming", "confirming", "believed", "believed", "believed"]


def test_a_first_fix_elsewhere_is_not_believed() -> None:
    sea = Sea()
    assert [sea.told(0, 9e5), *(sea.told(second) for second in (1, 2, 3))] == [*["confirming"] * 3, "believed"]


@pytest.mark.parametrize(
    ("fix", "doubt"),
    [
        ({"latitude": 0.0, "longitude": 0.0}, "zero"),
        ({"latitude": float("nan")}, "malformed"),
        ({"longitude": float("nan")}, "malformed"),
        ({"latitude": 90.1}, "malformed"),
        ({"longitude": float("inf")}, "malformed"),
        ({"accuracy_m": float("nan")}, "malformed"),
        ({"accuracy_m": -1.0}, "malformed"),
        ({"accuracy_m": 1001.0}, "uncertain"),
        ({"accuracy_m": float("inf")}, "uncertain"),
    ],
)
def test_nonsense_is_refused(fix: dict[str, float], doubt: str) -> None:
    sea = Sea()
    end = sea.settle()
    assert sea.told(end + 1, **fix) == doubt
    assert sea.told(end + 2) == "believed"


@pytest.mark.parametrize("believed", [True, False])
def test_a_jump_is_refused_and_the_way_goes_on(believed: bool) -> None:
    sea = Sea(believed=believed)
    end = sea.settle()
    assert sea.told(end + 1, 49) == "believed"  # 5 m and 5 m of error, 20 m/s for a second and one of slack
    assert sea.told(end + 2, 49 + 51) == "jump"
    assert [sea.told(end + 3 + second, 5000) for second in range(20)] == ["jump"] * 20
    assert sea.told(end + 25, 60) == "believed"


def test_after_a_silence_fixes_must_agree_anew() -> None:
    """In ten minutes a device may have come far; so may a single wrong fix."""
    sea = Sea()
    end = sea.settle()
    again = end + 600
    assert sea.told(again, 8000) == "confirming"  # within reach, and wrong
    assert [sea.told(again + second, 50) for second in (1, 2, 3)] == ["confirming", "confirming", "believed"]


def test_another_place_that_holds_together_takes_over_after_ten_minutes() -> None:
    sea = Sea()
    end = sea.settle()
    answers = [sea.told(end + second, 3e6) for second in range(1, 700)]
    minutes = RECONSIDER_NS // S
    assert answers[:minutes] == ["jump"] * minutes
    assert answers[minutes] == "afresh"
    assert set(answers[minutes + 1 :]) == {"believed"}


def test_a_receiver_that_leaps_to_and_fro_is_never_believed_elsewhere() -> None:
    sea = Sea()
    end = sea.settle()
    answers = [(sea.told(end + second, 3e6 if second % 20 else 0), second % 20 > 0) for second in range(1, 2000)]
    assert set(answers) == {("jump", True), ("believed", False)}


def test_a_fix_that_is_repeated_makes_nothing_younger() -> None:
    sea = Sea()
    end = sea.settle()
    assert [sea.told(end + second, time_s=end) for second in range(1, 10)] == ["repeated"] * 9
    assert sea.told(end + 10, time_s=end - 1) == "backwards"
    assert sea.told(end + 11) == "believed"


@pytest.mark.parametrize("date", ["1980-01-06", "2006-06-01", "2038-01-19", "2046-08-30"])
@pytest.mark.parametrize("believed", [True, False])
def test_a_wrong_date_is_refused(date: str, believed: bool) -> None:
    from datetime import UTC, datetime

    sea = Sea(believed=believed)
    seconds = datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() - T0 / S
    assert [sea.told(second, time_s=seconds + second) for second in range(20)] == ["date"] * 20


def test_the_bounds_of_dates() -> None:
    from datetime import UTC, datetime

    assert datetime.fromtimestamp(EARLIEST_NS / S, UTC) == datetime(2026, 1, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(LATEST_NS / S, UTC) == datetime(2038, 1, 1, tzinfo=UTC)


def test_a_receiver_ahead_of_a_good_clock_is_refused() -> None:
    sea = Sea()
    end = sea.settle()
    assert sea.told(end + 1, time_s=end + 2.9) == "believed"  # the clock is good to a second
    assert sea.told(end + 2, time_s=end + 4.1) == "ahead"


@pytest.mark.parametrize("believed", [True, False])
def test_a_late_fix_counts_for_the_time_at_which_it_was_made(believed: bool) -> None:
    """The process was stopped: what waited in the socket comes at once, half a minute late."""
    sea = Sea(believed=believed)
    end = sea.settle()
    burst = [sea.judged(end + 30, time_s=end + second) for second in range(1, 31)]
    moments = [judged.moment_ns for judged in burst if isinstance(judged, DatedFix)]
    assert len(moments) >= 28
    expected = [M0 + (int(end) + second) * S for second in range(1, 31)]
    assert set(moments) <= set(expected)


@pytest.mark.parametrize("believed", [True, False])
def test_what_comes_more_than_a_minute_late_is_refused(believed: bool) -> None:
    sea = Sea(believed=believed)
    end = sea.settle()
    assert {sea.told(end + 3600, time_s=end + second) for second in range(1, 3539)} == {"late"}
    assert sea.told(end + 3600, time_s=end + 3600) == "confirming"


def test_without_a_clock_a_time_put_back_is_believed_when_it_has_been_steady() -> None:
    """A receiver that learns of leap seconds, or was a day ahead; a backlog is never steady."""
    sea = Sea(believed=False)
    sea.settle()
    answers = [sea.told(second, time_s=second - 86_400) for second in range(10, 2000)]
    steady = STEADY_NS // S
    assert set(answers[:steady]) == {"late"}
    assert answers[-1] == "believed"


KINDS = ["good"] * 6 + ["jump", "zero", "repeat", "old date", "silence", "late", "nan", "back"]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), believed=st.booleans())
def test_whatever_a_receiver_says_only_true_places_are_believed(seed: int, believed: bool) -> None:
    """A device under way; every believed fix is within its error of where the device was at that moment."""
    sea, rng = Sea(believed=believed), random.Random(seed)
    true_m, second, way, found = 0.0, 0.0, {0: 0.0}, 0
    for _ in range(200):
        kind, speed, wrong = rng.choice(KINDS), rng.uniform(-15, 15), rng.choice((-1, 1)) * rng.uniform(1e3, 1e6)
        second += 1
        true_m += speed
        way[int(second)] = true_m
        if kind == "silence":
            for _ in range(40):
                second += 1
                way[int(second)] = true_m
            continue
        said: dict[str, Any] = {
            "jump": {"north_m": true_m + wrong},
            "zero": {"latitude": 0.0, "longitude": 0.0},
            "repeat": {"time_s": second - 1},
            "old date": {"time_s": second - 7e8},
            "late": {"time_s": second - 10, "north_m": way.get(int(second) - 10, 0.0)},
            "nan": {"latitude": float("nan")},
            "back": {"time_s": second - 5},
        }.get(kind, {})
        judged = sea.judged(second, **({"north_m": true_m} | said))
        if isinstance(judged, DatedFix):
            found += 1
            then = way[round((judged.moment_ns - M0) / S)]
            off_m = distance_m((judged.fix.latitude, judged.fix.longitude), (42 + then * METRE, -70.0))
            # a time that is wrong by seconds, after a silence, contradicts nothing: so far may it have come in them
            assert off_m <= 5 + {"repeat": 15, "back": 75}.get(kind, 0)
    assert found > 10
