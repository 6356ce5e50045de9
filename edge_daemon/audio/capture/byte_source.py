"""Where a pipe's bytes come from: standard input, a named pipe, or a command that is started here."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_daemon.errors import AudioError

if TYPE_CHECKING:
    import subprocess


class ByteSource(Protocol):
    """Where the bytes come from.

    Attributes:
        name: for people.
        reopens: whether it can be opened again after its end.
        restarts: whether opening it again may help when it has gone silent.
    """

    name: str
    reopens: bool
    restarts: bool

    def open(self) -> None:
        """Begin (again); raises AudioError."""

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Up to `most` bytes, at least one; b"" at the end; None if nothing came in time. Raises AudioError."""

    def close(self) -> None:
        """May be called twice."""


class DescriptorBytes:
    """A file descriptor that is open already, such as standard input (0)."""

    reopens = False
    restarts = False

    def __init__(self, descriptor: int = 0, name: str = "standard input") -> None:
        self.name = name
        self._descriptor = descriptor

    def open(self) -> None:
        """Nothing to do."""

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes."""
        return _read(self._descriptor, most, timeout_s, self.name)

    def close(self) -> None:
        """Leave it to its owner."""


class NamedPipeBytes:
    """A FIFO, opened so that it may have no writer yet, or a new one later."""

    reopens = True
    restarts = False  # it stays open, so that a writer who comes late finds a reader

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._descriptor: int | None = None

    def open(self) -> None:
        """Open for reading; does not wait for a writer."""
        self.close()
        try:
            self._descriptor = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise AudioError(
                f"The pipe '{self.name}' can't be opened: {error.strerror}.", f"Make it: mkfifo {self.name}"
            ) from None

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes."""
        if self._descriptor is None:
            return b""
        return _read(self._descriptor, most, timeout_s, self.name)

    def close(self) -> None:
        """May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class CommandBytes:
    """The standard output of a command, started without a shell and again when it ends."""

    reopens = True
    restarts = True

    def __init__(self, command: Sequence[str]) -> None:
        self.name = command[0]
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start the command."""
        import subprocess

        self.close()
        try:
            self._process = subprocess.Popen(  # noqa: S603 the operator's own command, from the configuration
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise AudioError(
                f"The command '{self.name}' can't be started: {error.strerror}.", "Check its path and arguments."
            ) from None

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes."""
        if self._process is None or self._process.stdout is None:
            return b""
        return _read(self._process.stdout.fileno(), most, timeout_s, self.name)

    def close(self) -> None:
        """End the command, firmly if need be."""
        if self._process is not None:
            import subprocess

            process, self._process = self._process, None
            if process.stdout is not None:
                process.stdout.close()
            process.terminate()
            try:
                process.wait(2.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _read(descriptor: int, most: int, timeout_s: float, name: str) -> bytes | None:
    try:
        ready, _, _ = select.select([descriptor], [], [], timeout_s)
        return os.read(descriptor, most) if ready else None
    except BlockingIOError:
        return None
    except (OSError, ValueError) as error:
        raise AudioError(f"'{name}' can't be read: {error}.", "Check what writes into it.") from None
