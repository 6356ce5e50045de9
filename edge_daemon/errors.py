"""Errors that a person can mend: one hierarchy, each with a message and a hint.

The command line prints `message` and `hint` and ends with `exit_code`; it never shows a traceback for these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class EdgeDaemonError(Exception):
    """A failure that the user can mend.

    Args:
        message: one sentence that says what is wrong, naming the file, device or key.
        hint: one sentence that says what to do about it, or empty.
    """

    exit_code = 1
    key = ""
    """The key of the configuration that is to blame, as `audio.rate`; empty where the error does not know it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.predicate = f"cannot be used: {message}"
        """What is wrong, to be read after a key's name."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        # so that it crosses process boundaries whole, whatever its own class takes
        return (type(self).__new__, (type(self), *self.args), self.__dict__)


class UsageError(EdgeDaemonError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_code = 2


class ConfigError(EdgeDaemonError):
    """The configuration file is unreadable, has an unknown key or an impossible value."""

    exit_code = 2


class ConfigValueError(ConfigError):
    """A key of the configuration has a value that cannot be used here.

    Args:
        key: as `detection.hop_s`.
        predicate: what is wrong, to be read after the key's name ("is 3 s, longer than …").
        hint: one sentence that says what to do about it, or empty.
    """

    def __init__(self, key: str, predicate: str, hint: str = "") -> None:
        super().__init__(sentence(key, predicate), hint)
        self.key = key
        self.predicate = predicate


class ModelError(EdgeDaemonError):
    """A model file is not ours, damaged, of an unknown version, or contradicts itself."""


class AudioError(EdgeDaemonError):
    """A sound file or a sound card cannot be read as asked."""


class BackendError(EdgeDaemonError):
    """A backend cannot be found, cannot honour the model, or failed while running."""


class StorageError(EdgeDaemonError):
    """A file or database cannot be written or read."""


class UnsavedError(EdgeDaemonError):
    """The daemon was stopped, and something could be neither sent nor written."""

    exit_code = 3


def sentence(key: str, predicate: str) -> str:
    """What is wrong with a key, as a whole sentence; a predicate may end with its full stop or without."""
    return f"{key} {predicate}".rstrip(".") + "."


@contextmanager
def about(key: str) -> Iterator[None]:
    """Errors inside that know no key are about this one.

    Raises:
        ConfigValueError: in place of an EdgeDaemonError without a key.
    """
    try:
        yield
    except EdgeDaemonError as error:
        if error.key:
            raise
        raise ConfigValueError(key, error.predicate, error.hint) from None
