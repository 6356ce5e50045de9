"""The live daemon: all its components, and the threads that drive them.

    source ─▶ CaptureLoop ─▶ SoundQueue ─▶ ScoringLoop (pipeline) ─▶ DetectionReporter ─▶ Outbox ─▶ Publisher ─▶ broker
                                            │                    └─▶ clips ─▶ StorageLoop ─▶ disk
                                            └─▶ EffortLedger ────────────────▶ StorageLoop ─▶ disk

Capture, scoring, storage (the disk) and publishing (the network) have a thread each, and no thread waits for
another: what cannot be passed on is dropped oldest first, and counted. The calling thread does the rest:
schedule, watchdog, health, reloading. `turn` does in one thread, step by step, what `run` does in several, for
rehearsals in simulated time; only the publisher keeps its thread.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_daemon.config import Config
from edge_daemon.detection.detector import DetectorSettings, plan
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.health.document import HealthDocument
from edge_daemon.live.assembly import assemble
from edge_daemon.live.config_file import ConfigInForce
from edge_daemon.live.config_keeper import ConfigKeeper
from edge_daemon.live.config_watch import ConfigWatch
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.live.ending import Ending
from edge_daemon.live.health_collector import HealthCollector
from edge_daemon.live.health_reporter import HealthReporter
from edge_daemon.live.reload import apply, reread
from edge_daemon.live.watchdog import Watchdog
from edge_daemon.storage.disk_calls import disk_calls
from edge_daemon.system.repeated_errors import RepeatedErrorLog

if TYPE_CHECKING:
    from edge_daemon.live.errand import OrderedFile
    from edge_daemon.live.orders_follower import OrdersFollower

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often the calling thread checks schedule, watchdog and health."""
SOUND_S = 0.5
"""Longest wait for sound, so that an end is noticed."""


