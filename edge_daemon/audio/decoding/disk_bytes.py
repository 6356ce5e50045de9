"""Bytes of a file on a disk that may not give all of them back.

A sector that cannot be read any more is damage like any other: what lies before and behind it is there. So it reads as
zeros where a format tells damage by itself (checksums, frames, pages), and plain samples go on behind it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

BLOCK = 4096
"""What a disk gives or refuses at a time, at least."""
_LARGEST_STEP = 1 << 20  # a disk tries a bad sector for seconds


def bytes_at(descriptor: int, count: int, at: int) -> bytes:
    """Up to `count` bytes from a place on; fewer at the file's end. What cannot be read is zero.

    Raises:
        OSError: not a matter of one place: the disk is gone, or the file is closed.
    """
    try:
        return os.pread(descriptor, count, at)
    except OSError as error:
        if not is_unreadable(error):
            raise
    end = min(at + count, os.fstat(descriptor).st_size)
    return b"".join(_blocks(descriptor, at, end))


def is_unreadable(error: OSError) -> bool:
    """Whether the error is that of one place of a file, so that others may be readable."""
    return error.errno in {errno.EIO, errno.EBADMSG, errno.EREMOTEIO, errno.ENODATA}


def next_readable(descriptor: int, at: int, end: int) -> int:
    """The first place at or behind `at` that can be read, found in steps that grow; `end` where there is none."""
    step = BLOCK
    while at < end:
        try:
            os.pread(descriptor, min(end - at, BLOCK - at % BLOCK), at)
        except OSError as error:
            if not is_unreadable(error):
                raise
            at = (at // BLOCK) * BLOCK + step
            step = min(2 * step, _LARGEST_STEP)
        else:
            return at
    return end


def _blocks(descriptor: int, at: int, end: int) -> Iterator[bytes]:
    while at < end:
        count = min(end, (at // BLOCK + 1) * BLOCK) - at
        try:
            data = os.pread(descriptor, count, at)
        except OSError as error:
            if not is_unreadable(error):
                raise
            data = b""
        yield data.ljust(count, b"\0")
        at += count
