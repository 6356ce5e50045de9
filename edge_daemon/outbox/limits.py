"""The bounds of the outbox: what it keeps, for how long, and how long it waits before it writes.

When more than `max_rows` wait, the oldest of the lowest priority go first, except those under way. `Outbox.expire`
drops what is older than `max_age_s`; messages stamped by a clock that did not know the time (`dated=False`) never
expire, because once the clock is set they would look years old. Every drop is counted by kind and reason ("rows",
"age", "memory", "damaged"), the counts are kept in the database, and `Outbox.when_dropped` is told of the message
itself, which is its last chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from edge_daemon.config.outbox import OutboxSection


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """Bounds of the outbox.

    Attributes:
        max_rows: messages kept on disk, ≥ 1.
        max_age_s: age beyond which `expire` drops a message, seconds.
        hold_rows: messages kept in memory while the disk fails, ≥ 1.
        commit_rows: messages that wait at most before `tick` commits, ≥ 1.
        commit_within_s: seconds a message waits at most before `tick` commits.
        forget_within_s: seconds that what is done with may stay on disk before `tick` deletes it.
    """

    max_rows: int = 100_000
    max_age_s: float = 90 * 86_400
    hold_rows: int = 1_000
    commit_rows: int = 32
    commit_within_s: float = 2.0
    forget_within_s: float = 10.0

    def __post_init__(self) -> None:
        seconds = self.max_age_s, self.commit_within_s, self.forget_within_s
        if min(self.max_rows, self.hold_rows, self.commit_rows) < 1 or min(seconds) < 0:
            raise ValueError(f"impossible bounds of the outbox: {self}")

    @classmethod
    def from_config(cls, section: OutboxSection) -> Self:
        """The configured bounds."""
        return cls(
            max_rows=section.max_rows,
            max_age_s=section.max_age_days * 86_400,
            commit_within_s=section.commit_interval_s,
        )
