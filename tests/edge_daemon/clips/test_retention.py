"""Which files go: by hand, and the rules for any folder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.clips.retention import Retention, StoredFile, plan

S = 10**9
NOW = 1_767_225_600 * S
EPOCH_2020 = 1_577_836_800 * S


def names(files: list[StoredFile]) -> str:
    return "".join(file.name for file in files)


def aged(*ages_s: int, size: int = 10) -> list[StoredFile]:
    return [StoredFile(chr(97 + k), size, NOW - age * S) for k, age in enumerate(ages_s)]


def test_the_old_go() -> None:
    rules = Retention(max_age_s=100, max_bytes=1000, min_free_bytes=0)
    assert names(plan(aged(50, 101, 100, 300), rules, now_utc_ns=NOW, free_bytes=0)) == "db"


def test_the_oldest_go_until_the_total_fits() -> None:
    rules = Retention(max_age_s=1e9, max_bytes=25, min_free_bytes=0)
    assert names(plan(aged(1, 4, 2, 3), rules, now_utc_ns=NOW, free_bytes=0)) == "bd"
    assert names(plan(aged(1, 4, 2, 3), rules, now_utc_ns=NOW, free_bytes=0, incoming_bytes=6)) == "bdc"


def test_the_oldest_go_until_the_floor_is_free() -> None:
    rules = Retention(max_age_s=1e9, max_bytes=1000, min_free_bytes=100)
    assert names(plan(aged(1, 4, 2, 3), rules, now_utc_ns=NOW, free_bytes=81)) == "bd"
    assert names(plan(aged(1, 4, 2, 3), rules, now_utc_ns=NOW, free_bytes=100)) == ""
    assert names(plan(aged(1, 4, 2, 3), rules, now_utc_ns=NOW, free_bytes=100, incoming_bytes=1)) == "b"


def test_nothing_goes_in_vain() -> None:
    rules = Retention(max_age_s=1e9, max_bytes=1000, min_free_bytes=100)
    assert plan(aged(1, 2, 3), rules, now_utc_ns=NOW, free_bytes=50) == []


def test_files_from_a_clock_without_time_have_no_age() -> None:
    files = [StoredFile("1970", 10, 0), StoredFile("future", 10, NOW + 10**6 * S), StoredFile("old", 10, EPOCH_2020)]
    rules = Retention(max_age_s=100, max_bytes=1000, min_free_bytes=0)
    assert names(plan(files, rules, now_utc_ns=NOW, free_bytes=0)) == "old"
    rules = Retention(max_age_s=100, max_bytes=10, min_free_bytes=0)
    assert names(plan(files, rules, now_utc_ns=NOW, free_bytes=0)) == "old1970"


_files = st.lists(
    st.builds(
        StoredFile,
        st.uuids().map(str),
        st.integers(0, 1000),
        st.one_of(st.integers(NOW - 10_000 * S, NOW + 1000 * S), st.integers(0, EPOCH_2020 + 1000 * S)),
    ),
    max_size=20,
)


@given(
    _files,
    st.integers(0, 10_000),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.integers(0, 800),
)
def test_the_rules_hold_afterwards_and_no_more_goes_than_must(
    files: list[StoredFile], max_age: int, max_bytes: int, floor: int, free: int, incoming: int
) -> None:
    rules = Retention(max_age, max_bytes, floor)
    doomed = plan(files, rules, now_utc_ns=NOW, free_bytes=free, incoming_bytes=incoming)
    assert len({file.name for file in doomed}) == len(doomed)
    assert set(doomed) <= set(files)
    kept = [file for file in files if file not in doomed]
    before = NOW - max_age * S
    assert not [file for file in kept if EPOCH_2020 <= file.modified_utc_ns < before]
    total = sum(file.size for file in kept) + incoming
    assert total <= max_bytes or not kept
    left = free + sum(file.size for file in doomed) - incoming
    could_be_left = free + sum(file.size for file in files) - incoming
    assert left >= floor or could_be_left < floor
    # without the last one deleted for room, a rule would be broken
    for_room = [file for file in doomed if not EPOCH_2020 <= file.modified_utc_ns < before]
    if for_room:
        last = for_room[-1]
        assert total + last.size > max_bytes or left - last.size < floor
        assert all((file.modified_utc_ns, file.name) > (last.modified_utc_ns, last.name) for file in kept)
