"""Recordings to be replayed; a year of them is tens of thousands, so each is little."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from edge_daemon.audio.file_name import folder_and_name, stem_and_ending


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to be replayed.

    Attributes:
        file: where it is.
        name: what it is called in tables and documents: the path as the user gave it, valid Unicode.
        output: the stem of its own output files, unlike any other's in the same run.
        size: bytes, for the progress bar; 0 if unknown.
    """

    file: str
    name: str
    output: str
    size: int

    @property
    def path(self) -> Path:
        """Where it is; not for each of many, for Python keeps the names in paths."""
        return Path(self.file)

    @property
    def absolute(self) -> str:
        """Where it is, from the root."""
        return os.path.join(os.getcwd(), self.file)  # noqa: PTH109, PTH118 - a text


class RecordingList(Sequence[Recording]):
    """Many recordings: of each the path and the size are kept, and an object is made when it is asked for.

    Args:
        files: where each is.
        outputs: of each the stem of its own output files; those that `stem_of` gives are not kept.
        sizes: of each, bytes.
    """

    def __init__(self, files: Sequence[str], outputs: Sequence[str], sizes: Sequence[int]) -> None:
        self._files, self._sizes = list(files), array("q", sizes)
        named = enumerate(zip(files, outputs, strict=True))
        self._outputs = {place: output for place, (file, output) in named if output != stem_of(file)}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Recording]: ...
    def __getitem__(self, index: int | slice) -> Recording | Sequence[Recording]:
        """Make a recording, or some."""
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        file = self._files[place]
        return Recording(file, valid_unicode(file), self._outputs.get(place) or stem_of(file), self._sizes[place])


def stem_of(file: str) -> str:
    """A file's name without folders and ending, valid Unicode."""
    return valid_unicode(stem_and_ending(folder_and_name(file)[1])[0])


def valid_unicode(path: str) -> str:
    r"""The path as text; bytes that are no UTF-8, which Linux allows in names, are told as `\xff`."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
