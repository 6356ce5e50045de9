"""A trial ends in what proved itself or in what was before, whatever happens in between."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.live.trial_watch import TrialProofs, trial_ended
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.trial_state import OrdersState, cleared, confirmed, counted, fallen, started, told, tried

A, B = "a" * 64, "b" * 64


def values(state: OrdersState, **changed: object) -> Setup:
    return state.setup.with_values(changed, (), 1)


def on_trial(state: OrdersState, setup: Setup, counter: int = 1) -> OrdersState:
    return tried(counted(state, "k", counter), setup, "k", counter, "set")


def test_values_are_in_force_on_trial_and_stay_when_confirmed() -> None:
    state = OrdersState()
    trying = on_trial(state, values(state, x=1))
    assert trying.setup.values["x"].value == 1
    assert trying.confirmed.empty
    done = confirmed(trying)
    assert (done.trial, done.setup, done.former) == (None, trying.setup, Setup())
    assert [one.outcome for one in done.untold] == ["confirmed"]


def test_a_start_in_a_trial_of_values_brings_back_what_was() -> None:
    state = confirmed(on_trial(OrdersState(), values(OrdersState(), x=1)))
    again = started(on_trial(state, values(state, x=2), 2))
    assert again.setup == state.setup
    assert again.untold[-1].outcome == "rolled_back"


def test_a_model_has_one_start_and_no_more() -> None:
    trying = on_trial(OrdersState(), Setup().with_model(A, 1))
    first = started(trying)
    assert first.setup.model == A
    assert started(first).setup.model is None


def test_nobody_tries_what_cannot_be_written_down() -> None:
    trying = on_trial(OrdersState(), Setup().with_model(A, 1))
    assert started(trying, writable=False).setup.model is None


def test_values_set_while_a_model_is_tried_stand_or_fall_with_it() -> None:
    running = started(on_trial(OrdersState(), Setup().with_model(A, 1)))
    both = on_trial(running, values(running, x=1), 2)
    assert both.trial is not None
    assert (both.trial.restarts, both.trial.starts) == (True, 1)
    assert started(both).setup.empty


def test_what_is_set_back_to_what_is_confirmed_needs_no_trial() -> None:
    state = OrdersState()
    trying = on_trial(state, values(state, x=1))
    assert on_trial(trying, trying.setup.with_values({}, ["x"], 2), 2).trial is None


def test_clearing_forgets_what_was_set_and_not_what_was_obeyed() -> None:
    state = confirmed(on_trial(OrdersState(), values(OrdersState(), x=1), 7))
    assert cleared(state, 0) == OrdersState(counters={"k": 7})
    assert cleared(state, 50).counters == {"k": 50}


def test_outcomes_wait_until_they_are_told() -> None:
    state = fallen(on_trial(OrdersState(), values(OrdersState(), x=1)), "why")
    assert [one.text for one in state.untold] == ["why"]
    assert told(state, state.untold).untold == ()


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_in_force_is_only_what_was_confirmed_or_has_a_trial(seed: int) -> None:
    """A thousand lives in a nutshell: events in any sequence, power cuts among them."""
    rng = random.Random(seed)
    state, proven = OrdersState(), [Setup()]
    for counter in range(1, 41):
        event = rng.choice(["set", "model", "confirm", "fall", "start", "start", "order"])
        if event == "set":
            state = on_trial(state, state.setup.with_values({rng.choice("xyz"): counter}, (), counter), counter)
        elif event == "model":
            state = on_trial(state, state.setup.with_model(rng.choice((A, B)), counter), counter)
        elif event == "confirm" and state.trial is not None and (state.trial.starts or not state.trial.restarts):
            proven.append(state.setup)
            state = confirmed(state)
        elif event == "fall":
            state = fallen(state, "why")
        elif event == "start":
            state = started(started(state))  # no trial survives two
            assert state.trial is None
        else:
            state = counted(state, "k", counter)
        if state.trial is None:
            assert state.setup == proven[-1]
        assert state.confirmed == proven[-1]
        assert state.counters.get("k", 0) <= counter
        assert len(state.models) <= 3
        assert (state.setup.model in state.models) == (state.setup.model is not None)


@pytest.mark.parametrize(
    ("age_s", "proofs", "ended"),
    [
        (59.0, (True, True, True), None),
        (60.0, (True, True, True), ""),
        (599.0, (True, True, False), None),
        (600.0, (True, True, False), "within 600 s the broker was not reached"),
        (600.0, (False, False, True), "within 600 s no window was scored, the watchdog was not met"),
        (900.0, (True, True, True), ""),
        (600.0, (True, True, True, False), "within 600 s it was not in force"),
    ],
)
def test_a_trial_ends_with_its_proofs_or_its_time(age_s: float, proofs: tuple[bool, ...], ended: str | None) -> None:
    assert trial_ended(age_s, 600.0, TrialProofs(*proofs)) == ended
