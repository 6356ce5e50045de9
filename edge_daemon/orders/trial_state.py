"""What is kept of orders over a power cut, and how each event changes it. Pure: state and event in, state out.

A change is on trial first. What is on trial stands or falls together: a change during a trial joins it and begins it
anew. A trial outlives only that start of the program which it asked for itself; any other start, be it after a crash, a
power cut or a hand, brings back what was before. So does time, if the proofs do not come.

    set, model, roll_back ─▶ on trial ──proofs──▶ confirmed (what was confirmed becomes the former setup)
                               └──time, start──▶ as before
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from edge_daemon.orders.setup import Setup

Outcome = Literal["done", "trial", "confirmed", "rolled_back", "refused", "failed", "incomplete"]
"""What became of an order: done; on trial; its trial has ended well; or badly; refused; tried in vain; more pieces of
the model are to be sent."""
MOST_UNTOLD = 16
STARTED_AGAIN = "the program was started again before the trial had ended"


@dataclass(frozen=True, slots=True)
class Outstanding:
    """An outcome that the broker is still to be told.

    Attributes:
        key, counter, kind: of the order.
        outcome, text: what became of it.
    """

    key: str
    counter: int
    kind: str
    outcome: Outcome
    text: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A setup that has to prove itself.

    Attributes:
        setup: what is tried.
        key, counter, kind: of the order that changed it last.
        restarts: it needs a start of the program.
        starts: of these, how many there were.
    """

    setup: Setup
    key: str
    counter: int
    kind: str
    restarts: bool = False
    starts: int = 0

    def same_order(self, other: Trial | None) -> bool:
        """Whether the same order has changed the other one last."""
        return other is not None and (self.key, self.counter) == (other.key, other.counter)


@dataclass(frozen=True, slots=True)
class OrdersState:
    """All that is kept.

    Attributes:
        counters: highest counter obeyed or refused for good, by name of the key.
        confirmed: what has proved itself.
        former: what was confirmed before that; None if there is nothing to go back to.
        trial: what is on trial; None if nothing is.
        untold: outcomes that are not in the outbox yet, oldest first.
    """

    counters: Mapping[str, int] = field(default_factory=dict)
    confirmed: Setup = field(default_factory=Setup)
    former: Setup | None = None
    trial: Trial | None = None
    untold: tuple[Outstanding, ...] = ()

    @property
    def setup(self) -> Setup:
        """What is in force."""
        return self.confirmed if self.trial is None else self.trial.setup

    @property
    def models(self) -> frozenset[str]:
        """Digests of the model files that are still needed."""
        setups = (self.confirmed, self.former, None if self.trial is None else self.trial.setup)
        return frozenset(one.model for one in setups if one is not None and one.model is not None)


def counted(state: OrdersState, key: str, counter: int) -> OrdersState:
    """An order with this counter was seen: none up to it is obeyed any more."""
    highest = max(counter, state.counters.get(key, -1))
    return replace(state, counters={**state.counters, key: highest})


def tried(state: OrdersState, setup: Setup, key: str, counter: int, kind: str) -> OrdersState:
    """Another setup is on trial from now on; nothing is, if it is the confirmed one."""
    running = state.trial
    if setup == state.confirmed:
        return replace(state, trial=None)
    if setup.model != state.setup.model:  # another model needs a start
        return replace(state, trial=Trial(setup, key, counter, kind, restarts=True))
    restarts, starts = (running.restarts, running.starts) if running is not None else (False, 0)
    return replace(state, trial=Trial(setup, key, counter, kind, restarts, starts))


def started(state: OrdersState, *, writable: bool = True) -> OrdersState:
    """The program starts.

    Args:
        state: as it was found.
        writable: whether what comes of it can be written down; nobody tries what nobody would know of later.
    """
    trial = state.trial
    if trial is None:
        return state
    if trial.restarts and not trial.starts and writable:
        return replace(state, trial=replace(trial, starts=1))
    return fallen(state, STARTED_AGAIN)


def confirmed(state: OrdersState) -> OrdersState:
    """The proofs have come."""
    trial = state.trial
    if trial is None:
        return state
    told = Outstanding(trial.key, trial.counter, trial.kind, "confirmed")
    return _with_outcome(replace(state, former=state.confirmed, confirmed=trial.setup, trial=None), told)


def fallen(state: OrdersState, why: str) -> OrdersState:
    """The trial has ended badly, or was ended: what was before is in force."""
    trial = state.trial
    if trial is None:
        return state
    return _with_outcome(
        replace(state, trial=None), Outstanding(trial.key, trial.counter, trial.kind, "rolled_back", why)
    )


def cleared(state: OrdersState, floor: int) -> OrdersState:
    """All that orders have set goes; what has been obeyed is never obeyed again.

    Args:
        state: as it was.
        floor: counters up to it are refused from now on, of keys that are known.
    """
    return OrdersState(counters={key: max(counter, floor) for key, counter in state.counters.items()})


def told(state: OrdersState, outcomes: tuple[Outstanding, ...]) -> OrdersState:
    """These outcomes are safe in the outbox."""
    return replace(state, untold=tuple(one for one in state.untold if one not in outcomes))


def _with_outcome(state: OrdersState, outcome: Outstanding) -> OrdersState:
    return replace(state, untold=(*state.untold, outcome)[-MOST_UNTOLD:])
