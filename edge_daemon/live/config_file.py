"""The configuration file of a running daemon: read at the start, kept when it has worked, replaced when it is spoilt.

Whoever sets a daemon up wants to be told what is wrong: the first start with a file that cannot work ends with one
sentence. A daemon that has worked with this file before is alone at sea, and goes on: with the last configuration that
worked; without MQTT, where only that cannot be; in need, with the model and the backend that come with the package.
Each is told in the log, in the status line and in health.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from edge_daemon.checks.run import check_start, doing_without
from edge_daemon.config import Config, ConfigFileError, Loaded, load
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.live.kept_config import KeptConfig
from edge_daemon.storage.folder_lock import FolderInUseError
from edge_daemon.system import journal

if TYPE_CHECKING:
    from edge_daemon.live.model_examination import ModelExamination
    from edge_daemon.live.ordered_config import OrderedConfig
    from edge_daemon.orders.setup import Setup
    from edge_daemon.orders.trial_state import Trial

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConfigInForce:
    """What a daemon starts with.

    Attributes:
        config: the values.
        from_file: False if the last configuration that worked stands in for the file.
        publishes: False if section `mqtt` had to be passed over.
        again: True if a start with this file has worked before.
        problems: sentences for health; empty if the file works in everything.
    """

    config: Config
    from_file: bool = True
    publishes: bool = True
    again: bool = False
    problems: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is the file's, in all that the daemon hears and publishes with."""
        return self.from_file and self.publishes


class _Attempt(NamedTuple):
    kept: bool
    without_mqtt: bool
    hearing_too: bool


_ATTEMPTS = [
    _Attempt(kept, without_mqtt, hearing_too)
    for hearing_too in (False, True)
    for without_mqtt in (False, True)
    for kept in (False, True)
]
"""From the best to the last resort."""


