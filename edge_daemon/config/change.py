"""What differs between two configurations, and what of it a running daemon can take without a restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_daemon.config.catalogue import entries
from edge_daemon.config.loading import value_at
from edge_daemon.config.problem import key_text
from edge_daemon.config.root import Config


@dataclass(frozen=True, slots=True)
class Change:
    """One key with another value.

    Attributes:
        path: keys from the root.
        old: the value before.
        new: the value now.
        live: True when it takes effect at once; False when it needs a restart.
    """

    path: tuple[str, ...]
    old: Any
    new: Any
    live: bool

    @property
    def key(self) -> str:
        """The path as a person writes it."""
        return key_text(self.path)


def changes(old: Config, new: Config) -> list[Change]:
    """All keys whose values differ, in file order."""
    found = []
    for entry in entries():
        if entry.section is None:
            before, after = value_at(old, entry.path), value_at(new, entry.path)
            if before != after:
                found.append(Change(entry.path, before, after, entry.live))
    return found


def merge_live(old: Config, new: Config) -> Config:
    """The old configuration with the new values of those keys that can change while the daemon runs."""
    data = old.model_dump()
    for change in changes(old, new):
        if change.live:
            *parents, name = change.path
            target = data
            for parent in parents:
                target = target[parent]
            target[name] = change.new
    return Config.model_validate(data)
