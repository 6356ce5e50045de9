"""The board under the daemon: processor time, memory, disk, temperature, and whether it is being throttled.

Everything is read from files of /proc and /sys; what a board does not tell is None. A Raspberry Pi tells throttling as
bits in `get_throttled`: 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature limit; 16 to 19 the same
since boot (Raspberry Pi documentation, vcgencmd).

Paths below the root are strings: `pathlib` would have Python intern their parts anew at each reading (see
`clip_files`).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

THROTTLING = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_THROTTLED_FILES = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/class/hwmon/hwmon0/device/get_throttled",
)


@dataclass(frozen=True, slots=True)
class BoardReading:
    """The board at one moment.

    Attributes:
        cpu_s: processor time of this process since its start, seconds.
        memory_mb: resident memory of this process, MB (10⁶ bytes).
        disk_free_mb: room left on the storage folder's disk, MB.
        temperature_c: of the processor, °C.
        throttling: what limits the board now.
        throttled_since_boot: what has limited it since boot.
        load_1min: processes that wanted to run, mean of a minute.
    """

    cpu_s: float
    memory_mb: float | None = None
    disk_free_mb: float | None = None
    temperature_c: float | None = None
    throttling: tuple[str, ...] = ()
    throttled_since_boot: tuple[str, ...] = ()
    load_1min: float | None = None


class Board(Protocol):
    """Whoever knows how the board is."""

    def read(self) -> BoardReading:
        """Its state now; never raises."""


class LinuxBoard:
    """The running machine.

    Args:
        storage: folder whose disk is meant.
        root: where /proc and /sys are found.
    """

    def __init__(self, storage: Path, root: Path = Path("/")) -> None:
        self._storage = storage
        self._root = root

    def read(self) -> BoardReading:
        """Its state now."""
        now, since_boot = self._throttling()
        load = self._text("proc/loadavg").split()
        return BoardReading(
            cpu_s=time.process_time(),
            memory_mb=self._memory_mb(),
            disk_free_mb=self._disk_free_mb(),
            temperature_c=self._temperature_c(),
            throttling=now,
            throttled_since_boot=since_boot,
            load_1min=_number(load[0]) if load else None,
        )

    def _text(self, name: str) -> str:
        try:
            with open(os.path.join(self._root, name), encoding="utf-8", errors="replace") as file:
                return file.read().strip()
        except OSError:
            return ""

    def _memory_mb(self) -> float | None:
        fields = self._text("proc/self/statm").split()
        pages = _number(fields[1]) if len(fields) > 1 else None
        return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _disk_free_mb(self) -> float | None:
        folder = self._storage
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            disk = os.statvfs(folder)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize / 1e6

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


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