class ConfigFile:
    """The file that configures a daemon, and what stands in for it.

    Args:
        path: the file.
        environment: for references and credentials; the process's.
    """

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path, self._environment = path, environment
        self._kept = KeptConfig(path, environment)
        self._newest: Loaded | None = None
        self._orders: OrderedConfig | None = None

    def read(self) -> Config:
        """The file as it is now, with what orders have set.

        Raises:
            ConfigError: it cannot be used.
        """
        self._newest = loaded = load(self._path, self._environment)
        if loaded.config.orders.enabled:
            self._newest = self._ordered().lay(loaded)
        journal.hide(loaded.redact)
        return self._newest.config

    def with_setup(self, setup: Setup) -> Config:
        """The file as it is now, as it would be with what orders might set.

        Raises:
            ConfigError: the two do not suit each other.
        """
        from edge_daemon.orders.overlay import laid_over

        return laid_over(load(self._path, self._environment), setup, self._environment).config

    @property
    def order_problems(self) -> tuple[str, ...]:
        """What of the orders is not in force, and why."""
        return () if self._orders is None else self._orders.problems

    @property
    def lapsed(self) -> tuple[Trial, str] | None:
        """The trial that is over for this process, and why; it may stand on disk still."""
        return None if self._orders is None else self._orders.lapsed

    def let_lapse(self, trial: Trial, why: str) -> None:
        """A trial is over, although that cannot be written down yet."""
        self._ordered().lapsed = (trial, why)

    def _ordered(self) -> OrderedConfig:
        """What orders lay over the file; not even imported where nobody may give any."""
        if self._orders is None:
            from edge_daemon.live.ordered_config import OrderedConfig

            self._orders = OrderedConfig(self._environment)
        return self._orders

    def examine(self, setup: Setup) -> ModelExamination:
        """Begin to examine the model in a setup, with the file as it is now."""
        from edge_daemon.live.model_examination import ModelExamination

        return ModelExamination(self._path, setup)

    def keep(self) -> None:
        """What was read last has worked: keep it for a start at which the file cannot be used."""
        if self._newest is not None:
            self._kept.keep(self._newest)

    def start(self, make: Callable[[ConfigInForce], T]) -> T:
        """Make a daemon with the file, or, if one has worked before, with the best that can be had in its place.

        Args:
            make: makes it; an EdgeDaemonError says that this configuration does not work.

        Raises:
            EdgeDaemonError: on the file, if nothing works or this is its first start.
        """
        if not self._kept.exists:
            return self._best(load(self._path, self._environment), lambda loaded: self._first(loaded, make))
        refusals: dict[_Attempt, EdgeDaemonError] = {}
        for attempt in _ATTEMPTS:
            try:
                return self._attempt(attempt, refusals, make)
            except FolderInUseError:
                raise
            except EdgeDaemonError as error:
                refusals[attempt] = error
        raise refusals[_ATTEMPTS[0]]

    def _best(self, loaded: Loaded, make: Callable[[Loaded], T]) -> T:
        """Made with all that orders have set; if it cannot be, with less of it."""
        if not loaded.config.orders.enabled:
            return make(loaded)
        failure: EdgeDaemonError | None = None
        for candidate in self._ordered().candidates(loaded):
            try:
                return make(candidate)
            except FolderInUseError:
                raise
            except EdgeDaemonError as error:
                failure = error
        assert failure is not None  # noqa: S101 the file itself is always tried
        raise failure

    def _first(self, loaded: Loaded, make: Callable[[ConfigInForce], T]) -> T:
        self._newest = loaded
        journal.set_up(loaded.config.log.level)
        journal.hide(loaded.redact)
        check_start(loaded, self._environment)
        with loaded.locating_errors():
            return make(ConfigInForce(loaded.config, problems=self.order_problems))

    def _attempt(
        self, attempt: _Attempt, refusals: Mapping[_Attempt, EdgeDaemonError], make: Callable[[ConfigInForce], T]
    ) -> T:
        kept, without_mqtt, hearing_too = attempt
        if kept:
            loaded = self._kept.loaded(without_mqtt=without_mqtt)
        else:
            loaded = load(self._path, self._environment, without_mqtt=without_mqtt)
        refusal = refusals.get(_Attempt(kept, without_mqtt=False, hearing_too=hearing_too))
        spoils = refusals.get(_ATTEMPTS[0])
        return self._best(loaded, lambda candidate: self._made(attempt, candidate, refusal, spoils, make))

    def _made(
        self,
        attempt: _Attempt,
        loaded: Loaded,
        refusal: EdgeDaemonError | None,
        spoils: EdgeDaemonError | None,
        make: Callable[[ConfigInForce], T],
    ) -> T:
        kept, without_mqtt, hearing_too = attempt
        journal.set_up(loaded.config.log.level)
        journal.hide(loaded.redact)
        config, missing = doing_without(loaded, self._environment, hearing_too=hearing_too)
        problems = [*missing, *self.order_problems]
        if without_mqtt and refusal is not None:
            problems.insert(0, f"nothing is published: {_first_line(refusal)}")
        if kept and spoils is not None:
            problems.insert(0, spoilt(spoils))
        self._newest = None if kept or without_mqtt or hearing_too else loaded
        with loaded.locating_errors():
            made = make(ConfigInForce(config, not kept, not without_mqtt, again=True, problems=tuple(problems)))
        for problem in problems:
            log.error("the configuration is not in force as it is written", extra={"reason": problem})
        return made


def spoilt(error: EdgeDaemonError) -> str:
    """The sentence for health on a file that cannot be used."""
    return f"the configuration file cannot be used; the last one that worked is in force: {_first_line(error)}"


def _first_line(error: EdgeDaemonError) -> str:
    """Of a file with many mistakes, the first."""
    if isinstance(error, ConfigFileError) and len(error.problems) > 1:
        return f"{error.problems[0].text(error.file)} (and {len(error.problems) - 1} more)"
    return str(error).splitlines()[0]
