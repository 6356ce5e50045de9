"""`config check` beyond the file itself: does what it names really work, here and now?

Each check is a function of the configuration that gives a verdict and changes nothing: it loads the model, opens the
sound card for a moment, greets the broker, writes and removes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from edge_daemon.checks.broker import check_broker
from edge_daemon.checks.clock import check_clock
from edge_daemon.checks.device import check_device
from edge_daemon.checks.folders import check_folders
from edge_daemon.checks.model import check_backend, check_model
from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import EdgeDaemonError, sentence

Checks = Mapping[str, Callable[[Config], Verdict]]

CHECKS: Checks = {
    "model": check_model,
    "backend": check_backend,
    "device": check_device,
    "broker": check_broker,
    "folders": check_folders,
    "clock": check_clock,
}
"""All checks, in the order in which they are run."""


def checks_in(environment: Mapping[str, str]) -> Checks:
    """The checks as they come out in another environment than the process's."""
    with_password = partial(check_broker, environment=environment)
    return {name: with_password if name == "broker" else check for name, check in CHECKS.items()}


def checkup(config: Config, checks: Checks = CHECKS) -> Iterator[Verdict]:
    """Run the checks one after the other; a failure of one is its verdict, never the end."""
    for name, check in checks.items():
        try:
            yield check(config)
        except EdgeDaemonError as error:
            text = sentence(error.key, error.predicate) if error.key else error.message
            yield Verdict(name, "failed", text, error.hint)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            yield Verdict(name, "failed", f"{where}{error.strerror or error}")
