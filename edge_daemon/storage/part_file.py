"""Temporary files beside their place, under names that nobody can guess.

A name that can be guessed may be there already, as a link that leads elsewhere: what is written follows it. So the name
has random letters, and the file is made anew or not at all; no link is followed.

A program that is killed leaves such files behind. Whoever holds a lock on his while he writes can be told from those
that nobody writes any more.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SUFFIX = ".part"
"""How such names end; what a power cut has left is known by it."""
_NAME = re.compile(r"\.(?:(.*)\.)?[0-9a-f]{16}\.part", re.DOTALL)
_LONGEST = 200  # bytes; file systems take 255, some that encrypt 143


def make_part(path: str | os.PathLike[str], mode: int = 0o666) -> tuple[int, str]:
    """Make a file beside `path`, to be renamed to it once it is whole; returns a descriptor for writing, and its name.

    Args:
        path: the place.
        mode: permissions, less what the process masks.

    Raises:
        OSError: it cannot be made.
    """
    folder, name = os.path.split(os.fspath(path))
    beginning = name if len(os.fsencode(name)) <= _LONGEST else ""  # the place's own name may be as long as can be
    part = f"{folder or '.'}/.{beginning}.{secrets.token_hex(8)}{SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(part, flags, mode), part


def make_locked_part(path: str | os.PathLike[str]) -> tuple[int, str]:
    """As `make_part`, with a lock that holds as long as the descriptor is open, where the file system has locks.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        descriptor, name = make_part(path)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # somebody found it before it was locked, and removed it


def remove_left_parts(folder: str | os.PathLike[str], ours: Callable[[str], bool]) -> None:
    """Remove temporary files that were made with a lock, and that nobody writes any more; others stay.

    Args:
        folder: where they may be.
        ours: whether a temporary file of this name's is one of those.
    """
    with suppress(OSError):
        for path in Path(folder).iterdir():
            found = _NAME.fullmatch(path.name)
            if found is not None and ours(found[1] or ""):
                with suppress(OSError):  # it is locked, or gone, or not to be touched
                    _remove_unlocked(path)


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
