"""What the desk of orders asks of others: errands of the calling thread, a judgement, an examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from edge_daemon.config import Config
from edge_daemon.orders.setup import Setup
from edge_daemon.orders.trial_state import Outstanding, Trial

Deed = Literal["reload", "health", "restart"]


@dataclass(frozen=True, slots=True)
class Errand:
    """What the calling thread is asked to do.

    Attributes:
        deed: what.
        answer: told when it is done; None where nobody waits for it.
        tries: it begins a trial.
    """

    deed: Deed
    answer: Outstanding | None = None
    tries: bool = False


class Examiner(Protocol):
    """Finds out, in a process of its own, whether a model is good."""

    def verdict(self) -> str | None:
        """None while it goes on; then empty, or why the model is not good."""

    def close(self) -> None:
        """End it."""


class OrderedFile(Protocol):
    """The configuration file that orders are laid over."""

    def with_setup(self, setup: Setup) -> Config:
        """The configuration with what orders might set; raises ConfigError if the two do not suit each other."""

    def examine(self, setup: Setup) -> Examiner:
        """Begin to examine the model in a setup."""

    @property
    def order_problems(self) -> tuple[str, ...]:
        """What of the orders is not in force, and why."""

    @property
    def lapsed(self) -> tuple[Trial, str] | None:
        """The trial that is over for this process, and why; it may stand on disk still."""

    def let_lapse(self, trial: Trial, why: str) -> None:
        """A trial is over, although that cannot be written down yet."""


class Judge(Protocol):
    """Knows whether a setup suits the file and the model."""

    def __call__(self, setup: Setup, /) -> Config:
        """The configuration with it; raises EdgeDaemonError if it does not suit."""
