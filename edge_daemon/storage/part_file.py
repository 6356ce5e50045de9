"""Temporary files beside their place, under names that nobody can guess.

A name that can be guessed may be there already, as a link that leads elsewhere: what is written follows it. So the name
has random letters, and the file is made anew or not at all; no link is followed.
"""

from __future__ import annotations

import os
import secrets

SUFFIX = ".part"
"""How such names end; what a power cut has left is known by it."""
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
