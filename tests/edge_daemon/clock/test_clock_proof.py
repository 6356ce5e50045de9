"""An age is believed when the clock has been right for long enough, and a leap must be right for as long as it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.clock.clock_proof import PROOF_S, ClockProof, ProofRecord
from edge_daemon.testing.machine import ManualTime

DAY = 86_400.0
YEAR = 365 * DAY


class Observed:
    """A clock that is looked at every so often."""

    def __init__(self, time: ManualTime | None = None, record: ProofRecord | None = None, boot: str = "a") -> None:
        self.time = time or ManualTime()
        self.proof = ClockProof(boot, record)
        self.look()

    def look(self, synchronised: bool = True) -> bool:
        return self.proof.look(self.time.utc_ns(), self.time.monotonic_ns(), synchronised=synchronised)

    def days(self, days: float) -> bool:
        """Let days pass; returns whether the clock is proven then."""
        self.time.advance(days * DAY)
        self.look()
        return self.proof.proven


def test_a_week_proves_a_clock() -> None:
    clock = Observed()
    assert not clock.days(6.99)
    assert clock.days(0.02)


def test_three_years_must_be_said_for_three_years() -> None:
    clock = Observed()
    assert clock.days(30)
    clock.time.step(3 * YEAR)
    assert clock.look()
    assert clock.proof.doubt_s == 3 * YEAR
    assert not clock.days(0)
    assert not clock.days(7)
    assert not clock.days(3 * 365 - 8)
    assert clock.days(2)
    assert clock.proof.doubt_s == 0.0


def test_a_false_answer_taken_back_leaves_a_week() -> None:
    clock = Observed()
    clock.days(30)
    clock.time.step(3 * YEAR)
    clock.days(1)
    clock.time.step(-3 * YEAR)
    clock.look()
    assert not clock.days(6.9)
    assert clock.days(0.2)


def test_small_leaps_add_up() -> None:
    clock = Observed()
    clock.days(30)
    for _ in range(100):
        clock.time.step(10 * DAY)
        clock.look()
    clock.time.step(-2.0)  # a leap back gives away what it is long, and no more
    clock.look()
    assert clock.proof.doubt_s == 1000 * DAY - 2
    assert not clock.days(999)
    assert clock.days(1)


def test_what_is_not_kept_right_proves_nothing_and_is_checked_afterwards() -> None:
    clock = Observed()
    clock.days(30)
    clock.time.step(YEAR)
    assert not clock.look(synchronised=False)
    assert clock.proof.proven  # as of the last look; nobody deletes while the clock is not kept right
    clock.time.advance(DAY)
    assert clock.look()
    assert not clock.proof.proven
    never = ClockProof("a")
    never.look(10**18, 0, synchronised=False)
    never.look(2 * 10**18, 10**18, synchronised=False)
    assert never.record is None
    assert not never.proven


def test_the_proof_goes_on_over_a_restart_of_the_program() -> None:
    first = Observed()
    first.days(4)
    first.time.advance(DAY)
    again = Observed(first.time, first.proof.record)
    assert not again.days(1.9)
    assert again.days(0.2)
    again.time.step(YEAR)  # while the program did not run
    third = Observed(again.time, again.proof.record)
    assert third.proof.doubt_s == YEAR


def test_over_a_restart_of_the_board_a_week_is_believed_and_counts_for_nothing() -> None:
    first = Observed()
    first.days(30)
    record = first.proof.record
    assert record is not None
    off = ManualTime(record.utc_ns + round(6 * DAY * 1e9), 5 * 10**9)
    assert Observed(off, record, boot="b").proof.proven
    young = ProofRecord(record.utc_ns, record.monotonic_ns, "a", steady_s=PROOF_S - 1)
    assert not Observed(off, young, boot="b").proof.proven
    for passed_s in (8 * DAY, 3 * YEAR, -5.0, -YEAR):
        time = ManualTime(record.utc_ns + round(passed_s * 1e9), 5 * 10**9)
        told = Observed(time, record, boot="b")
        assert not told.proof.proven
        assert told.proof.doubt_s == max(0.0, passed_s)


@given(st.lists(st.tuples(st.floats(0.1, 3 * DAY), st.floats(-YEAR, 3 * YEAR)), max_size=30))
def test_what_is_proven_has_been_right_for_as_long_as_it_leapt(steps: list[tuple[float, float]]) -> None:
    clock, steady_s, furthest_s, leapt_s = Observed(), 0.0, 0.0, 0.0
    for passed_s, step_s in steps:
        if clock.proof.proven:
            leapt_s = 0.0
        clock.time.step(step_s)
        clock.time.advance(passed_s)
        clock.look()
        still = abs(step_s) <= 1.0
        leapt_s += 0.0 if still else step_s
        leapt_s = max(0.0, leapt_s)
        steady_s = steady_s + passed_s if still else 0.0
        furthest_s = max(PROOF_S, leapt_s)
        assert not clock.proof.proven or steady_s >= furthest_s - 60
