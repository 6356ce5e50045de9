"""What foreign code raises: anything.

A plug-in may have exceptions of its own that are no `Exception`, or that cannot even be printed.
"""

from __future__ import annotations

import threading

from edge_daemon.errors import EdgeDaemonError


def outlive(error: BaseException) -> None:
    """Raise an exception again that is meant for us: Ctrl-C, which only the main thread hears."""
    if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
        raise error


def line(error: BaseException) -> str:
    """An exception in one line."""
    name = type(error).__name__
    try:
        if isinstance(error, EdgeDaemonError):
            return str(error)  # a sentence, and what to do
        lines = str(error).splitlines()
    except BaseException as worse:  # noqa: BLE001 - its text is foreign code, too
        outlive(worse)
        return f"{name}, which cannot be printed"
    return f"{name}: {lines[0]}" if lines else name
