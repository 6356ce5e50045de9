"""Where a command finds what the daemon keeps: a file that is given, a configuration's, or the usual one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_daemon.config import Config


def configured(file: Path) -> Config:
    """The configuration in a file, with its references resolved as by hand.

    Raises:
        ConfigError: it cannot be used.
    """
    from edge_daemon.config import load
    from edge_daemon.system.credentials import environment_by_hand

    return load(file, environment_by_hand(file.parent, os.environ)).config


def state_folder(config: Config | None) -> Path:
    """The configured folder; without a configuration the one that systemd names, or the usual one."""
    if config is not None:
        return config.storage.folder
    return Path(os.environ.get("STATE_DIRECTORY", "/var/lib/edge-daemon").split(":")[0])
