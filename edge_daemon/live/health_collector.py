"""The daemon's health: what every component reports, as the health document and as a line for the service manager."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from edge_daemon import __version__
from edge_daemon.clock.clock_proof import PROOF_S
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.clock.utc import utc_text
from edge_daemon.config.health import HealthSection
from edge_daemon.health.assessment import assess
from edge_daemon.health.document import EffortHealth, HealthDocument, ModelHealth, OrdersHealth, ThreadHealth
from edge_daemon.health.partial_document import PartialDocument
from edge_daemon.live.assembly import Components
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.system import journal
from edge_daemon.system.repeated_errors import RepeatedErrorLog

log = logging.getLogger(__name__)

COUNTERS_EVERY_NS = 2 * SECOND_NS
_HURRY = 0.2
"""Share of the time since the last document from which on sound that came too fast is told."""


class HealthCollector:
    """Asks the components; none of them waits for a disk or a network to answer.

    Args:
        device: the device's id.
        section: the configuration's `health`; may be replaced at any time.
        components, dependencies: who is asked.
    """

    def __init__(self, device: str, section: HealthSection, components: Components, dependencies: Dependencies) -> None:
        self.section = section
        self.config_problems: tuple[str, ...] = ()
        """What of the configuration file is not in force, and why; may be replaced at any time."""
        self._device, self._components, self._dependencies = device, components, dependencies
        self._time, self._backend = dependencies.time, dependencies.detector.backend
        self._counters: dict[str, float] = {}  # the backend's, which is asked by the scoring thread alone
        self._counters_due_ns = self._asked_ns = self._time.monotonic_ns()
        self._excess_s = self._waited_s = 0.0  # when last asked
        self._refused = 0  # orders, likewise
        self._errors = RepeatedErrorLog(log, "a part of health cannot be told")

    def note_backend(self) -> None:
        """Ask the backend for its counters, now and then; for the thread that scores."""
        now_ns = self._time.monotonic_ns()
        if now_ns >= self._counters_due_ns:
            self._counters_due_ns = now_ns + COUNTERS_EVERY_NS
            self._counters = dict(self._backend.health())

    def document(self) -> HealthDocument:
        """The health document of this moment.

        A part that fails to report, or whose report cannot be told, is left out, and the document says so: how the rest
        is must not depend on it.
        """
        counted = self._components.counters.report(self._time.monotonic_ns())
        whole = PartialDocument(
            device=self._device,
            utc=utc_text(self._time.utc_ns()),
            version=__version__,
            uptime_s=round(counted.uptime_s, 1),
            state="ok",
            reasons=(),
            detections=counted.detections,
            not_rising=counted.not_rising,
            windows=counted.windows,
            latency=counted.latency,
            gaps=counted.gaps,
        )
        components, dependencies = self._components, self._dependencies
        whole.add("delivery", lambda: counted.delivery)
        whole.add("effort", self._effort)
        whole.add("queues", lambda: {"sound": components.queue.report(), "clips": components.clips.report()})
        whole.add("threads", self._threads)
        whole.add("input", lambda: dependencies.source.state)
        whole.add("outbox", components.outbox.report)
        whole.add("mqtt", lambda: None if components.publisher is None else components.publisher.report())
        whole.add("clock", lambda: components.times.report().model_copy(update={"proven": components.clock.proven}))
        whole.add("position", lambda: None if components.receiver is None else components.receiver.report())
        whole.add("orders", lambda: None if components.orders is None else components.orders.report())
        whole.add("board", dependencies.board.read)
        whole.add("model", self._model)
        whole.add("backend", lambda: self._counters)
        whole.add(
            "clips",
            lambda: (
                {}
                if components.store is None
                else asdict(components.store.report()) | {"lost": components.promises.lost}
            ),
        )
        whole.add("ambient_db", self._ambient_db)
        problems: tuple[str, ...] = ()
        try:
            problems = self._problems()
        except Exception as error:  # noqa: BLE001 - see above
            whole.left_out["problems"] = error
        for part, failure in whole.left_out.items():
            self._errors.tell(part, failure)
        return assess(
            whole.document,
            counted,
            (*whole.sentences(), *problems),
            silence_limit_s=self.section.silence_limit_s,
            disk_warning_mb=self.section.disk_warning_mb,
        )

    def _threads(self) -> dict[str, ThreadHealth]:
        pulses, receiver = self._components.pulses, self._components.receiver
        if receiver is not None:  # told, but no reason to starve the watchdog
            pulses = {**pulses, "position": receiver.pulse}
        return {name: ThreadHealth(silent_s=round(pulse.silent_s, 1)) for name, pulse in pulses.items()}

    def _effort(self) -> EffortHealth:
        effort = self._components.ledger.report()
        return EffortHealth(
            listened_s=round(effort.listened_s, 1),
            lost_s=round(effort.lost_s, 1),
            excess_s=round(effort.excess_s, 1),
        )

    def _ambient_db(self) -> float | None:
        levels = self._components.levels
        ambient_db = None if levels is None else levels.ambient_db
        return None if ambient_db is None else round(ambient_db, 1)

    def status(self) -> str:
        """One line for `systemctl status`."""
        components, source = self._components, self._dependencies.source
        state = source.state
        doing = {
            "opening": f"opening '{state.device}'",
            "listening": f"listening to '{state.device}' at {source.rate} Hz",
            "waiting": f"waiting for '{state.device}': {state.last_error.removesuffix('.')}",
            "paused": "paused by the schedule",
            "closed": "input closed",
        }[state.phase]
        if state.phase == "listening" and state.dead_input:
            doing = f"'{state.device}' delivers samples that do not change"
        publisher = components.publisher
        broker = "no broker configured" if publisher is None else f"broker {publisher.report().state}"
        outbox = components.outbox.report()
        unsent = f"{outbox.depth} unsent" + ("" if outbox.available else ", the disk fails")
        line = f"{doing}; {components.counters.detections} detections; {broker}; {unsent}"
        return "; ".join([line, *self.config_problems])

    def _model(self) -> ModelHealth:
        model = self._dependencies.detector.model
        return ModelHealth(
            name=model.metadata.name,
            version=model.metadata.version,
            digest=model.digest,
            backend=self._backend.name,
            fallback=bool(self._counters.get("fallback_active", 0.0)),
        )

    def _problems(self) -> tuple[str, ...]:
        components, limit_s = self._components, self.section.silence_limit_s
        effort, history = components.ledger.report(), components.history.report()
        found = [
            *self.config_problems,
            *damage("outbox", components.outbox.set_aside),
            *damage("effort ledger", effort.database.set_aside),
            *damage("history", history.set_aside),
            *waiting("history", history.left_behind),
            *waiting("outbox", components.outbox.left_behind),
            *waiting("effort ledger", effort.database.left_behind),
        ]
        for name, pulse in components.pulses.items():
            if pulse.silent_s > limit_s:
                at = f" ({pulse.doing})" if pulse.doing else ""
                found.append(f"the {name} thread has not come round for {pulse.silent_s:.0f} s{at}")
        if (held_up_s := journal.held_up_s()) > limit_s:
            found.append(f"nobody has taken a line of the log for {held_up_s:.0f} s")
        if effort.database.state == "unavailable":
            found.append(f"effort cannot be stored on disk: {effort.database.reason}")
        if history.state == "unavailable":
            found.append(f"the history cannot be stored on disk: {history.reason}")
        if components.history.dropped:
            found.append(f"{components.history.dropped} entries of the history lost while the disk failed")
        if effort.forgotten:
            found.append(f"{effort.forgotten} spans of effort lost while the disk failed")
        if components.clock.doubt_s > PROOF_S:
            days = components.clock.doubt_s / 86_400
            found.append(
                f"the clock has leapt forward by {days:.0f} days: nothing is deleted for its age until it has been "
                "right for as long"
            )
        found += self._hurried(effort.excess_s)
        if components.orders is not None:
            found += self._order_problems(components.orders.report(), components.orders.setups.problem)
        if components.page is not None and components.page.problem:
            found.append(components.page.problem)
        if problem := self._dependencies.detector.problem:
            found.append(problem)
        clips = None if components.store is None else components.store.report()
        if clips is not None and clips.reason:
            found.append(clips.reason)
        return tuple(found)

    def _order_problems(self, orders: OrdersHealth, problem: str) -> list[str]:
        """Orders refused since the last document, and what keeps orders from being obeyed."""
        refused = sum(orders.refused.values())
        new, self._refused = refused - self._refused, refused
        found = [f"{new} orders were refused"] if new else []
        if orders.unreadable:
            found.append(f"the broker does not let us read {', '.join(orders.unreadable)}")
        return [*found, f"orders cannot be obeyed: {problem}"] if problem else found

    def _hurried(self, excess_s: float) -> list[str]:
        """Sound that has come faster than time passed, or could not be scored as fast, since the last document."""
        waited_s, now_ns = self._components.capture.waited_s, self._time.monotonic_ns()
        excess, waited = excess_s - self._excess_s, waited_s - self._waited_s
        passed_s = (now_ns - self._asked_ns) / SECOND_NS
        self._excess_s, self._waited_s, self._asked_ns = excess_s, waited_s, now_ns
        found = []
        if excess > _HURRY * max(passed_s, 1.0):
            found.append(
                f"{excess:.0f} s more of sound came than time has passed: is it a recording, or audio.rate wrong?"
            )
        if waited > _HURRY * max(passed_s, 1.0):
            found.append("scoring cannot keep up with the sound: the pipe's writer has to wait")
        return found


def damage(name: str, set_aside: Sequence[Path]) -> list[str]:
    """A sentence for each file that was found damaged and set aside."""
    return [f"the {name} was damaged and set aside as {path.name}" for path in set_aside if ".damaged-" in path.name]


def waiting(name: str, left_behind: Mapping[Path, int]) -> list[str]:
    """A sentence for each file of a newer version of the program with rows that this one does not understand."""
    return [
        f"{left} rows of the {name} are of a newer version and wait for it in {path.name}"
        for path, left in left_behind.items()
    ]
