"""Old configuration files keep working: what makes the data of an older version of the format those of this one.

Version 1 is the first, so there is nothing to change yet. A version 2 brings a function from the data of version 1 to
those of version 2, called here; whoever reads the file is told that it was migrated.
"""

from __future__ import annotations

import copy
from typing import Any

from edge_daemon.config.root import CURRENT_VERSION
from edge_daemon.errors import ConfigValueError


def migrate(data: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A copy of a document's data at the current version, and the version it had.

    Raises:
        ConfigValueError: the version is missing, not a whole number, or newer or older than this program knows.
    """
    write = f"Write `version: {CURRENT_VERSION}`"
    if "version" not in data:
        raise ConfigValueError("version", "is missing", f"{write} on the first line.")
    version = data["version"]
    if not isinstance(version, int) or isinstance(version, bool):
        raise ConfigValueError("version", f"must be a whole number, not {_short(version)}", f"{write}.")
    if version > CURRENT_VERSION:
        raise ConfigValueError(
            "version",
            f"is {_short(version)}, but this program supports versions up to {CURRENT_VERSION}",
            "Install a newer edge-daemon.",
        )
    if version < 1:
        raise ConfigValueError("version", f"is {_short(version)}; the first version is 1", f"{write}.")
    return copy.deepcopy(data), version


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
