"""What the calling thread does for orders: reloads, hastens health, starts anew, watches a trial."""

from __future__ import annotations

from collections.abc import Callable

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.live.assembly import Components
from edge_daemon.live.errand import Errand
from edge_daemon.live.trial_watch import TrialProofs, trial_ended
from edge_daemon.live.watchdog import Watchdog


class OrdersFollower:
    """Does what the desk asks for; the calling thread drives it.

    Args:
        components: among them the desk.
        watchdog: whether it is met.
        trial_s: how long a trial may take, seconds.
        time: clocks.
        reload: reads the configuration anew; returns why that failed, or an empty text.
        laid: whether what orders have set is in force.
        health, restart: do what their names say.
    """

    def __init__(
        self,
        components: Components,
        watchdog: Watchdog,
        trial_s: float,
        time: TimeSource,
        *,
        reload: Callable[[], str],
        laid: Callable[[], bool],
        health: Callable[[], object],
        restart: Callable[[], object],
    ) -> None:
        self._components, self._watchdog, self._trial_s, self._time = components, watchdog, trial_s, time
        self._reload, self._laid, self._health, self._restart = reload, laid, health, restart

    def tick(self) -> None:
        """Do what is asked for, and look at the trial."""
        if self._components.orders is None:
            return
        desk = self._components.orders.setups
        errands = desk.take_errands()
        failure = self._reload() if any(one.deed == "reload" for one in errands) else ""
        for errand in errands:
            self._do(errand)
            desk.fulfilled(errand, failure if errand.deed == "reload" else "")
        trial = desk.trial
        if trial is None:
            return
        age_s = (self._time.monotonic_ns() - desk.trial_began_ns) / SECOND_NS
        verdict = trial_ended(age_s, self._trial_s, self._proofs(desk.trial_began_ns, reached=desk.reached))
        if verdict is not None:
            desk.conclude(trial, verdict)

    def _do(self, errand: Errand) -> None:
        if errand.deed == "health":
            self._health()
        elif errand.deed == "restart":
            self._restart()

    def _proofs(self, began_ns: int, *, reached: bool) -> TrialProofs:
        scored_ns = self._components.counters.last_scored_ns
        hears = not self._components.schedule.on or (scored_ns is not None and scored_ns > began_ns)
        return TrialProofs(hears=hears, fed=self._watchdog.feeds, reached=reached, laid=self._laid())
