"""SIGHUP: what a running daemon takes from a changed configuration, and what it says about the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge_daemon.config import Config, changes, merge_live
from edge_daemon.errors import EdgeDaemonError

log = logging.getLogger(__name__)


def reread(current: Config, read: Callable[[], Config]) -> Config:
    """The configuration from now on: the current one with the new values of the keys that can change while running.

    A file that is wrong changes nothing. Every key that changed is named in the log, with what becomes of it.

    Args:
        current: in force.
        read: reads the file anew; raises EdgeDaemonError for a file that is wrong.
    """
    try:
        new = read()
    except EdgeDaemonError as error:
        log.error("the changed configuration is wrong and was not taken", extra={"reason": str(error)})
        return current
    found = changes(current, new)
    for change in found:
        if change.live:
            log.info(f"{change.key} changed", extra={"old": change.old, "new": change.new})
        else:
            log.warning(f"{change.key} changed in the file; it takes a restart", extra={"kept": change.old})
    if not found:
        log.info("the configuration was read again; nothing changed")
    return merge_live(current, new)
