"""Files that are read again and again, or at each start: whatever has come in their place, reading ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A pipe, a device, a folder or a socket stands where a file should."""


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open for reading; a pipe in its place would be waited for, and a device has no end.

    Raises:
        OSError: it cannot be opened; a `NotRegularError` if it is none.
        ValueError: the path holds a zero byte.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise NotRegularError(errno.EINVAL, "is not a file", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(errno.EINVAL, "is not a file", str(path))
    return os.fdopen(descriptor, "rb")


def content(path: Path, most: int = 1_000_000) -> bytes:
    """What a regular file holds, or its first bytes.

    Raises:
        OSError, ValueError: as `open_regular`.
    """
    with open_regular(path) as file:
        return file.read(most)
