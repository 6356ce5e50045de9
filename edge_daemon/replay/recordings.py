"""Which recordings to replay, and what to call what comes out of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_daemon.errors import UsageError

SUFFIXES = frozenset(
    {".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga", ".opus"}
    | {".mp3", ".au", ".snd", ".caf"}
)
"""Endings by which sound is found in folders; a file named outright is tried whatever its ending."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to be replayed.

    Attributes:
        path: where it is.
        name: what it is called in tables and documents: the path as the user gave it, valid Unicode.
        output: the stem of its own output files, unlike any other's in the same run.
        size: bytes, for the progress bar; 0 if unknown.
    """

    path: Path
    name: str
    output: str
    size: int


def find_recordings(paths: Iterable[Path]) -> list[Recording]:
    """Files as given, and the sound files in folders and their sub-folders, sorted by path; each file once.

    Args:
        paths: files and folders.

    Raises:
        UsageError: a path does not exist, or there is no sound file at all.
    """
    found: dict[Path, Path] = {}
    given = list(paths)
    for path in given:
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}.", "Check the path.")
        for file in _in_folder(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    if not found:
        folders = ", ".join(str(path) for path in given)
        raise UsageError(
            f"No sound files were found in {folders}.", f"Searched for files ending in: {' '.join(sorted(SUFFIXES))}."
        )
    files = list(found.values())
    return [
        Recording(file, _unicode(file), output, _size(file))
        for file, output in zip(files, output_names(files), strict=True)
    ]


def output_names(files: Sequence[Path]) -> list[str]:
    """A stem for each file's output that no other file of the run has, not even in another case of letters.

    The file's name without its ending; where several files share that, with the ending; where they still do, with as
    many folder names in front, joined by `__`, as tell them apart.
    """
    names = [_named(file, 0) for file in files]
    for level in range(1, max((len(file.absolute().parts) for file in files), default=0)):
        count = Counter(name.casefold() for name in names)
        if len(count) == len(names):
            return names
        names = [
            name if count[name.casefold()] == 1 else _named(file, level)
            for name, file in zip(names, files, strict=True)
        ]
    taken: set[str] = set()
    for index, name in enumerate(names):  # names made to collide: `a__b.wav` beside `a/b.wav`
        number, unique = 1, name
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        names[index] = unique
        taken.add(unique.casefold())
    return names


def _named(file: Path, level: int) -> str:
    """Stem (level 0), name (1), or the last `level` parts of the path."""
    return _unicode(Path(file.stem if level == 0 else "__".join(file.absolute().parts[1:][-level:])))


def _in_folder(folder: Path) -> list[Path]:
    # Names that begin with a dot are no recordings: macOS leaves `._NAME.wav` beside each file it copies.
    files = (
        Path(root) / name
        for root, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
    )
    return sorted((file for file in files if file.is_file()), key=lambda file: file.parts)


def _unicode(path: Path) -> str:
    """The path as text; bytes that are no UTF-8, which Linux allows in names, become replacement signs."""
    return os.fsencode(path).decode("utf-8", errors="replace")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0  # whoever opens it will say what is wrong
