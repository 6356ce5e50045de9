"""Which sound files a folder holds, found by the names that tables use for them.

Recorders give the same names in every folder, so a name alone is not enough. Of several files with the name that one
counts which shares most of the folders that the table writes before it; of these the one that lies there as seen from
the table's own folder, then the one in that folder, then the one whose folder is most like it. If two are left, the
table is refused.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from pathlib import Path, PureWindowsPath

from train.data.dataset import DataError
from train.data.sound_file import is_sound


def by_time(path: Path) -> tuple[tuple[int, object], ...]:
    """Sort key: numbers within a path count as numbers, so that clip9 comes before clip10 and dates come in order."""
    parts = re.split(r"(\d+)", str(path))
    return tuple((1, int(part)) if part.isdigit() else (0, part.lower()) for part in parts)


def composed(name: str) -> str:
    """A name in Unicode's composed form: macOS writes an accent as a letter of its own."""
    return unicodedata.normalize("NFC", name)


class RecordingIndex:
    """The sound files below folders.

    Args:
        folders: searched with their sub-folders; what lies below two of them counts once.
    """

    def __init__(self, *folders: Path) -> None:
        below = ((folder, path) for folder in reversed(folders) for path in folder.rglob("*"))
        found = {folder.resolve() / path.relative_to(folder): path for folder, path in below if _is_recording(path)}
        self.paths = sorted(found.values(), key=by_time)
        self._folders = {path: _parts(place.parent) for place, path in found.items()}
        self._named: dict[str, list[Path]] = {}
        self._stems: dict[str, list[Path]] = {}
        for path in self.paths:
            self._named.setdefault(composed(path.name), []).append(path)
            self._stems.setdefault(composed(path.stem), []).append(path)
        self._where = " and ".join(map(str, folders))

    def find(self, name: str, where: str, near: Path) -> Path:
        """The file that a table calls `name`.

        Args:
            name: a path relative to `near`, a bare file name, a path of another machine, a name without its ending,
                or empty where there is one file only, or only one in `near`.
            where: the table and line, for errors.
            near: the folder of the table, or the one that its names count from.

        Raises:
            DataError: there is none, it may be more than one, or it is a file that is not below the folders.
        """
        if not name:
            return self._only(where, near)
        named = PureWindowsPath(composed(name))  # takes both kinds of slashes
        meant = near / Path(*named.parts)
        if meant.is_file() and not self._holds(meant):
            raise DataError(
                f"{where}: {meant} is not among the recordings below {self._where}.",
                "Remove the line, or name the folder of that recording, too.",
            )
        called = self.called(named.name)
        if not called:
            raise DataError(
                f"{where}: no sound file below {self._where} is called {name!r}.", "Fix the name in the table."
            )
        return self.nearest(called, where, near, named.parts[:-1])

    def called(self, name: str) -> list[Path]:
        """The files of that name, or, if there is none, those of that name without its ending."""
        return self._named.get(composed(name)) or self._stems.get(composed(name), [])

    def nearest(self, paths: Sequence[Path], where: str, near: Path, folders: Sequence[str] = ()) -> Path:
        """Of files that a table may mean the one that it means.

        Args:
            paths: one or more files of this index.
            where: the table and line, for errors.
            near: as in `find`.
            folders: that the table writes before the file's name.

        Raises:
            DataError: two are equally likely.
        """
        home = _parts(near.resolve())
        beside = _parts(Path(os.path.normpath(Path(near.resolve(), *folders))))
        best = _most(paths, lambda path: _same(reversed(self._folders[path]), reversed(folders)))
        for folder in (beside, home):
            best = [path for path in best if self._folders[path] == folder] or best
        best = _most(best, lambda path: _likeness(self._folders[path], home))
        if len(best) > 1:
            raise DataError(
                f"{where}: {len(best)} sound files may be meant: {best[0]} or {best[1]}.",
                "Write the folder before the file's name in the table (in Raven: the column Begin Path), or put the"
                " table into the folder of its recording.",
            )
        return best[0]

    def _holds(self, path: Path) -> bool:
        folder = _parts(path.parent.resolve())
        return any(self._folders[own] == folder for own in self._named.get(composed(path.name), []))

    def _only(self, where: str, near: Path) -> Path:
        home = _parts(near.resolve())
        for paths in (self.paths, [path for path in self.paths if self._folders[path] == home]):
            if len(paths) == 1:
                return paths[0]
        raise DataError(
            f"{where} does not say which of the {len(self.paths)} sound files below {self._where} it means.",
            "Add a column with the file's name, or put each recording with its table into its own folder.",
        )


def _is_recording(path: Path) -> bool:
    return is_sound(path) and path.is_file()


def _parts(folder: Path) -> tuple[str, ...]:
    return tuple(map(composed, folder.parts))


def _most(paths: Sequence[Path], count: Callable[[Path], int]) -> list[Path]:
    """Those paths that count most."""
    most = max(map(count, paths))
    return [path for path in paths if count(path) == most]


def _same(some: Iterable[str], others: Iterable[str]) -> int:
    """How many parts are the same from the first on."""
    pairs = zip(some, others, strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def _likeness(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many folders two paths share, from the begin and from the end: tables/day1 is like sound/day1."""
    first = _same(one, other)
    return first + _same(reversed(one[first:]), reversed(other[first:]))
