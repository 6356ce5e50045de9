"""What a running daemon knows of its configuration file: whether it is in force, and when to look at it again."""

from __future__ import annotations

import random
from collections.abc import Callable

from edge_daemon.config import Config
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.live.config_file import ConfigInForce, spoilt
from edge_daemon.live.reload import Reread
from edge_daemon.system.backoff import Backoff, Retry

LOOK_AGAIN = Backoff(first_s=60, limit_s=600)
"""Pauses between looks at a file that cannot be used."""


class ConfigWatch:
    """Told of each reading; says what is wrong, and looks whether a file that cannot be used has been mended.

    Args:
        in_force: what the daemon has started with.
        rng: jitter of the pauses.
    """

    def __init__(self, in_force: ConfigInForce, rng: random.Random) -> None:
        self._in_force = in_force
        self._usable = in_force.whole
        self._retry = Retry(LOOK_AGAIN, rng)
        self.problems = in_force.problems
        """Sentences for health; empty while the file is in force."""

    def take(self, reread: Reread) -> bool:
        """Note what came of reading the file again; True if all of it is in force now, so that it may be kept."""
        started = self._in_force
        self._usable = reread.refusal is None
        if self._usable:
            self._retry.succeeded()
        if reread.refusal is not None:
            self.problems = (spoilt(reread.refusal),)
        elif started.whole:
            self.problems = started.problems  # a part that was left out at the start is left out still
        elif reread.waiting:
            self.problems = (f"restart the daemon to apply {', '.join(reread.waiting)} of the mended file",)
        else:
            self.problems = ()
        return reread.refusal is None and not reread.waiting

    def mended(self, now_ns: int, read: Callable[[], Config]) -> bool:
        """Now and then, while the file cannot be used: whether it can be used now."""
        if self._usable or not self._retry.due(now_ns):
            return False
        first_look = self._retry.next_ns is None  # it has just been read
        self._retry.failed(now_ns)
        if first_look:
            return False
        try:
            read()
        except EdgeDaemonError:
            return False
        return True

    @property
    def failure(self) -> EdgeDaemonError | None:
        """Why the daemon must start anew: section `mqtt`, which had to be passed over, can be used."""
        if self._in_force.publishes or not self._usable:
            return None
        return EdgeDaemonError("Section mqtt can be used again.", "The next start publishes.")
