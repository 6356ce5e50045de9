"""Which recordings are copies of others: the same name and, from the first byte to the last, the same contents.

What file managers and browsers add to a copy's name (`x (1).wav`, `x - Copy.wav`, `Copy of x.wav`) is no part of it.

The detections of a copy would be there twice in each table and in each count of calls and hours, most often with the
same ids. So it is left out where it was found in a folder, and said; one that
the user names is heard, and said as well. Nothing is left out for being alike in part: what is heard of a file may be
in the part that differs.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from edge_daemon.audio.file_name import folder_and_name
from edge_daemon.audio.regular_file import open_regular
from edge_daemon.replay.repeated import repeated

_BLOCK = 65_536
_PIECE = 1 << 20
_COPY = "(?:copy|kopie|copie|copia|cópia)"
_MARKS = re.compile(
    rf"^{_COPY} (?:\(\d+\) )?(?:of|von|de) |(?:[ _-]*\(\d{{1,3}}\)|[ _-]+{_COPY}(?:[ _-]?\d{{1,3}})?)+(?=\.[^.]*$|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A recording that is the same as another one.

    Attributes:
        name: of the copy, as in tables.
        of: name of the other one, which is heard.
        heard: the copy is heard, too, because the user named it.
    """

    name: str
    of: str
    heard: bool

    @property
    def sentence(self) -> str:
        """For people."""
        if self.heard:
            return f"'{self.name}' is a copy of '{self.of}'; both were named and heard: each detection is there twice."
        return f"'{self.name}' is a copy of '{self.of}', and was left out."


def find_copies(files: Mapping[str, str], named: set[str]) -> dict[str, str]:
    """The files that are copies, and what each is a copy of.

    Only files of one name and size are looked into, and only those that are alike at their beginning, middle and end
    are compared throughout.

    Args:
        files: by their real path, in order.
        named: those that count as the original, if they are among files that are alike.
    """
    shared = repeated(lambda: (key for real in files if (key := _name_and_size(real)) is not None))
    alike: dict[tuple[str, int], list[str]] = {}
    marked: set[str] = set()
    for real, file in files.items() if shared else ():
        key = _name_and_size(real)
        if key is not None and key in shared:
            alike.setdefault(key, []).append(file)
            if key[0] != _name(real):
                marked.add(file)
    copies: dict[str, str] = {}
    for (_, size), group in alike.items():
        copies |= _copies_among(sorted(group, key=lambda file: (file not in named, file in marked)), size)
    return copies


def _name(real: str) -> str:
    return unicodedata.normalize("NFC", folder_and_name(real)[1])


def _name_and_size(real: str) -> tuple[str, int] | None:
    """What copies have in common; None for a file that is empty, or cannot be looked at."""
    try:
        size = os.stat(real).st_size  # noqa: PTH116 - a text
    except OSError:
        return None
    return (_MARKS.sub("", _name(real)), size) if size else None


def _copies_among(group: list[str], size: int) -> dict[str, str]:
    originals: dict[bytes, list[str]] = {}
    copies: dict[str, str] = {}
    for file in group:
        digest = _digest(file, size)
        if digest is None:
            continue
        like = originals.setdefault(digest, [])
        original = next((one for one in like if _same(one, file)), None)
        if original is None:
            like.append(file)
        else:
            copies[file] = original
    return copies


def _digest(file: str, size: int) -> bytes | None:
    """Of a block at the beginning, one in the middle and one at the end; None where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open_regular(file) as handle:
            for place in (0, max(0, size // 2 - _BLOCK // 2), max(0, size - _BLOCK)):
                handle.seek(place)
                digest.update(handle.read(_BLOCK))
    except OSError:
        return None
    return digest.digest()


def _same(one: str, other: str) -> bool:
    """Whether two files are the same from the first byte to the last; not where one cannot be read."""
    try:
        with open_regular(one) as first, open_regular(other) as second:
            if os.path.samestat(os.fstat(first.fileno()), os.fstat(second.fileno())):
                return True
            return all(a == b for a, b in zip(_pieces(first), _pieces(second), strict=True))
    except (OSError, ValueError):  # ValueError: one has become longer
        return False


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
