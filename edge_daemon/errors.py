"""Errors that a person can mend: one hierarchy, each with a message and a hint.

The command line prints `message` and `hint` and ends with `exit_code`; it never shows a traceback for these.
"""

from __future__ import annotations


class EdgeDaemonError(Exception):
    """A failure that the user can mend.

    Args:
        message: one sentence that says what is wrong, naming the file, device or key.
        hint: one sentence that says what to do about it, or empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[type[EdgeDaemonError], tuple[str, str]]:
        return (type(self), (self.message, self.hint))  # so that it crosses process boundaries whole


class UsageError(EdgeDaemonError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_code = 2


class ConfigError(EdgeDaemonError):
    """The configuration file is unreadable, has an unknown key or an impossible value."""

    exit_code = 2


class ModelError(EdgeDaemonError):
    """A model file is not ours, damaged, of an unknown version, or contradicts itself."""


class AudioError(EdgeDaemonError):
    """A sound file or a sound card cannot be read as asked."""


class BackendError(EdgeDaemonError):
    """A backend cannot be found, cannot honour the model, or failed while running."""


class StorageError(EdgeDaemonError):
    """A file or database cannot be written or read."""
