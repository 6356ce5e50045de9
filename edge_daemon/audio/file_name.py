"""The parts of a path as plain strings: of a `Path` for each of 10,000 recordings Python would keep the names."""

from __future__ import annotations

import os


def folder_and_name(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The folder, empty if there is none, and the file's name."""
    return os.path.split(os.fspath(path))


def stem_and_ending(name: str) -> tuple[str, str]:
    """A file's name in front of its ending, and the ending with its dot; as `PurePath.stem` and `suffix` have them."""
    place = name.rfind(".")
    return (name[:place], name[place:]) if 0 < place < len(name) - 1 else (name, "")
