"""Files that are whole or not there.

A table is written under a temporary name beside its place, forced to the disk, and renamed: readers of the folder
find the old file or the new one, never half of it, even after a crash or a power cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from edge_daemon.errors import StorageError
from edge_daemon.storage.part_file import make_locked_part, make_part


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """A UTF-8 text file, line ends as written, that appears under its name when the block ends without an error.

    Args:
        path: its name; an older file there is replaced.

    Raises:
        StorageError: it cannot be written; nothing is left of it.
    """
    try:
        descriptor, part = make_locked_part(path)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)  # noqa: PTH105 - texts, of which Python keeps no names
            _sync_folder(os.path.split(path)[0])
        except BaseException:  # Ctrl-C too leaves nothing behind
            with suppress(OSError):
                os.unlink(part)  # noqa: PTH108
            raise
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}.", "Check that the folder exists, is writable and has space."
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file's bytes, all of them or none, in place of an older file.

    Raises:
        OSError: they cannot be written; nothing is left of them.
    """
    descriptor, name = make_part(path)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(str(path.parent))
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _sync_folder(folder: str) -> None:
    """Force the renaming itself to the disk; some file systems cannot, and need not."""
    with suppress(OSError):
        handle = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
