"""Talks to the service manager: ready, what we are doing, still alive, reloading, stopping.

The protocol is one datagram of KEY=VALUE lines to the Unix socket in $NOTIFY_SOCKET (sd_notify(3)), so no library is
needed. Without that variable nothing is sent. A failure to send is ignored.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Protocol


class Channel(Protocol):
    """Where the datagrams go."""

    def send(self, message: bytes) -> None:
        """Send one; never raises."""


class NoChannel:
    """Nobody listens."""

    def send(self, message: bytes) -> None:
        """Send nothing."""


class SocketChannel:
    """The service manager's socket.

    Args:
        address: path, or a name in the abstract namespace with `@` in front.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def send(self, message: bytes) -> None:
        """Send one, without waiting."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message, self._address)
        except OSError:
            pass  # the service manager is busy or gone: the next message will tell


class Notifier:
    """What is said to the service manager.

    Args:
        channel: where it goes.
        watchdog_s: the service manager restarts us without a sign of life for this long; None for no watchdog.
    """

    def __init__(self, channel: Channel, watchdog_s: float | None = None) -> None:
        self._channel = channel
        self.watchdog_s = watchdog_s
        self._status = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, pid: int | None = None) -> Notifier:
        """The service manager that started us, if any."""
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        channel = SocketChannel(address) if address.startswith(("/", "@")) else NoChannel()
        micro = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", "")
        ours = not meant or meant == str(os.getpid() if pid is None else pid)
        return cls(channel, int(micro) / 1e6 if micro.isdecimal() and int(micro) > 0 and ours else None)

    @property
    def interval_s(self) -> float | None:
        """How often to feed the watchdog: three times within its limit; None for no watchdog."""
        return None if self.watchdog_s is None else self.watchdog_s / 3

    def ready(self, status: str = "") -> None:
        """Started; dependent units may start."""
        self._say("READY=1", status)

    def status(self, status: str) -> None:
        """One line for `systemctl status`; the same one is not sent twice."""
        if status != self._status:
            self._say("", status)

    def watchdog(self) -> None:
        """Sign of life; see `edge_daemon.live.watchdog` for when it may be given."""
        self._say("WATCHDOG=1")

    def reloading(self, monotonic_ns: int) -> None:
        """The configuration is being read again; say `ready` afterwards."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns // 1000}")

    def stopping(self, status: str = "") -> None:
        """The daemon is stopping; `status` is shown until it has."""
        self._say("STOPPING=1", status)

    def _say(self, message: str, status: str = "") -> None:
        lines = [message] if message else []
        if status:
            self._status = status
            lines.append(f"STATUS={' '.join(status.split())}")
        self._channel.send("\n".join(lines).encode())
