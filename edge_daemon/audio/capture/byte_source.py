"""Where a pipe's bytes come from: standard input or a named pipe.

A path may name something else each time it is opened, and while it is open: `> hydrophone` makes a file where the pipe
was, and a file would be read again and again. So what was opened is looked at, not what the path named before.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
from pathlib import Path
from typing import Protocol

from edge_daemon.errors import AudioError

_ROOM = 16_384  # where it cannot be asked


class ByteSource(Protocol):
    """Where the bytes come from.

    Attributes:
        name: for people.
        reopens: whether it can be opened again after its end.
        room: bytes that may gather in it unread, once it is open; a pipe that is full stops its writer.
    """

    name: str
    reopens: bool
    room: int

    def open(self) -> None:
        """Begin (again); raises AudioError."""

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Up to `most` bytes, at least one; b"" at the end; None if nothing came in time. Raises AudioError."""

    def close(self) -> None:
        """May be called twice."""


class DescriptorBytes:
    """A file descriptor that is open already, such as standard input (0)."""

    reopens = False

    def __init__(self, descriptor: int = 0, name: str = "standard input") -> None:
        self.name = name
        self.room = 0
        self._descriptor = descriptor

    def open(self) -> None:
        """It is open; see how much it holds."""
        self.room = _room(self._descriptor)

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes."""
        return _read(self._descriptor, most, timeout_s, self.name)

    def close(self) -> None:
        """Leave it to its owner."""


class NamedPipeBytes:
    """A FIFO, opened so that it may have no writer yet, or a new one later."""

    reopens = True

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        self.room = 0
        self._descriptor: int | None = None

    def open(self) -> None:
        """Open for reading; does not wait for a writer.

        Raises:
            AudioError: nothing is there, or something else than a named pipe.
        """
        self.close()
        try:
            descriptor = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise AudioError(
                f"The pipe '{self.name}' can't be opened: {error.strerror}.", f"Create it: mkfifo {self.name}"
            ) from None
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise AudioError(
                f"'{self.name}' is not a named pipe.", f"Move away what is there, and create it: mkfifo {self.name}"
            )
        self._descriptor, self.room = descriptor, _room(descriptor)

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes; where none come because the path names something else by now, that is the end."""
        if self._descriptor is None:
            return b""
        data = _read(self._descriptor, most, timeout_s, self.name)
        return b"" if data is None and self._replaced(self._descriptor) else data

    def close(self) -> None:
        """May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _replaced(self, descriptor: int) -> bool:
        """Whether a new writer would find another pipe than the one that is open here, and wait for ever."""
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except OSError:
            return True


def _room(descriptor: int) -> int:
    """Half of what a pipe holds: usually of 64 kB, but of one page where a user has very many."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) // 2
    except OSError:
        return _ROOM


def _read(descriptor: int, most: int, timeout_s: float, name: str) -> bytes | None:
    try:
        ready, _, _ = select.select([descriptor], [], [], timeout_s)
        return os.read(descriptor, most) if ready else None
    except BlockingIOError:
        return None
    except (OSError, ValueError) as error:
        raise AudioError(f"'{name}' can't be read: {error}.", "Check the program that writes to it.") from None
