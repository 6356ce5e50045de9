"""Twins in memory of what a machine offers: clocks, board, folder of clips, service manager."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

from edge_daemon.clips.retention import StoredFile
from edge_daemon.clock.synchronisation import SyncReading
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.health.board import BoardHealth


class MemoryKernelClock:
    """A kernel that says what it is told: the in-memory twin of `AdjtimexClock`."""

    def __init__(self, synchronised: bool = True, max_error_ns: int = 0) -> None:
        self.reading = SyncReading(synchronised, max_error_ns)

    def read(self) -> SyncReading:
        """Its state now."""
        return self.reading


_UNKNOWN = dict.fromkeys(BoardHealth.model_fields) | {"throttling": (), "throttled_since_boot": ()}


def board_health(**known: object) -> BoardHealth:
    """What a board tells that knows only this."""
    return BoardHealth.model_validate(_UNKNOWN | known)


@dataclass(slots=True)
class MemoryBoard:
    """A board that says what it is told: the in-memory twin of `LinuxBoard`."""

    reading: BoardHealth = field(default_factory=board_health)

    def read(self) -> BoardHealth:
        """What it was told to say."""
        return self.reading


class MemoryClipFiles:
    """Clips on a disk of so many bytes, in memory: the twin of `FolderClipFiles`.

    Attributes:
        contents: bytes by name.
        broken: while set, every operation fails as a dying card does.
        others: bytes that something else takes.
        most_files: that the disk takes, whatever room it has; None for no such bound.

    Args:
        capacity: size of the disk, bytes.
    """

    def __init__(self, capacity: int) -> None:
        self.contents: dict[str, bytes] = {}
        self.broken = False
        self.others = 0
        self.most_files: int | None = None
        self._capacity = capacity
        self._dates: dict[str, int] = {}

    def write(self, name: str, content: bytes, utc_ns: int) -> None:
        """Put a file there."""
        self._check()
        full = self.most_files is not None and len(self.contents) >= self.most_files and name not in self.contents
        if full or self.free_bytes() < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        self.contents[name] = content
        self._dates[name] = utc_ns

    def read(self, name: str) -> bytes:
        """What a file holds."""
        self._check()
        try:
            return self.contents[name]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._check()
        self.contents.pop(name, None)

    def list(self) -> list[StoredFile]:
        """All clips."""
        self._check()
        return [StoredFile(name, len(content), self._dates[name]) for name, content in self.contents.items()]

    def free_bytes(self) -> int:
        """What the clips and the others leave of the disk."""
        self._check()
        return self._capacity - self.others - sum(map(len, self.contents.values()))

    def sweep(self) -> None:
        """Nothing is ever half written here."""
        self._check()

    def _check(self) -> None:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class MemoryChannel:
    """Keeps what was sent: the in-memory twin of `SocketChannel`."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, message: bytes) -> None:
        """Keep one."""
        self.sent.append(message.decode())


class ManualTime:
    """Clocks that move only when told: the in-memory twin of `SystemTime`.

    Args:
        utc_ns: what UTC shows at first.
        monotonic_ns: what the monotonic clock shows at first.
    """

    def __init__(self, utc_ns: int = 1_767_225_600 * SECOND_NS, monotonic_ns: int = 0) -> None:
        self._utc_ns = utc_ns
        self._monotonic_ns = monotonic_ns

    def utc_ns(self) -> int:
        """UTC in nanoseconds since 1970-01-01."""
        return self._utc_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary moment."""
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks; refuses to go back (ValueError)."""
        if seconds < 0:
            raise ValueError("time does not run backwards; use step() for UTC")
        self._utc_ns += round(seconds * SECOND_NS)
        self._monotonic_ns += round(seconds * SECOND_NS)

    def step(self, seconds: float) -> None:
        """Set UTC forward (or back, if negative) while the monotonic clock stands still."""
        self._utc_ns += round(seconds * SECOND_NS)
