"""Can everything that outlives a restart be written, and is there room for it?"""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from pathlib import Path

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config
from edge_daemon.errors import ConfigValueError, StorageError
from edge_daemon.storage.disk_calls import disk_calls
from edge_daemon.storage.read_only import why_read_only

log = logging.getLogger(__name__)

_FOR_GOOD = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENAMETOOLONG)
"""Why a folder cannot be written, if only a person can mend it; a full or read-only disk may mend itself."""


def refuse_folder(config: Config) -> None:
    """Refuse a storage folder that is a file or that the daemon may not write; a disk that fails is logged."""
    folder = config.storage.folder
    if (failure := _failure(folder)) is None:
        return
    if failure.errno in _FOR_GOOD:
        wrong = f"names {folder}, which cannot be written: {failure.strerror}"
        hint = "Create it and give it to the daemon's user with chown, or choose another folder."
        raise ConfigValueError("storage.folder", wrong, hint)
    told = f"nothing can be stored in storage.folder, so a power cut will lose unsent detections: {failure.strerror}."
    log.warning(f"{told} {why_read_only(folder)}".rstrip(), extra={"folder": folder})


def try_folders(config: Config) -> Verdict:
    """See that the storage folder and what is in it can be written, and that there is room beside the clips' floor."""
    folder = config.storage.folder
    if (failure := _failure(folder)) is not None:
        hint = why_read_only(folder) or "Make room on its disk, or look after the disk (dmesg)."
        return Verdict("folders", "failed", f"{folder} cannot be written: {failure.strerror}", hint)
    parts = (config.storage.outbox_path, config.storage.effort_path, config.storage.clips_folder)
    closed = [part for part in parts if part.exists() and not os.access(part, os.W_OK)]
    if closed:
        hint = "Give it to the daemon's user with chown, or run the check as that user."
        return Verdict("folders", "failed", f"{closed[0]} cannot be written by {_user()}", hint)
    free = free_mb(_nearest(folder))
    text = f"{folder} can be written, {free:.0f} MB free" if folder.exists() else f"{folder} can be created"
    if config.clips.enabled and free < config.clips.min_free_mb:
        text += f"; that is less than clips.min_free_mb ({config.clips.min_free_mb:g})"
        return Verdict("folders", "warning", text, "No clips will be stored: make room, or lower clips.min_free_mb.")
    return Verdict("folders", "ok", text)


def free_mb(folder: Path) -> float:
    """Room left to us on the folder's disk, MB (10⁶ bytes)."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize / 1e6


def _failure(folder: Path) -> OSError | None:
    """Why nothing can be written into a folder, or into the nearest one above it that is there; None if it can."""

    def write() -> None:
        with tempfile.TemporaryFile(dir=_nearest(folder)) as file:
            file.write(b"x")

    calls = disk_calls()
    try:
        calls.run(write, "writing")
    except OSError as error:
        return error
    except StorageError as error:
        return OSError(errno.ETIMEDOUT, error.message.removesuffix("."))
    return None


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return place
        if place.exists() or place.is_symlink():
            raise ConfigValueError("storage.folder", f"names {folder}, but {place} is not a folder")
    return Path()


def _user() -> str:
    import getpass  # of no use to a daemon that starts

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"user {os.getuid()}"
