"""The pure parts of publishing: topics, token bucket, byte budget, connection states."""

from __future__ import annotations

import copy
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.mqtt.connection import STABLE_NS, Connection, Failure
from edge_daemon.mqtt.rate_limits import SLOT_NS, HourBudget, TokenBucket, wire_bytes
from edge_daemon.mqtt.topics import Topics
from edge_daemon.system.backoff import Backoff

S = 1_000_000_000
REFUSED = Failure("refused")
UNSUPPORTED = Failure("version", unsupported_protocol=True)
SILENT = Failure("closed", silent=True)


def test_topics() -> None:
    topics = Topics("whales/east", "buoy-07")
    assert topics.detections == "whales/east/buoy-07/detections"
    assert (topics.status, topics.health, topics.effort) == (
        "whales/east/buoy-07/status",
        "whales/east/buoy-07/health",
        "whales/east/buoy-07/effort",
    )


# token bucket


def test_bucket_starts_full_and_refills_at_its_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=4.0, now_ns=0)
    assert bucket.available(0) == 4
    bucket.take(4, 0)
    assert bucket.available(0) == 0
    assert bucket.next_ns(0) == S // 2
    assert bucket.available(S // 2 - 1) == 0
    assert bucket.available(S // 2) == 1
    assert bucket.available(100 * S) == 4


def test_bucket_refuses_more_than_it_holds() -> None:
    bucket = TokenBucket(1.0, 1.0, 0)
    bucket.take(1, 0)
    with pytest.raises(ValueError, match="1 tokens asked, 0 there"):
        bucket.take(1, 0)
    with pytest.raises(ValueError, match="rate > 0"):
        TokenBucket(0.0, 1.0, 0)


@given(
    st.floats(0.1, 1000),
    st.floats(1, 100),
    st.lists(st.integers(0, 10 * S), min_size=1, max_size=50),
)
def test_bucket_never_gives_more_than_burst_and_rate(rate: float, burst: float, pauses: list[int]) -> None:
    bucket, now, taken = TokenBucket(rate, burst, 0), 0, 0
    for pause in pauses:
        now += pause
        count = bucket.available(now)
        bucket.take(count, now)
        taken += count
        assert taken <= burst + rate * now / S + 1e-6
        assert copy.copy(bucket).available(bucket.next_ns(now)) >= 1


# byte budget


def test_wire_bytes_by_hand() -> None:
    # PUBLISH: 2 header + (2 + 3 topic + 2 packet id + 1 properties + 10 payload) = 20; PUBACK 4; two TCP headers 80
    assert wire_bytes("a/b", b"0123456789", tls=False) == 20 + 4 + 80
    assert wire_bytes("a/b", b"0123456789", tls=True) == 20 + 4 + 80 + 58
    # QoS 0: no packet id, no acknowledgement, one header
    assert wire_bytes("a/b", b"0123456789", tls=False, acknowledged=False) == 18 + 40
    # 128 bytes and more need a second byte of length: 2 + 3 + 2 + 1 + 120 = 128
    assert wire_bytes("a/b", b"x" * 120, tls=False) == 3 + 128 + 84


def test_budget_leaves_room_for_the_important() -> None:
    budget = HourBudget(1000)
    budget.spend(649, 0)
    budget.spend(1, 0, "health")  # the one that passes each hour
    assert budget.allows("health", 50, 0)
    assert not budget.allows("health", 51, 0)
    assert budget.allows("detection", 270, 0)
    assert not budget.allows("detection", 271, 0)
    assert budget.allows("status", 350, 0)
    assert not budget.allows("clip", 1, 0)


def test_budget_forgets_after_an_hour() -> None:
    budget = HourBudget(1000)
    budget.spend(1000, SLOT_NS - 1)
    assert budget.spent(60 * SLOT_NS) == 1000
    assert not budget.allows("status", 1, 60 * SLOT_NS + SLOT_NS - 1)
    assert budget.allows("status", 1000, 61 * SLOT_NS)
    assert budget.next_ns(5) == SLOT_NS


def test_no_budget_allows_everything_and_still_counts() -> None:
    budget = HourBudget(None)
    budget.spend(10**9, 0)
    assert budget.allows("clip", 10**9, 0)
    assert budget.spent(0) == 10**9


@given(st.lists(st.tuples(st.integers(0, 20 * 60 * S), st.integers(1, 400)), max_size=60), st.integers(0, 3600 * S))
def test_no_hour_exceeds_the_budget(sends: list[tuple[int, int]], offset: int) -> None:
    budget, now, sent = HourBudget(1000), 0, []
    for pause, count in sends:
        now += pause
        if budget.allows("status", count, now):
            budget.spend(count, now)
            sent.append((now, count))
    for begin in [at for at, _ in sent] + [offset]:
        assert sum(count for at, count in sent if begin <= at < begin + 3600 * S) <= 1000


# connection states


def connection(choice: str = "auto", jitter: float = 0.0) -> Connection:
    return Connection(choice, Backoff(1.0, 8.0, jitter=jitter), 10.0, random.Random(1))  # type: ignore[arg-type]


def waits(made: Connection, failures: list[Failure]) -> list[float]:
    """Seconds between each failure and the next attempt."""
    now, result = 0, []
    for failure in failures:
        assert made.due(now)
        made.began(now)
        made.failed(failure, now)
        deadline = max(now, made.deadline_ns() or 0)
        result.append((deadline - now) / S)
        assert made.due(deadline)
        now = deadline
    return result


def test_first_attempt_is_at_once_and_waits_double_up_to_the_limit() -> None:
    made = connection()
    assert made.due(0)
    assert waits(made, [REFUSED] * 6) == [1, 2, 4, 8, 8, 8]
    assert made.attempts == 6


def test_waits_have_jitter() -> None:
    found = waits(connection(jitter=0.5), [REFUSED] * 6)
    for wait, longest in zip(found, [1, 2, 4, 8, 8, 8], strict=True):
        assert longest / 2 <= wait <= longest
    assert len(set(found)) == 6


def test_only_a_lasting_connection_ends_a_series_of_failures() -> None:
    made = connection()
    waits(made, [REFUSED] * 3)
    now = 100 * S
    made.began(now)
    made.accepted(now)
    assert made.deadline_ns() is None
    made.failed(REFUSED, now + STABLE_NS - 1)
    assert made.deadline_ns() == now + STABLE_NS - 1 + 8 * S
    now += 1000 * S
    made.began(now)
    made.accepted(now)
    made.failed(REFUSED, now + STABLE_NS)
    assert made.deadline_ns() == now + STABLE_NS + S


def test_an_attempt_without_an_answer_is_overdue() -> None:
    made = connection()
    made.began(5 * S)
    assert not made.overdue(15 * S - 1)
    assert made.overdue(15 * S)
    assert made.deadline_ns() == 15 * S


def test_unsupported_version_falls_back_at_once_and_only_once() -> None:
    made = connection()
    assert made.protocol == "mqtt5"
    made.began(0)
    made.failed(UNSUPPORTED, 0)
    assert made.protocol == "mqtt311"
    assert made.due(0)
    made.began(0)
    made.failed(UNSUPPORTED, 0)
    assert made.protocol == "mqtt5"
    assert not made.due(0)


def test_two_silent_closes_try_the_other_version() -> None:
    made = connection()
    waits(made, [SILENT])
    assert made.protocol == "mqtt5"
    made.began(0)
    made.failed(SILENT, 0)
    assert made.protocol == "mqtt311"
    made.began(0)
    made.accepted(0)
    made.failed(REFUSED, 0)
    assert made.protocol == "mqtt5"


def online_with_3_1_1(why: Failure) -> Connection:
    """A connection that was made with the older version, because version 5 was answered like this."""
    made = connection()
    for _ in range(1 if why.unsupported_protocol else 2):
        made.began(0)
        made.failed(why, 0)
    assert made.protocol == "mqtt311"
    made.began(0)
    made.accepted(0)
    assert made.downgraded
    return made


@pytest.mark.parametrize("why", [UNSUPPORTED, SILENT])
def test_a_downgrade_ends_with_its_connection(why: Failure) -> None:
    made = online_with_3_1_1(why)
    made.failed(REFUSED, 3600 * S)
    assert made.protocol == "mqtt5"


@pytest.mark.parametrize("why", [UNSUPPORTED, SILENT])
def test_an_old_broker_is_back_at_once_when_it_returns(why: Failure) -> None:
    made = online_with_3_1_1(why)
    made.failed(REFUSED, 3600 * S)
    now = made.deadline_ns() or 0
    made.began(now)
    made.failed(why, now)
    assert made.protocol == "mqtt311"
    assert made.due(now)


def test_a_downgraded_attempt_that_fails_goes_back_to_version_5() -> None:
    made = connection()
    waits(made, [SILENT, SILENT])
    assert made.protocol == "mqtt311"
    now = made.deadline_ns() or 0
    made.began(now)
    made.failed(REFUSED, now)
    assert made.protocol == "mqtt5"


def test_a_downgraded_connection_is_renewed_ever_more_seldom() -> None:
    made = online_with_3_1_1(SILENT)
    assert not made.renewal_due(539 * S)  # ten minutes, of which a tenth is drawn at random
    assert made.renewal_due(600 * S)
    made.renew(600 * S)
    assert made.protocol == "mqtt5"
    assert made.due(600 * S)
    made.began(600 * S)
    made.failed(SILENT, 600 * S)
    assert made.protocol == "mqtt311"
    assert made.due(600 * S)
    made.began(600 * S)
    made.accepted(600 * S)
    assert not made.renewal_due((600 + 1079) * S)
    assert made.renewal_due((600 + 1200) * S)
    made.renew(1800 * S)
    made.began(1800 * S)
    made.accepted(1800 * S)
    assert not made.downgraded
    assert not made.renewal_due(10**6 * S)


@pytest.mark.parametrize("choice", ["mqtt5", "mqtt311"])
def test_a_chosen_version_stays(choice: str) -> None:
    made = connection(choice)
    waits(made, [UNSUPPORTED, SILENT, SILENT, SILENT])
    assert made.protocol == choice
