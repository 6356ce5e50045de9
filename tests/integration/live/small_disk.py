"""A small disk for the daemon's state: mounted for a test, and filled by it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\xa5" * size)
    assert os.statvfs(folder).f_bavail == 0
    return ballast


def mounted(rig: Any, *arguments: str) -> Iterator[Path]:
    """The daemon's storage folder on a disk of its own."""
    rig.state.mkdir()
    command = ["mount", *arguments, str(rig.state)]
    if os.geteuid() != 0 or (done := subprocess.run(command, capture_output=True, check=False)).returncode != 0:
        pytest.skip(f"needs root and the right to mount a disk: {done.stderr.decode().strip()}")
    yield rig.state
    rig.close()
    subprocess.run(["umount", "-l", str(rig.state)], check=True)
