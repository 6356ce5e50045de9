"""What orders change: on trial, confirmed, taken back; and what the calling thread is asked to do for it.

The desk of orders (`orders_desk.py`) says what is to be changed. Here it is written down together with the order's
counter, then asked for, and answered when it is in force; and a trial's end is written down before it is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from edge_daemon.clock.time_source import TimeSource
from edge_daemon.errors import EdgeDaemonError, StorageError
from edge_daemon.live.errand import Errand, Judge, OrderedFile
from edge_daemon.live.order_replies import OrderReplies, reply_id
from edge_daemon.orders.gate import Opened
from edge_daemon.orders.refusal import OrderRefusedError
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.state_file import StateFile
from edge_daemon.orders.trial_state import (
    OrdersState,
    Outcome,
    Outstanding,
    confirmed,
    counted,
    fallen,
    told,
    tried,
)


class SetupDesk:
    """Changes what is set; `tick` and what changes are for the thread of the disk, the rest as it says.

    Args:
        file: what is kept of orders.
        replies: answers.
        tidy: called with the state when something that it needed before may go.
        time: clocks.

    Attributes:
        judge: of setups; None where there is no file to lay them over.
        ordered: the file that they are laid over; likewise.
        wake: called when the calling thread is asked for something.
        problem: what keeps orders from being obeyed; empty if nothing does.
        reached: whether the broker has acknowledged a message that was written since the trial began.
        trial: the state while something is on trial; None else. Replaced as a whole; from any thread.
        trial_began_ns: monotonic time.
    """

    def __init__(
        self, file: StateFile, replies: OrderReplies, tidy: Callable[[OrdersState], object], time: TimeSource
    ) -> None:
        self._file, self.replies, self._tidy, self._time = file, replies, tidy, time
        self.judge: Judge | None = None
        self.ordered: OrderedFile | None = None
        self.wake: Callable[[], object] = lambda: None
        self.problem = ""
        self.reached = False
        self.trial: OrdersState | None = None
        self.trial_began_ns = 0
        self._errands: deque[Errand] = deque()
        self._done: deque[tuple[Errand, str]] = deque()
        self._untold = True  # outcomes of a former start may wait
        self._begun = False
        self._verdict: tuple[OrdersState, str] | None = None  # on a trial, to be written down
        self._probe = ""  # id of the message by which the broker is reached in a trial

    # --- for the calling thread

    def take_errands(self) -> list[Errand]:
        """What is to be done, in its order."""
        return [self._errands.popleft() for _ in range(len(self._errands))]

    def fulfilled(self, errand: Errand, failure: str = "") -> None:
        """It is done, or has failed."""
        self._done.append((errand, failure))

    def conclude(self, trial: OrdersState, verdict: str) -> None:
        """A trial has ended: well if empty, else why not; written down by `tick`, which tries until it can.

        The first verdict stands: what has failed is not confirmed because the disk was slow to note it.
        """
        if self._verdict is None or self._verdict[0] is not trial:
            self._verdict = (trial, verdict)

    # --- for the publishing thread

    def acknowledged(self, message: str) -> None:
        """The broker has a message of the outbox."""
        if message == self._probe:
            self.reached = True

    # --- for the thread of the disk

    def read(self) -> OrdersState:
        """The state; raises StorageError if it cannot be read, or this start is not written down yet."""
        if not self._begun:
            raise StorageError("This start cannot be noted among the orders' state.", self.problem)
        return self._file.read()

    def tick(self) -> None:
        """Write down how trials ended, answer what is done, tell what is to be told."""
        if not self._begun:
            self._begin()
        self._conclude()
        self._answer_all()
        self._tell()

    def note(self, opened: Opened) -> None:
        """The order is dealt with: none up to its counter is obeyed any more."""
        self._file.change(lambda state: counted(state, opened.key, opened.order.counter))

    def reply(self, opened: Opened, outcome: Outcome, text: str = "", detail: dict[str, Any] | None = None) -> None:
        """Answer an order."""
        self.replies.put(opened.key, opened.order.counter, opened.order.kind, outcome, text, detail)

    def outstanding(self, opened: Opened, outcome: Outcome) -> Outstanding:
        """What an order is to be answered with."""
        return Outstanding(opened.key, opened.order.counter, opened.order.kind, outcome)

    def ask(self, errand: Errand) -> None:
        """Ask the calling thread for something."""
        self._errands.append(errand)
        self.wake()

    def change(self, opened: Opened, setup_of: Callable[[OrdersState], Setup]) -> None:
        """Put another setup on trial; raises OrderRefusedError if it does not suit."""

        def suiting(state: OrdersState) -> Setup:
            setup = setup_of(state)
            self._see_that_it_suits(setup)
            return setup

        self.put_on_trial(opened, suiting)

    def put_on_trial(self, opened: Opened, setup_of: Callable[[OrdersState], Setup]) -> None:
        """Put another setup on trial, in one write with the order's counter, without judging it."""
        key, order = opened.key, opened.order

        def event(state: OrdersState) -> OrdersState:
            return tried(counted(state, key, order.counter), setup_of(state), key, order.counter, order.kind)

        before = self._file.read()
        after = self._file.change(event)
        restarts = before.setup.model != after.setup.model
        self.trial = None  # it begins when it is in force
        if after.trial is None:
            self.ask(Errand("restart" if restarts else "reload", self.outstanding(opened, "done")))
        elif restarts:
            self.ask(Errand("restart"))
        else:
            self.ask(Errand("reload", self.outstanding(opened, "trial"), tries=True))

    def roll_back(self, opened: Opened) -> None:
        """End the trial, or try what was confirmed before; raises OrderRefusedError if nothing was."""
        state = self._file.read()
        if state.trial is not None:
            why = f"order {opened.order.counter}"
            after = self._file.change(lambda found: fallen(counted(found, opened.key, opened.order.counter), why))
            self.trial, self._untold = None, True
            self.reply(opened, "done", "the trial was ended")
            self._go_back(state, after)
            return
        if state.former is None:
            raise OrderRefusedError("value", "there is nothing to go back to")
        former = state.former
        self.change(opened, lambda _state: former)

    def _see_that_it_suits(self, setup: Setup) -> None:
        if self.judge is None:
            raise OrderRefusedError("value", "there is no configuration file to set anything over")
        try:
            self.judge(setup)
        except EdgeDaemonError as error:
            raise OrderRefusedError("value", str(error).splitlines()[0][:300]) from None

    def _begin(self) -> None:
        """At the first look: a trial that this start belongs to goes on."""
        lapsed = None if self.ordered is None else self.ordered.lapsed
        try:
            state = self._file.read()
            if lapsed is not None and lapsed[0].same_order(state.trial):  # what does not run proves nothing
                state = self._file.change(lambda found: fallen(found, lapsed[1]))
        except StorageError as error:
            self.problem = str(error)
            return
        self._begun, self.problem = True, ""
        self._tidy(state)
        if (trial := state.trial) is not None:
            probe = Outstanding(trial.key, trial.counter, trial.kind, "trial", "the program was started with it")
            self._try(state, probe)

    def _try(self, state: OrdersState, answer: Outstanding) -> None:
        """The order's change is in force: its trial begins, unless a later one has taken its place."""
        trial = state.trial
        begins = trial is not None and (trial.key, trial.counter) == (answer.key, answer.counter)
        if begins:  # before it is sent: it may be acknowledged at once
            self.reached, self._probe = False, reply_id(answer.key, answer.counter, "trial")
        self.replies.put(answer.key, answer.counter, answer.kind, "trial", answer.text)
        if begins:
            self.trial_began_ns = self._time.monotonic_ns()
            self.trial = state

    def _conclude(self) -> None:
        if self._verdict is None or self._verdict[0] is not self.trial:
            return
        before, verdict = self._verdict
        try:
            after = self._file.change(lambda state: fallen(state, verdict) if verdict else confirmed(state))
        except StorageError as error:
            self.problem = str(error)
            self._lapse(before, verdict)
            return
        self.trial, self._verdict, self._untold, self.problem = None, None, True, ""
        self._tidy(after)
        if verdict:
            self._go_back(before, after)

    def _lapse(self, before: OrdersState, verdict: str) -> None:
        """A trial that has failed ends even while the disk cannot be written; once."""
        if not verdict or before.trial is None or self.ordered is None:
            return
        lapsed = self.ordered.lapsed
        if lapsed is None or not lapsed[0].same_order(before.trial):
            self.ordered.let_lapse(before.trial, verdict)
            self._go_back(before, fallen(before, verdict))

    def _go_back(self, before: OrdersState, after: OrdersState) -> None:
        self.ask(Errand("restart" if before.setup.model != after.setup.model else "reload"))

    def _answer_all(self) -> None:
        try:
            while self._done:
                self._answer(*self._done[0])
                self._done.popleft()
        except StorageError as error:
            self.problem = str(error)

    def _answer(self, errand: Errand, failure: str) -> None:
        answer = errand.answer
        if answer is None:
            return
        if errand.tries and not failure:
            self._try(self._file.read(), answer)
        elif errand.tries:
            before = self._file.read()
            try:
                after = self._file.change(lambda state: fallen(state, failure))
            except StorageError:
                self._lapse(before, failure)
                raise
            self.trial, self._untold = None, True
            self._go_back(before, after)  # some of it may be in force
        else:
            outcome: Outcome = "failed" if failure else answer.outcome
            self.replies.put(answer.key, answer.counter, answer.kind, outcome, failure or answer.text)

    def _tell(self) -> None:
        """Outcomes of trials, which must not be lost over a power cut."""
        if not self._untold:
            return
        try:
            outcomes = self._file.read().untold
            for one in outcomes:
                self.replies.put(one.key, one.counter, one.kind, one.outcome, one.text)
            if not outcomes or self.replies.commit():
                self._file.change(lambda state: told(state, outcomes))
                self._untold = False
        except StorageError as error:
            self.problem = str(error)
