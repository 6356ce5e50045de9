"""Opening what is a file: a pipe that nobody writes into would wait for ever, and a device never ends."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading, without waiting for a pipe's writer; links are followed.

    Raises:
        OSError: as `open`; with the number `ENXIO` where it is a pipe, a socket or a device.
        ValueError: a zero byte in the name.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116 - may be a text
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # to open a device may already do something
        raise OSError(errno.ENXIO, "not a regular file", str(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENXIO, "not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
