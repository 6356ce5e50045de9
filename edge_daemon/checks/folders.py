"""Can everything that outlives a restart be written, and is there room for it?"""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config


def check_folders(config: Config) -> Verdict:
    """The storage folder and what is in it can be written, and there is room beside the clips' floor."""
    folder = config.storage.folder
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return Verdict("folders", "failed", f"{place} is not a folder", "Choose another storage.folder.")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        return Verdict("folders", "failed", f"{place} cannot be written: {error.strerror}", _hint(place))
    parts = (config.storage.outbox_path, config.storage.effort_path, config.storage.clips_folder)
    closed = [part for part in parts if part.exists() and not os.access(part, os.W_OK)]
    if closed:
        return Verdict("folders", "failed", f"{closed[0]} cannot be written by {_user()}", _hint(closed[0]))
    free = free_mb(place)
    text = f"{folder} can be written, {free:.0f} MB free" if place == folder else f"{folder} can be created"
    if config.clips.enabled and free < config.clips.min_free_mb:
        text += f"; that is less than clips.min_free_mb ({config.clips.min_free_mb:g})"
        return Verdict("folders", "warning", text, "No clips will be stored: make room, or lower clips.min_free_mb.")
    return Verdict("folders", "ok", text)


def free_mb(folder: Path) -> float:
    """Room left to us on the folder's disk, MB (10⁶ bytes)."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize / 1e6


def _hint(place: Path) -> str:
    return f"Give {place} to the daemon's user with chown, or check as that user. Is the disk full or read-only?"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"user {os.getuid()}"
