"""Old configuration files keep working: each format version has one function that makes the next version of it.

A migration takes the plain data of version N and returns that of version N + 1; it changes nothing it was given. The
table begins empty because version 1 is the first; its place, and the tests of the mechanism, are here from the start.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from edge_daemon.config.root import CURRENT_VERSION
from edge_daemon.errors import ConfigError

Migration = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: Mapping[int, Migration] = {}
"""From a version to the function that makes the next version of it."""


def migrate(
    data: dict[str, Any], migrations: Mapping[int, Migration] = MIGRATIONS, current: int = CURRENT_VERSION
) -> tuple[dict[str, Any], int]:
    """Bring a document's data to the current version.

    Returns:
        The data at version `current`, and the version it had.

    Raises:
        ConfigError: the version is missing, not a whole number, or newer or older than this program knows; the
            message reads as a sentence about the key `version`.
    """
    if "version" not in data:
        raise ConfigError("is missing", f"Write `version: {current}` on the first line.")
    version = data["version"]
    if not isinstance(version, int) or isinstance(version, bool):
        raise ConfigError(f"must be a whole number, not {_short(version)}", f"Write `version: {current}`.")
    if version > current:
        raise ConfigError(
            f"is {_short(version)}, but this program knows versions up to {current}", "Install a newer edge-daemon."
        )
    oldest = min(migrations, default=current)
    if version < oldest:
        raise ConfigError(f"is {_short(version)}; the first version is {oldest}", f"Write `version: {current}`.")
    result = copy.deepcopy(data)
    for step in range(version, current):
        result = migrations[step](result) | {"version": step + 1}
    return result, version


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
