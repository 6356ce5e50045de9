"""The folder that clips are kept in: whole files, listed, deleted, and the room that is left.

A clip is written under a temporary name, forced to the disk and renamed, so that after a power cut it is whole or not
there. Only files that this program names are ever listed or deleted: `YYYY-MM-DD/*.flac` and `*.wav`.

The name of a clip stays a string. `pathlib` has Python intern each part of a path, and the table of interned names, a
megabyte, doubles once enough names have come and gone: a thousand clips a day fill it within a week.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Protocol

from edge_daemon.clips.retention import StoredFile
from edge_daemon.storage.part_file import SUFFIX, make_part

_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_KINDS = (".flac", ".wav")


class ClipFiles(Protocol):
    """A place for clips; every method may raise OSError."""

    def write(self, name: str, content: bytes, utc_ns: int) -> None:
        """Put a file there, whole or not at all, dated now (UTC, ns)."""

    def read(self, name: str) -> bytes:
        """What a file holds."""

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""

    def list(self) -> list[StoredFile]:
        """All clips."""

    def free_bytes(self) -> int:
        """Free space for this user on the disk."""

    def sweep(self) -> None:
        """Remove what a power cut left half written."""


class FolderClipFiles:
    """Clips in a folder of the file system.

    Args:
        folder: made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: bytes, utc_ns: int) -> None:
        """Put a file there, whole or not at all."""
        path = os.path.join(self.folder, name)
        day = os.path.dirname(path)
        os.makedirs(day, exist_ok=True)
        descriptor, part = make_part(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.utime(part, ns=(utc_ns, utc_ns))
            os.replace(part, path)
            handle = os.open(day, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise

    def read(self, name: str) -> bytes:
        """What a file holds."""
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def delete(self, name: str) -> None:
        """Remove a file, and its day's folder once that is empty."""
        path = os.path.join(self.folder, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(path))

    def list(self) -> list[StoredFile]:
        """All clips; files that vanish meanwhile are passed over."""
        found = []
        for path in self.folder.glob(f"{_DAY}/*"):
            if path.suffix in _KINDS:
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    # Blocks are what the disk gives back, but an empty file still has to count.
                    size = max(status.st_blocks * 512, status.st_size)
                    found.append(StoredFile(f"{path.parent.name}/{path.name}", size, status.st_mtime_ns))
        return found

    def free_bytes(self) -> int:
        """Free space for this user on the disk that the folder is on, or will be on."""
        folder = self.folder.absolute()
        while not folder.is_dir():
            folder = folder.parent
        status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize

    def sweep(self) -> None:
        """Remove what a power cut left half written."""
        for path in self.folder.glob(f"{_DAY}/*{SUFFIX}"):
            path.unlink(missing_ok=True)
