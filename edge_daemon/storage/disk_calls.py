"""Calls of the disk: a card that does not answer holds up nobody for longer than a moment."""

from __future__ import annotations

from edge_daemon.errors import StorageError
from edge_daemon.system.call_timeout import CallWithTimeout

ANSWER_S = 3.0
"""How long the disk is waited for before it counts as one that does not answer."""


def disk_calls(limit_s: float = ANSWER_S) -> CallWithTimeout:
    """Calls that raise `StorageError` where the disk does not answer in time.

    Args:
        limit_s: how long each may take, seconds.
    """
    return CallWithTimeout(limit_s, "The disk", "", late=StorageError, stuck=StorageError)
