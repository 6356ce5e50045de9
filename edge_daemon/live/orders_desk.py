"""Where orders are dealt with: taken from the inbox, judged, written down, and only then done.

An order is noted on disk before anything of it is done, and its change of the setup in the same write: after a power
cut it has been obeyed as a whole or never came. What the calling thread must do (reload, health, restart) it is asked
for, and the answer to the order follows when that is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import EdgeDaemonError, StorageError
from edge_daemon.health.document import OrdersHealth
from edge_daemon.live.clip_sender import ClipSender
from edge_daemon.live.errand import Deed, Errand, Judge
from edge_daemon.live.model_intake import ModelIntake
from edge_daemon.live.order_replies import OrderReplies
from edge_daemon.mqtt.inbox import Inbox
from edge_daemon.mqtt.link import Received
from edge_daemon.orders.arguments import Arguments, ClipArguments, ModelArguments, PieceArguments, SetArguments
from edge_daemon.orders.gate import Gate, Opened
from edge_daemon.orders.overlay import settable_keys
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

MOST_AT_ONCE, MOST_NS = 200, SECOND_NS // 2
"""Messages, and time for them, in one look: the thread has a disk to write, too."""


class OrdersDesk:
    """Deals with orders; `tick` is for the thread of the disk, the rest as it says.

    Args:
        inbox: where they come from.
        gate: knows which are to be obeyed.
        file: what is kept of them.
        replies: answers.
        clips: sends the sound of detections.
        models: takes models and has them examined.
        time: clocks.

    Attributes:
        models: takes models.
        judge: of setups; None where there is no file to lay them over.
        wake: called when the calling thread is asked for something.
        obeyed: orders obeyed since the start.
        repeated: retained orders that came again.
        problem: what keeps orders from being obeyed; empty if nothing does.
    """

    def __init__(
        self,
        inbox: Inbox,
        gate: Gate,
        file: StateFile,
        replies: OrderReplies,
        clips: ClipSender,
        models: ModelIntake,
        time: TimeSource,
    ) -> None:
        self._inbox, self._gate, self._file, self._time = inbox, gate, file, time
        self.replies, self._clips, self.models = replies, clips, models
        self.judge: Judge | None = None
        self.wake: Callable[[], object] = lambda: None
        self.obeyed = self.repeated = 0
        self.problem = ""
        self._requests: deque[Errand] = deque()
        self._fulfilled: deque[tuple[Errand, str]] = deque()
        self._untold = True  # outcomes of a former start may wait
        self._begun = False
        self._verdict: tuple[OrdersState, str] | None = None  # on a trial, to be written down
        self._overlong = self._crowded = 0
        self._probe = ""  # id of the message by which the broker is reached in a trial
        self.reached = False
        """Whether the broker has acknowledged a message that was written since the trial began."""
        self.trial: OrdersState | None = None
        """The state while something is on trial; None else. Replaced as a whole; from any thread."""
        self.trial_began_ns = 0

    # --- for the calling thread

    def report(self) -> OrdersHealth:
        """What health tells; from any thread."""
        trial = None if self.trial is None else self.trial.trial
        return OrdersHealth(
            obeyed=self.obeyed,
            refused=dict(self.replies.refused),
            repeated=self.repeated,
            waiting=len(self._inbox),
            trial=None if trial is None else trial.counter,
            unreadable=tuple(sorted(self._inbox.refused)),
        )

    def take_requests(self) -> list[Errand]:
        """What is to be done, in its order."""
        return [self._requests.popleft() for _ in range(len(self._requests))]

    def fulfilled(self, request: Errand, failure: str = "") -> None:
        """It is done, or has failed."""
        self._fulfilled.append((request, failure))

    def conclude(self, trial: OrdersState, verdict: str) -> None:
        """A trial has ended: well if empty, else why not; written down by `tick`, which tries until it can."""
        self._verdict = (trial, verdict)

    # --- for the publishing thread

    def acknowledged(self, message: str) -> None:
        """The broker has a message of the outbox."""
        if message == self._probe:
            self.reached = True

    # --- for the thread of the disk

    def tick(self) -> None:
        """Deal with what has come."""
        if not self._begun:
            self._begin()
        self._conclude()
        self._answer_all()
        self._tell()
        self._look_at_the_examination()
        self._count_unread()
        end_ns = self._time.monotonic_ns() + MOST_NS
        for _ in range(MOST_AT_ONCE):
            letter = self._inbox.take()
            if letter is None:
                break
            self._deal(letter)
            if self._time.monotonic_ns() >= end_ns:
                break

    def _begin(self) -> None:
        """At the first look: a trial that this start belongs to goes on."""
        try:
            state = self._file.read()
        except StorageError as error:
            self.problem = str(error)
            return
        self._begun, self.problem = True, ""
        self.models.tidy(state)
        if (trial := state.trial) is not None:
            probe = Outstanding(trial.key, trial.counter, trial.kind, "trial", "the program was started with it")
            self._try(state, probe)

    def _try(self, state: OrdersState, answer: Outstanding) -> None:
        """The order's change is in force: its trial begins, unless a later one has taken its place."""
        probe = self.replies.put(answer.key, answer.counter, answer.kind, "trial", answer.text)
        trial = state.trial
        if trial is not None and (trial.key, trial.counter) == (answer.key, answer.counter):
            self.reached, self._probe = False, probe
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
            return
        self.trial, self._verdict, self._untold, self.problem = None, None, True, ""
        self.models.tidy(after)
        if verdict:
            self._go_back(before, after)

    def _go_back(self, before: OrdersState, after: OrdersState) -> None:
        self._ask(Errand("restart" if before.setup.model != after.setup.model else "reload"))

    def _answer_all(self) -> None:
        try:
            while self._fulfilled:
                self._answer(*self._fulfilled[0])
                self._fulfilled.popleft()
        except StorageError as error:
            self.problem = str(error)

    def _answer(self, request: Errand, failure: str) -> None:
        answer = request.answer
        if answer is None:
            return
        if request.tries and not failure:
            self._try(self._file.read(), answer)
        elif request.tries:
            self._file.change(lambda state: fallen(state, failure))
            self.trial, self._untold = None, True
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

    def _count_unread(self) -> None:
        """What the inbox has not kept."""
        overlong, crowded = self._inbox.overlong, self._inbox.crowded
        for _ in range(self._overlong, overlong):
            self.replies.refuse("oversized", "it is longer than any order")
        for _ in range(self._crowded, crowded):
            self.replies.refuse("crowded", "too many orders wait")
        self._overlong, self._crowded = overlong, crowded

    def _deal(self, letter: Received) -> None:
        opened: Opened | None = None
        try:
            opened = self._gate.open(letter.payload)
            self._obey(opened)
        except OrderRefusedError as error:
            if error.reason == "replayed" and letter.retained:
                self.repeated += 1
                return
            if opened is None:
                self.replies.refuse(error.reason, str(error))
            else:
                order = opened.order
                self.replies.refuse(error.reason, str(error), opened.key, order.counter, order.kind)
        except StorageError as error:
            self.problem = str(error)
            self.replies.refuse("disk", str(error))

    def _obey(self, opened: Opened) -> None:
        key, order = opened.key, opened.order
        state = self._file.read()
        try:
            arguments = self._gate.admit(opened, state.counters, self._time.utc_ns() // SECOND_NS)
            self._do(opened, arguments)
        except OrderRefusedError as error:
            if error.reason in ("kind", "arguments", "value", "busy"):  # it was for us, and is dealt with
                self._file.change(lambda found: counted(found, key, order.counter))
            raise
        self.obeyed += 1
        self.problem = ""

    def _do(self, opened: Opened, arguments: Arguments) -> None:
        if isinstance(arguments, SetArguments):
            self._set(opened, arguments)
        elif isinstance(arguments, ClipArguments):
            self._note(opened)
            outcome, text = self._clips.send(arguments.id)
            self._reply(opened, outcome, text)
        elif isinstance(arguments, PieceArguments):
            self.models.take_piece(arguments, opened.order.attachment)
            self._note(opened)
        elif isinstance(arguments, ModelArguments):
            answer, text, detail = self.models.take(opened, arguments, self._file.read().setup)
            self._note(opened)
            if answer is not None:
                self._reply(opened, answer, text, detail)
        elif opened.order.kind == "roll_back":
            self._roll_back(opened)
        elif opened.order.kind == "restart":
            self._note(opened)
            self._reply(opened, "done", "the program starts anew")
            self._ask(Errand("restart"))
        elif opened.order.kind in ("reload", "health"):
            self._note(opened)
            deed: Deed = "reload" if opened.order.kind == "reload" else "health"
            self._ask(Errand(deed, self._outstanding(opened, "done")))
        else:
            raise OrderRefusedError("kind", f"this program does not do {opened.order.kind!r}")

    def _set(self, opened: Opened, arguments: SetArguments) -> None:
        unknown = (arguments.values.keys() | set(arguments.unset)) - settable_keys()
        if unknown:
            raise OrderRefusedError("value", f"orders do not set {', '.join(sorted(unknown))}"[:300])
        counter = opened.order.counter
        self._change(opened, lambda state: state.setup.with_values(arguments.values, arguments.unset, counter))

    def _look_at_the_examination(self) -> None:
        found = self.models.examined()
        if found is None:
            return
        opened, model, problem = found
        if problem:
            self.models.tidy(self._file.read())
            self._reply(opened, "failed", f"the model is not good: {problem}")
            return
        counter = opened.order.counter
        self._put_on_trial(opened, lambda state: state.setup.with_model(model.digest, counter))

    def close(self) -> None:
        """End what runs; an examination that has not ended is for the next order."""
        self.models.close()

    def _roll_back(self, opened: Opened) -> None:
        state = self._file.read()
        if state.trial is not None:
            why = f"order {opened.order.counter}"
            after = self._file.change(lambda found: fallen(counted(found, opened.key, opened.order.counter), why))
            self.trial, self._untold = None, True
            self._reply(opened, "done", "the trial was ended")
            self._go_back(state, after)
            return
        if state.former is None:
            raise OrderRefusedError("value", "there is nothing to go back to")
        former = state.former
        self._change(opened, lambda _state: former)

    def _change(self, opened: Opened, setup_of: Callable[[OrdersState], Setup]) -> None:
        """Put another setup on trial, in one write with the order's counter."""

        def suiting(state: OrdersState) -> Setup:
            setup = setup_of(state)
            self._see_that_it_suits(setup)
            return setup

        self._put_on_trial(opened, suiting)

    def _put_on_trial(self, opened: Opened, setup_of: Callable[[OrdersState], Setup]) -> None:
        key, order = opened.key, opened.order

        def event(state: OrdersState) -> OrdersState:
            return tried(counted(state, key, order.counter), setup_of(state), key, order.counter, order.kind)

        before = self._file.read()
        after = self._file.change(event)
        restarts = before.setup.model != after.setup.model
        self.trial = None  # it begins when it is in force
        if after.trial is None:
            self._ask(Errand("restart" if restarts else "reload", self._outstanding(opened, "done")))
        elif restarts:
            self._ask(Errand("restart"))
        else:
            self._ask(Errand("reload", self._outstanding(opened, "trial"), tries=True))

    def _see_that_it_suits(self, setup: Setup) -> None:
        if self.judge is None:
            raise OrderRefusedError("value", "there is no configuration file to set anything over")
        try:
            self.judge(setup)
        except EdgeDaemonError as error:
            raise OrderRefusedError("value", str(error).splitlines()[0][:300]) from None

    def _note(self, opened: Opened) -> None:
        self._file.change(lambda state: counted(state, opened.key, opened.order.counter))

    def _reply(self, opened: Opened, outcome: Outcome, text: str = "", detail: dict[str, Any] | None = None) -> None:
        self.replies.put(opened.key, opened.order.counter, opened.order.kind, outcome, text, detail)

    def _outstanding(self, opened: Opened, outcome: Outcome) -> Outstanding:
        return Outstanding(opened.key, opened.order.counter, opened.order.kind, outcome)

    def _ask(self, request: Errand) -> None:
        self._requests.append(request)
        self.wake()
