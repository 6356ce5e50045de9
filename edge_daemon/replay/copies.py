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
from pathlib import Path
from typing import BinaryIO

from edge_daemon.audio.regular_file import open_regular

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


def find_copies(files: Mapping[str, Path], named: set[Path]) -> dict[Path, Path]:
    """The files that are copies, and what each is a copy of.

    Only files of one name and size are looked into, and only those that are alike at their beginning, middle and end
    are compared throughout.

    Args:
        files: by their real path, in order.
        named: those that count as the original, if they are among files that are alike.
    """
    alike: dict[tuple[str, int], list[Path]] = {}
    marked: set[Path] = set()
    for real, file in files.items():
        try:
            size = file.stat().st_size
        except OSError:
            continue
        if size:
            name = unicodedata.normalize("NFC", os.path.basename(real))  # noqa: PTH119 - a text, of 10,000
            own = _MARKS.sub("", name)
            if own != name:
                marked.add(file)
            alike.setdefault((own, size), []).append(file)
    copies: dict[Path, Path] = {}
    for (_, size), group in alike.items():
        if len(group) > 1:
            copies |= _copies_among(sorted(group, key=lambda file: (file not in named, file in marked)), size)
    return copies


def _copies_among(group: list[Path], size: int) -> dict[Path, Path]:
    originals: dict[bytes, list[Path]] = {}
    copies: dict[Path, Path] = {}
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


def _digest(file: Path, size: int) -> bytes | None:
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


def _same(one: Path, other: Path) -> bool:
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
