"""Where a receiver's lines come from: gpsd on this machine, a serial device or a named pipe."""

from __future__ import annotations

import os
import select
import socket
import stat
import termios
import tty
from pathlib import Path
from typing import Protocol

from edge_daemon.errors import EdgeDaemonError

ANSWER_S = 5.0
"""How long gpsd may take to accept a connection."""


class PositionError(EdgeDaemonError):
    """The receiver, or gpsd before it, cannot be reached."""


class LineSource(Protocol):
    """Something that sends lines.

    Attributes:
        name: for people.
    """

    name: str

    def open(self) -> None:
        """Begin (again); raises PositionError."""

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Up to `most` bytes; b"" at the end; None if nothing came in time. Raises PositionError."""

    def close(self) -> None:
        """May be called twice."""


class GpsdSocket:
    """gpsd on this machine.

    Args:
        port: that it listens on.
        request: what it is sent first.
    """

    def __init__(self, port: int, request: bytes) -> None:
        self.name = f"gpsd at 127.0.0.1:{port}"
        self._port, self._request = port, request
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect and ask."""
        self.close()
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port), ANSWER_S)
            self._socket.sendall(self._request)
        except OSError as error:
            self.close()
            raise PositionError(
                f"{self.name} does not answer: {error.strerror or error}.",
                "Check `systemctl status gpsd.socket`, and position.gpsd_port.",
            ) from None

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes."""
        if self._socket is None:
            return b""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(most)
        except TimeoutError:
            return None
        except OSError as error:
            raise PositionError(f"{self.name} has gone: {error.strerror or error}.") from None

    def close(self) -> None:
        """May be called twice."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class SerialLines:
    """A serial device or a named pipe with NMEA 0183.

    Args:
        path: of it.
        baud: signs per second times ten; None leaves the device as it is set.
    """

    def __init__(self, path: Path, baud: int | None) -> None:
        self.name = str(path)
        self._baud = baud
        self._descriptor: int | None = None

    def open(self) -> None:
        """Open for reading; waits neither for a writer nor for a modem's carrier."""
        self.close()
        try:
            self._descriptor = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            terminal = os.isatty(self._descriptor)
            if terminal:
                self._set_line(self._descriptor)
            suitable = terminal or stat.S_ISFIFO(os.fstat(self._descriptor).st_mode)
        except (OSError, ValueError, termios.error) as error:
            self.close()
            raise PositionError(
                f"'{self.name}' can't be opened: {getattr(error, 'strerror', None) or error}.",
                "Check plug, position.nmea_path, and that the daemon's user may read it (group dialout).",
            ) from None
        if not suitable:
            self.close()
            raise PositionError(f"'{self.name}' is neither a serial device nor a named pipe.")

    def _set_line(self, descriptor: int) -> None:
        tty.setraw(descriptor, termios.TCSANOW)
        if self._baud is not None:
            attributes = termios.tcgetattr(descriptor)
            attributes[2] |= termios.CLOCAL | termios.CREAD
            attributes[4] = attributes[5] = getattr(termios, f"B{self._baud}")
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)

    def read(self, most: int, timeout_s: float) -> bytes | None:
        """Wait for bytes."""
        if self._descriptor is None:
            return b""
        try:
            waiting = select.poll()  # not select(), which knows descriptors below 1024 alone
            waiting.register(self._descriptor, select.POLLIN)
            return os.read(self._descriptor, most) if waiting.poll(timeout_s * 1000) else None
        except BlockingIOError:
            return None
        except OSError as error:
            raise PositionError(f"'{self.name}' can't be read: {error.strerror}.") from None

    def close(self) -> None:
        """May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
