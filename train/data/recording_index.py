"""Which sound files a folder holds, found by the names that tables use for them."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath

from train.data.dataset import DataError
from train.data.sound_file import is_sound


def by_time(path: Path) -> tuple[tuple[int, object], ...]:
    """Sort key: numbers within a path count as numbers, so that clip9 comes before clip10 and dates come in order."""
    parts = re.split(r"(\d+)", str(path))
    return tuple((1, int(part)) if part.isdigit() else (0, part.lower()) for part in parts)


class RecordingIndex:
    """The sound files below folders.

    Args:
        folders: searched with their sub-folders; what lies below two of them counts once.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        below = ((folder, path) for folder in reversed(folders) for path in folder.rglob("*"))
        found = {folder.resolve() / path.relative_to(folder): path for folder, path in below if _is_recording(path)}
        self.paths = sorted(found.values(), key=by_time)
        self._where = " and ".join(map(str, folders))

    def find(self, name: str, where: str) -> Path:
        """The file that a table calls `name`.

        Args:
            name: a path relative to a folder, a bare file name, a path of another machine, a name without its
                ending, or empty where there is one file only.
            where: the table and line, for errors.

        Raises:
            DataError: there is none, or more than one.
        """
        if not name:
            if len(self.paths) == 1:
                return self.paths[0]
            raise DataError(
                f"{where} does not say which of the {len(self.paths)} sound files below {self._where} it means.",
                "Add a column with the file's name, or put each recording in its own folder.",
            )
        for folder in self.folders:
            if (exact := folder / name) in self.paths:
                return exact
        base = PureWindowsPath(name).name  # takes both kinds of slashes
        matches = [path for path in self.paths if path.name == base] or [
            path for path in self.paths if path.stem == base
        ]
        if len(matches) > 1:
            matches = _alike(matches, PureWindowsPath(name).parts)
        if len(matches) != 1:
            count = "no sound file" if not matches else f"{len(matches)} sound files"
            raise DataError(f"{where}: {count} below {self._where} is called {name!r}.", "Fix the name in the table.")
        return matches[0]


def _is_recording(path: Path) -> bool:
    return is_sound(path) and path.is_file()


def _alike(paths: list[Path], parts: tuple[str, ...]) -> list[Path]:
    """Those paths that share most of their last parts with a name: recorders give the same names in every folder."""

    def shared(path: Path) -> int:
        pairs = zip(reversed(path.parts), reversed(parts), strict=False)
        return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(path.parts), len(parts)))

    most = max(shared(path) for path in paths)
    return [path for path in paths if shared(path) == most]
