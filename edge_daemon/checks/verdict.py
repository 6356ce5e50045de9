"""The outcome of a check."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edge_daemon.errors import ConfigError, EdgeDaemonError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes:
        name: what was checked.
        state: `ok`; `warning`: works, but think about it; `failed`; `skipped`: not asked for by the configuration.
        text: what was found, for a person.
        hint: what to do about it, or empty.
    """

    name: str
    state: Literal["ok", "warning", "failed", "skipped"]
    text: str
    hint: str = ""


@contextlib.contextmanager
def about(key: str) -> Iterator[None]:
    """Errors inside that go on after a key's name ("names …", "is …") are given that name.

    Raises:
        ConfigError: in place of an EdgeDaemonError inside.
    """
    try:
        yield
    except EdgeDaemonError as error:
        if not error.message[:1].islower():
            raise
        raise ConfigError(f"{key} {error.message}", error.hint) from None
