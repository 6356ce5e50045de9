"""The one list of checks: does what a configuration names really work, here and now?

A check looks and changes nothing. What only a person can mend, by another file or another value, it raises: the start
is refused, and `config check` reports the same as failed, since it asks the same functions. What may mend itself (an
absent sound card, a silent broker, a full disk) is tried in `config check` alone: the daemon starts and waits for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from edge_daemon.checks.backend import refuse_backend, try_backend
from edge_daemon.checks.broker import refuse_credentials, try_broker
from edge_daemon.checks.clock import try_clock
from edge_daemon.checks.device import refuse_pipe, try_device
from edge_daemon.checks.endpoint import refuse_endpoint, try_endpoint
from edge_daemon.checks.folders import refuse_folder, try_folders
from edge_daemon.checks.model import refuse_model, try_model
from edge_daemon.checks.orders import refuse_orders, try_orders
from edge_daemon.checks.page import try_page
from edge_daemon.checks.position import try_position
from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config, Loaded
from edge_daemon.config.backend import BackendSection
from edge_daemon.config.detection import DetectionSection
from edge_daemon.config.model import ModelSection
from edge_daemon.errors import EdgeDaemonError, sentence

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at.

    Attributes:
        name: as `config check` shows it.
        at_start: raises an EdgeDaemonError that names a key where the daemon could never work; runs at the start, and
            first in `config check`. None where nothing can be known at the start.
        by_hand: what works and what does not; runs in `config check` alone, if `at_start` raised nothing.
        without: the configuration of a daemon that must do without what `at_start` refuses, or that tries it again by
            itself; None where it could not listen at all.
        hears: the daemon hears with it; another configuration that works is better than to do without.
        offline: `by_hand` needs neither a network nor a device.
    """

    name: str
    at_start: Callable[[Config], None] | None
    by_hand: Callable[[Config], Verdict]
    without: Callable[[Config], Config] | None = None
    hears: bool = False
    offline: bool = False


def checks(environment: Mapping[str, str]) -> tuple[Check, ...]:
    """All checks, in the order in which they are run.

    Args:
        environment: for credentials.
    """
    return (
        Check("model", refuse_model, try_model, without=_shipped_model, hears=True, offline=True),
        Check("backend", refuse_backend, try_backend, without=_usual_backend, hears=True, offline=True),
        Check("device", refuse_pipe, try_device),
        Check(
            "broker",
            partial(refuse_credentials, environment=environment),
            partial(try_broker, environment=environment),
            without=_as_it_is,
        ),
        Check("position", None, try_position),
        Check("folders", refuse_folder, try_folders, without=_as_it_is),
        Check("endpoint", refuse_endpoint, try_endpoint, without=_no_endpoint),
        Check("page", None, partial(try_page, environment=environment)),
        Check("orders", refuse_orders, try_orders, without=_no_orders, offline=True),
        Check("clock", None, try_clock),
    )


def check_start(loaded: Loaded, environment: Mapping[str, str] | None = None) -> None:
    """Refuse a configuration that is well-formed and cannot work, before anything is started.

    Args:
        loaded: the configuration.
        environment: for credentials; the process's own if None.

    Raises:
        ConfigError: the first thing that cannot work, with its key's place in the file.
    """
    with loaded.locating_errors():
        for check in checks(os.environ if environment is None else environment):
            if check.at_start is not None:
                check.at_start(loaded.config)


def doing_without(
    loaded: Loaded, environment: Mapping[str, str], *, hearing_too: bool
) -> tuple[Config, tuple[str, ...]]:
    """A configuration with which the daemon can start although parts of it cannot work now.

    One organ's lack must not close the ear: this is for a daemon that has worked before and is alone at sea. Whoever
    sets one up is told by `check_start` instead.

    Args:
        loaded: the configuration.
        environment: for credentials.
        hearing_too: whether parts that the daemon hears with may be replaced, too.

    Returns:
        What to start with, and a sentence for each part that is left out or replaced. Parts that try again by
        themselves are told in the log, and later by their own health.

    Raises:
        ConfigError: something that nothing can take the place of.
    """
    config, missing = loaded.config, []
    for check in checks(environment):
        if check.at_start is None:
            continue
        try:
            with loaded.locating_errors():
                check.at_start(config)
        except EdgeDaemonError as error:
            if check.without is None or (check.hears and not hearing_too):
                raise
            changed = check.without(config)
            if check.hears:
                check.at_start(changed)
            if changed is config:
                log.warning("a part does not work yet and is tried again", extra={"reason": str(error)})
            else:
                missing.append(str(error))
            config = changed
    return config, tuple(missing)


def _as_it_is(config: Config) -> Config:
    """The publisher asks for its files at each attempt, the storage for its disk: both try again for ever."""
    return config


def _no_endpoint(config: Config) -> Config:
    return config.model_copy(update={"health": config.health.model_copy(update={"prometheus_port": None})})


def _no_orders(config: Config) -> Config:
    return config.model_copy(update={"orders": config.orders.model_copy(update={"enabled": False})})


def _shipped_model(config: Config) -> Config:
    """The model inside the package, at its own operating point: the configured rules were another model's."""
    return config.model_copy(update={"model": ModelSection(), "detection": DetectionSection()})


def _usual_backend(config: Config) -> Config:
    return config.model_copy(update={"backend": BackendSection()})


def offline(wanted: Sequence[Check]) -> tuple[Check, ...]:
    """The same checks, without what needs a network or a device: of these, only what the start runs."""
    return tuple(check if check.offline else replace(check, by_hand=partial(_untried, check.name)) for check in wanted)


def _untried(name: str, _config: Config) -> Verdict:
    return Verdict(name, "skipped", "not tried offline")


def checkup(config: Config, wanted: Sequence[Check]) -> Iterator[Verdict]:
    """Run checks one after the other; a failure of one is its verdict, never the end."""
    for check in wanted:
        try:
            if check.at_start is not None:
                check.at_start(config)
            yield check.by_hand(config)
        except EdgeDaemonError as error:
            text = sentence(error.key, error.predicate) if error.key else error.message
            yield Verdict(check.name, "failed", text, error.hint)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            yield Verdict(check.name, "failed", f"{where}{error.strerror or error}")
