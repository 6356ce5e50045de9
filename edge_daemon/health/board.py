"""The board under the daemon: processor time, memory, disk, temperature, and whether it is being throttled.

Everything is read from files of /proc and /sys; what a board does not tell is None. A Raspberry Pi tells throttling as
bits in `get_throttled`: 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature limit; 16 to 19 the same
since boot (Raspberry Pi documentation, vcgencmd).

Paths below the root are strings: `pathlib` would have Python intern their parts anew at each reading (see
`clips.files`).
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Protocol

from pydantic import Field

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.documents.document import DocumentPart
from edge_daemon.errors import StorageError
from edge_daemon.storage.disk_calls import disk_calls

DISK_ANSWER_S = 1.0
"""How long the disk is waited for; who asks for health must not be held up by a card that has stopped answering."""
HOT_C = 80.0
"""Processor temperature from which a Raspberry Pi slows down."""
THROTTLING = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_THROTTLED_FILES = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/class/hwmon/hwmon0/device/get_throttled",
)
_MOST_TEXT = 4096  # signs read of a file; each of them holds a line or two


class BoardHealth(DocumentPart):
    """The machine and this process."""

    cpu_percent: float | None = Field(description="Of one core, by this process, since the last document.")
    memory_mb: float | None = Field(description="Resident memory of this process, MB.")
    disk_free_mb: float | None = Field(description="Room left for storage, MB.")
    inodes_free: int | None = Field(
        default=None, description="Files that may still be made on the disk; null where it has no such bound."
    )
    temperature_c: float | None = Field(description="Processor temperature, °C.")
    throttling: tuple[str, ...] = Field(description="What throttles the board now.")
    throttled_since_boot: tuple[str, ...] = Field(description="What has throttled it since boot.")
    load_1min: float | None = Field(description="Load average of one minute.")


class Board(Protocol):
    """The machine, as health sees it."""

    def read(self) -> BoardHealth:
        """Its state now; never raises."""


class CpuShare:
    """Processor time between two readings."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def percent(self, now_ns: int, cpu_s: float) -> float | None:
        """Of one core, since the reading before; None at the first.

        Args:
            now_ns: monotonic time.
            cpu_s: processor time of the process so far, seconds.
        """
        last, self._last = self._last, (now_ns, cpu_s)
        if last is None or now_ns <= last[0]:
            return None
        return 100 * (cpu_s - last[1]) / ((now_ns - last[0]) / SECOND_NS)


class LinuxBoard:
    """The running machine.

    Args:
        storage: folder whose disk is meant.
        root: where /proc and /sys are found.
    """

    def __init__(self, storage: Path, root: Path = Path("/")) -> None:
        self._storage = storage
        self._root = root
        self._cpu = CpuShare()
        self._calls = disk_calls(DISK_ANSWER_S)

    def read(self) -> BoardHealth:
        """Its state now."""
        now, since_boot = self._throttling()
        load = self._text("proc/loadavg").split()
        disk = self._disk()
        return BoardHealth(
            cpu_percent=_round(self._cpu.percent(time.monotonic_ns(), time.process_time()), 2),
            memory_mb=_round(self._memory_mb(), 1),
            disk_free_mb=None if disk is None else _round(disk.f_bavail * disk.f_frsize / 1e6, 0),
            inodes_free=None if disk is None or not disk.f_files else disk.f_favail,
            temperature_c=_round(self._temperature_c(), 1),
            throttling=now,
            throttled_since_boot=since_boot,
            load_1min=_number(load[0]) if load else None,
        )

    def _text(self, name: str) -> str:
        try:
            with open(os.path.join(self._root, name), encoding="utf-8", errors="replace") as file:
                return file.read(_MOST_TEXT).strip()
        except (OSError, ValueError):
            return ""

    def _memory_mb(self) -> float | None:
        fields = self._text("proc/self/statm").split()
        pages = _number(fields[1]) if len(fields) > 1 else None
        return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _disk(self) -> os.statvfs_result | None:
        """The disk under the storage folder; None if it fails or does not answer."""

        def ask() -> os.statvfs_result:
            folder = self._storage
            while not folder.exists() and folder != folder.parent:
                folder = folder.parent
            return os.statvfs(folder)

        try:
            return self._calls.run(ask, "asking the disk for its room")
        except (OSError, StorageError):
            return None

    def _temperature_c(self) -> float | None:
        """Highest of the thermal zones: the processor's is the first on a Pi, the hottest elsewhere."""
        try:
            names = os.listdir(os.path.join(self._root, "sys/class/thermal"))
        except OSError:
            return None
        zones = [name for name in names if name.startswith("thermal_zone")]
        found = [_number(self._text(f"sys/class/thermal/{zone}/temp")) for zone in zones]
        known = [value / 1000 for value in found if value is not None and -50_000 < value < 200_000]
        return max(known, default=None)

    def _throttling(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        for name in _THROTTLED_FILES:
            text = self._text(name)
            if text:
                try:
                    return throttling(int(text, 16))
                except ValueError:
                    continue
        return (), ()


def throttling(bits: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the bits of `get_throttled` mean: now, and since boot."""
    now = tuple(name for place, name in enumerate(THROTTLING) if bits >> place & 1)
    since_boot = tuple(name for place, name in enumerate(THROTTLING) if bits >> (16 + place) & 1)
    return now, since_boot


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