class Daemon:
    """Everything from the hydrophone to the broker.

    Args:
        config: what is configured.
        dependencies: the world around it; the daemon closes source and backend.
        read: reads the configuration anew for `reload`; None if there is nothing to read.
        keep: what was read last has worked; called in a thread of its own, since it writes.
        in_force: where the configuration came from; None: it is what is configured, in everything.
        ordered: the file that orders are laid over; None if there is none.

    Raises:
        ConfigError: hop and rules contradict each other or the model.
        AudioError: the input's rate cannot be brought to the model's.
    """

    def __init__(
        self,
        config: Config,
        dependencies: Dependencies,
        read: Callable[[], Config] | None = None,
        keep: Callable[[], None] | None = None,
        in_force: ConfigInForce | None = None,
        ordered: OrderedFile | None = None,
    ) -> None:
        self.config = config
        self._dependencies, self._read, self._keeper = dependencies, read, ConfigKeeper(keep)
        self._disk = disk_calls()
        self._time, self._notifier = dependencies.time, dependencies.notifier
        self.components = assemble(config, dependencies)
        components, time = self.components, dependencies.time
        self.health = HealthCollector(config.device.id, config.health, components, dependencies)
        self._in_force = in_force or ConfigInForce(config)
        self._file = ConfigWatch(self._in_force, dependencies.rng)
        self.health.config_problems = self._file.problems
        self._reporter = HealthReporter(
            self.health, components.publisher, self._notifier, time, components.keeper.note_health
        )
        self._watchdog = Watchdog(
            config,
            dependencies.source,
            components.capture,
            components.schedule,
            components.pulses,
            components.counters,
            self._notifier,
            time,
        )
        self._errors = RepeatedErrorLog(log, "a task of the daemon failed")
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self.hangs = False
        """After `run`: whether a thread is still held up by a driver or a disk."""
        self.restart = False
        """After `run`: whether the program shall start anew, because an order says so."""
        self._ordered = ordered
        self._orders_follower: OrdersFollower | None = None
        if components.orders is not None:
            from edge_daemon.live.orders_follower import OrdersFollower

            self._orders_follower = OrdersFollower(
                components,
                self._watchdog,
                config.orders.trial_s,
                time,
                reload=self._reload_for_an_order,
                laid=lambda: self._ordered is None or not self._ordered.order_problems,
                health=self._reporter.hasten,
                restart=self._start_anew,
            )
            components.orders.setups.wake = lambda: self._orders.put("")
            if ordered is not None:
                components.orders.models.examine = ordered.examine
                components.orders.setups.judge = lambda setup: self._judged(ordered.with_setup(setup))
                components.orders.setups.ordered = ordered

    @property
    def newest_health(self) -> HealthDocument | None:
        """The health document reported last."""
        return self._reporter.newest

    def stop(self) -> None:
        """Let `run` end in good order; from any thread or signal handler."""
        self._orders.put("stop")

    def reload(self) -> None:
        """Read the configuration anew; from any thread or signal handler."""
        self._orders.put("reload")

    def run(self) -> None:
        """Listen until `stop`, or until the input ends for good.

        Raises:
            EdgeDaemonError: scoring or listening failed in a way that a person can mend.
            UnsavedError: it was stopped, and something could be neither sent nor written.
            RuntimeError: it failed otherwise; the log has the details.
        """
        threads = {
            "capture": threading.Thread(target=self._guard, args=(self._listen,), name="capture", daemon=True),
            "scoring": threading.Thread(target=self._guard, args=(self._score,), name="scoring", daemon=True),
            "storage": threading.Thread(
                target=self._guard, args=(self.components.storage.run,), name="storage", daemon=True
            ),
        }
        self.begin()
        for thread in threads.values():
            thread.start()
        order = ""
        while order != "stop" and threads["scoring"].is_alive():
            if order == "reload":
                self._do(self._reload)
            self.tend()
            self._see_that_all_run(threads)
            try:
                order = self._orders.get(timeout=TICK_S)
            except queue.Empty:
                order = ""
        self._end(threads)
        if isinstance(self._failure, EdgeDaemonError):
            raise self._failure
        if self._failure is not None:
            raise RuntimeError("the daemon failed") from self._failure

    def begin(self) -> None:
        """Start the publisher and say that we are ready."""
        if self.components.publisher is not None:
            self.components.publisher.start()
        if self.components.receiver is not None:
            self.components.receiver.start()
        self.components.schedule.tick()
        self._notifier.ready(self.health.status())
        log.info("started", extra={"device": self.config.device.id, "input": self._dependencies.source.name})
        if self._in_force.whole:
            self._keeper.keep_soon()

    def turn(self) -> bool:
        """One step of everything in the caller's thread: hear one block or gap and deal with all that follows.

        Returns:
            False when the input has ended.
        """
        heard_some = self.components.capture.turn()
        while (heard := self.components.queue.get()) is not None:
            self.components.scoring.take(heard)
            self.health.note_backend()
        self.components.storage.tick()
        self.tend()
        return heard_some

    def finish(self) -> None:
        """End in good order what `begin` and `turn` have done."""
        self._dependencies.source.close()
        while self.turn():
            pass
        self.components.scoring.finish()
        ending = Ending(self.components, self._dependencies, self._reporter)
        ending.parts()
        self._failure = self._failure or ending.lost
        self._dependencies.detector.close()

    def tend(self) -> None:
        """Look after schedule, watchdog, status and health; whatever fails is logged, and the rest goes on."""
        tasks = (
            self.components.schedule.tick,
            self._feed,
            self._follow_orders,
            self._look_at_the_file,
            self._tell_the_page,
            self.components.unsaved.tick,
            self._reporter.say_status,
            self._reporter.tick,
        )
        for task in tasks:
            self._do(task)

    def _do(self, task: Callable[[], object]) -> None:
        try:
            task()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the other tasks go on
            self._errors.tell(task.__qualname__, error)

    def _see_that_all_run(self, threads: dict[str, threading.Thread]) -> None:
        """A thread that has died would be missing for ever; the service manager starts all anew.

        Capture and scoring end with their input, and that ends the daemon.
        """
        publisher = self.components.publisher
        alive = {"storage": threads["storage"].is_alive(), "publishing": publisher is None or publisher.alive}
        for name in (name for name, runs in alive.items() if not runs):
            if self._failure is None:
                log.critical(f"the {name} thread has died")
                self._failure = RuntimeError(f"the {name} thread has died")
                self.stop()

    def _listen(self) -> None:
        while self.components.capture.turn():
            pass

    def _score(self) -> None:
        sound, scorer = self.components.queue, self.components.scoring
        while not sound.exhausted:
            scorer.pulse.beat()
            heard = sound.get(timeout_s=SOUND_S, enough=scorer.missing)
            if heard is not None:
                scorer.take(heard)
                self.health.note_backend()
        self.components.scoring.finish()

    def _guard(self, work: Callable[[], object]) -> None:
        """Run a thread's work; what it dies of ends the daemon, which the service manager starts anew."""
        try:
            work()
        except EdgeDaemonError as error:
            log.critical("the daemon cannot continue", extra={"reason": str(error)})
            self._failure = self._failure or error
            self.stop()
        except BaseException as error:
            log.critical("the daemon failed", exc_info=True)
            self._failure = self._failure or error
            self.stop()

    def _end(self, threads: dict[str, threading.Thread]) -> None:
        if self.restart:
            self._notifier.reloading(self._time.monotonic_ns())
        else:
            self._notifier.stopping("ending")
        ending = Ending(self.components, self._dependencies, self._reporter)
        ending.threads(threads)
        self._failure, self.hangs = self._failure or ending.lost, ending.hangs

    def _feed(self) -> None:
        if self._watchdog.tick():
            self._reporter.hasten()  # the next report might come after the restart
        if not self._watchdog.feeds:
            self.components.unsaved.print_all()  # before the service manager ends us

    def _tell_the_page(self) -> None:
        if self.components.page is not None:
            source = self._dependencies.source
            self.components.page.tick(self.health.status, lambda: source.state, self._reporter.newest)

    def _follow_orders(self) -> None:
        if self._orders_follower is not None:
            self._orders_follower.tick()

    def _reload_for_an_order(self) -> str:
        """Reads the configuration anew; why that failed, or empty."""
        try:
            refusal = self._reload()
        except Exception as error:  # noqa: BLE001 - an order without an answer is a trial without an end
            self._errors.tell("reload", error)
            return f"reloading failed: {type(error).__name__}"
        problems = () if self._ordered is None else self._ordered.order_problems
        return next(iter([*([] if refusal is None else [str(refusal).splitlines()[0]]), *problems]), "")

    def _start_anew(self) -> None:
        self.restart = True
        self.stop()

    def _judged(self, config: Config) -> Config:
        """A configuration that suits its model; raises EdgeDaemonError if it does not."""
        if config.model == self.config.model:
            self._dependencies.detector.rules_for(config)
        else:
            plan(DetectorSettings.from_config(config))
        return config

    def _reload(self) -> EdgeDaemonError | None:
        """Take over what can change; why the configuration was not applied, or None."""
        if self._read is None:
            return None
        self._notifier.reloading(self._time.monotonic_ns())
        found = reread(self.config, self._read_in_time, self._dependencies.detector.rules_for)
        self.config = found.config
        apply(self.config, self.components, self.health, self._dependencies.detector.rules_for(self.config))
        if self._file.take(found):
            self._keeper.keep_soon()
        order_problems = () if self._ordered is None else self._ordered.order_problems
        self.health.config_problems = (*self._file.problems, *order_problems)
        self._reporter.hasten()
        self._notifier.ready(self.health.status())
        return found.refusal

    def _read_in_time(self) -> Config:
        """The configuration, unless its disk hangs: this thread feeds the watchdog, and waits for a moment only."""
        assert self._read is not None  # noqa: S101 for the type checker
        return self._disk.run(self._read, "reading the configuration")

    def _look_at_the_file(self) -> None:
        if self._read is not None and self._file.mended(self._time.monotonic_ns(), self._read_in_time):
            self._reload()
            if self._file.failure is not None and self._failure is None:
                self._failure = self._file.failure
                self.stop()
