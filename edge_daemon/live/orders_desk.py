"""Where orders are dealt with: taken from the inbox, judged, written down, and only then done.

An order is noted on disk before anything of it is done, and its change of the setup in the same write: after a power
cut it has been obeyed as a whole or never came. What the calling thread must do (reload, health, restart) it is asked
for, and the answer to the order follows when that is done.
"""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.health.document import OrdersHealth
from edge_daemon.live.clip_sender import ClipSender
from edge_daemon.live.errand import Deed, Errand
from edge_daemon.live.model_intake import ModelIntake
from edge_daemon.live.setup_desk import SetupDesk
from edge_daemon.mqtt.inbox import Inbox
from edge_daemon.mqtt.link import Received
from edge_daemon.orders.arguments import Arguments, ClipArguments, ModelArguments, PieceArguments, SetArguments
from edge_daemon.orders.gate import Gate, Opened
from edge_daemon.orders.overlay import settable_keys
from edge_daemon.orders.refusal import OrderRefusedError

MOST_AT_ONCE, MOST_NS = 200, SECOND_NS // 2
"""Messages, and time for them, in one look: the thread has a disk to write, too."""


class OrdersDesk:
    """Deals with orders; `tick` is for the thread of the disk, the rest as it says.

    Args:
        inbox: where they come from.
        gate: knows which are to be obeyed.
        setups: changes what is set.
        clips: sends the sound of detections.
        models: takes models and has them examined.
        time: clocks.

    Attributes:
        setups, replies, models: as they were given.
        obeyed: orders obeyed since the start.
        repeated: retained orders that came again.
    """

    def __init__(
        self, inbox: Inbox, gate: Gate, setups: SetupDesk, clips: ClipSender, models: ModelIntake, time: TimeSource
    ) -> None:
        self._inbox, self._gate, self._time = inbox, gate, time
        self.setups, self.replies, self._clips, self.models = setups, setups.replies, clips, models
        self.obeyed = self.repeated = 0
        self._overlong = self._crowded = 0

    def report(self) -> OrdersHealth:
        """What health tells; from any thread."""
        state = self.setups.trial
        trial = None if state is None else state.trial
        return OrdersHealth(
            obeyed=self.obeyed,
            refused=dict(self.replies.refused),
            repeated=self.repeated,
            waiting=len(self._inbox),
            trial=None if trial is None else trial.counter,
            unreadable=tuple(sorted(self._inbox.refused)),
        )

    def tick(self) -> None:
        """Deal with what has come."""
        self.setups.tick()
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
            self.setups.problem = str(error)
            self.replies.refuse("disk", str(error))

    def _obey(self, opened: Opened) -> None:
        try:
            counters = self.setups.read().counters
            arguments = self._gate.admit(opened, counters, self._time.utc_ns() // SECOND_NS)
            self._do(opened, arguments)
        except OrderRefusedError as error:
            if error.reason in ("kind", "arguments", "value", "busy"):  # it was for us, and is dealt with
                self.setups.note(opened)
            raise
        self.obeyed += 1
        self.setups.problem = ""

    def _do(self, opened: Opened, arguments: Arguments) -> None:
        if isinstance(arguments, SetArguments):
            self._set(opened, arguments)
        elif isinstance(arguments, ClipArguments):
            self.setups.note(opened)
            outcome, text = self._clips.send(arguments.id)
            self.setups.reply(opened, outcome, text)
        elif isinstance(arguments, PieceArguments):
            self.setups.note(opened)
            self.models.take_piece(arguments, opened.order.attachment)
        elif isinstance(arguments, ModelArguments):
            self.setups.note(opened)
            answer, text, detail = self.models.take(opened, arguments, self.setups.read().setup)
            if answer is not None:
                self.setups.reply(opened, answer, text, detail)
        elif opened.order.kind == "roll_back":
            self.setups.roll_back(opened)
        elif opened.order.kind == "restart":
            self.setups.note(opened)
            self.setups.reply(opened, "done", "the program starts anew")
            self.setups.ask(Errand("restart"))
        elif opened.order.kind in ("reload", "health"):
            self.setups.note(opened)
            deed: Deed = "reload" if opened.order.kind == "reload" else "health"
            self.setups.ask(Errand(deed, self.setups.outstanding(opened, "done")))
        else:
            raise OrderRefusedError("kind", f"this program does not do {opened.order.kind!r}")

    def _set(self, opened: Opened, arguments: SetArguments) -> None:
        unknown = (arguments.values.keys() | set(arguments.unset)) - settable_keys()
        if unknown:
            raise OrderRefusedError("value", f"orders do not set {', '.join(sorted(unknown))}"[:300])
        counter = opened.order.counter
        self.setups.change(opened, lambda state: state.setup.with_values(arguments.values, arguments.unset, counter))

    def _look_at_the_examination(self) -> None:
        found = self.models.examined()
        if found is None:
            return
        opened, model, problem = found
        if problem:
            self.models.tidy(self.setups.read())
            self.setups.reply(opened, "failed", f"the model is not good: {problem}")
            return
        counter = opened.order.counter
        self.setups.put_on_trial(opened, lambda state: state.setup.with_model(model.digest, counter))

    def close(self) -> None:
        """End what runs; an examination that has not ended is for the next order."""
        self.models.close()
