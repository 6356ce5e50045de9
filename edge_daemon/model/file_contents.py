"""A file's bytes without the memory of a large one.

A small file is read; a large one is mapped, so that its bytes are in memory only while somebody looks at them. A mapped
file must not change meanwhile, and a library that reads it once more by its path must find the same file: both can be
asked.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

LARGE_BYTES = 8 * 1024 * 1024
"""Larger files are mapped."""
_AT_ONCE = 1 << 22  # numbers


@dataclass(frozen=True, slots=True)
class FileContents:
    """The bytes of a file, or bytes that never were in one.

    Attributes:
        data: the bytes; a map of the file where it is large.
        path: the file, None for bytes from elsewhere.
        identity: inode, length and time of change when it was opened.
    """

    data: bytes | mmap.mmap
    path: Path | None = None
    identity: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read or map a file; raises `OSError`."""
        with path.open("rb") as opened:
            identity = _identity(path)
            if identity[1] <= LARGE_BYTES:
                return cls(opened.read(), path, identity)
            return cls(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), path, identity)

    @property
    def mapped(self) -> Path | None:
        """The file if it is mapped, None if its bytes are in memory."""
        return self.path if isinstance(self.data, mmap.mmap) else None

    def release(self) -> None:
        """Give back the memory that looking at a mapped file took; what is needed again is read again."""
        if isinstance(self.data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self.data.madvise(mmap.MADV_DONTNEED)

    def copied(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """An array of the file's bytes, in memory; of a mapped file no more is looked at than is being copied."""
        copy, flat = np.empty(array.size, array.dtype), array.reshape(-1)
        for begin in range(0, array.size, _AT_ONCE):
            copy[begin : begin + _AT_ONCE] = flat[begin : begin + _AT_ONCE]
            self.release()
        return copy.reshape(array.shape)

    def unchanged(self) -> bool:
        """Whether the path still leads to the file that was opened, as it was; True for bytes in memory."""
        if (path := self.mapped) is None:
            return True
        try:
            return _identity(path) == self.identity
        except OSError:
            return False


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
