"""One daemon to a storage folder: two would tear the same outbox, and throw each other off the broker.

The kernel keeps the lock and gives it back when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from edge_daemon.errors import ConfigValueError, StorageError
from edge_daemon.storage.disk_calls import disk_calls

NAME = "daemon.lock"


class FolderInUseError(ConfigValueError):
    """Another daemon is at work in the folder; no other configuration changes that."""


def lock_folder(folder: Path) -> BinaryIO | None:
    """Take the folder for this process; None if the disk cannot be written, which must not stop the listening.

    Args:
        folder: made if absent; its disk is waited for, but not for ever.

    Returns:
        A file to be kept open as long as the folder is used.

    Raises:
        FolderInUseError: another process has it.
    """
    try:
        return disk_calls().run(lambda: _lock(folder), f"locking {folder}", discard=lambda late: late and late.close())
    except StorageError:
        return None


def _lock(folder: Path) -> BinaryIO | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError:
        return None
    file = os.fdopen(descriptor, "a+b", buffering=0)  # what a full disk refuses must not come up again at close
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read(20).decode(errors="replace").strip() or "unknown"
        file.close()
        raise FolderInUseError(
            "storage.folder",
            f"names {folder}, which another edge-daemon is using (process {holder})",
            "Stop that one first (systemctl stop edge-daemon), or give this one its own folder and device.id.",
        ) from None
    except OSError:
        return file  # a file system without locks
    _sign(file)
    return file


def folder_in_use(folder: Path) -> bool:
    """Whether a daemon uses the folder now, as far as we may know; changes nothing."""
    try:
        with (folder / NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:
        return False
    return False


def _sign(file: BinaryIO) -> None:
    """Write our process id into it, for the message above; on a full disk without."""
    try:
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
    except OSError:
        return
