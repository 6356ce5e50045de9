"""Which recordings to replay, and what to call what comes out of them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_daemon.errors import UsageError
from edge_daemon.replay.copies import Copy, find_copies
from edge_daemon.replay.folders import SUFFIXES, FolderSearch

_NAME_BYTES = 200
"""Room for a stem; the file systems take 255 bytes, and endings, or a temporary name, come with it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to be replayed; an archive has tens of thousands, so it is little.

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
        """Where it is."""
        return Path(self.file)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found under some paths.

    Attributes:
        recordings: to be replayed, in order.
        copies: recordings that are there twice.
        links: number of links to files that are among the recordings already.
        endings: number of files in folders that were not tried, by their ending.
        rubbish: number of folders that were left out, for deleted files and notes of systems.
    """

    recordings: list[Recording]
    copies: list[Copy]
    endings: Counter[str]
    rubbish: int
    links: int = 0


def find_recordings(paths: Iterable[Path]) -> list[Recording]:
    """The recordings of `search`; raises what it raises."""
    return search(paths).recordings


def search(paths: Iterable[Path]) -> Findings:
    """Files as given, and the sound files in folders and their sub-folders, sorted by path; each file once.

    In folders, a file with the name and the contents of another one is its copy, and left out. Folders and links that
    cannot be read are among the recordings: to replay them fails by name.

    Args:
        paths: files and folders.

    Raises:
        UsageError: a path does not exist, or there is no sound file at all.
    """
    found: dict[str, Path] = {}
    named: set[Path] = set()
    links = 0
    folders = FolderSearch()
    given = list(paths)
    for path in given:
        if not _is_there(path):
            raise UsageError(f"There is no file or folder {path}.", "Check the path.")
        files = folders.add(path) if path.is_dir() else [path]
        if not path.is_dir():
            named.add(path)
        for file in files:
            first = found.setdefault(os.path.realpath(file), file)
            links += first != file and (file.is_symlink() or first.is_symlink())
    if not found:
        where = ", ".join(str(path) for path in given)
        others = f" {sum(folders.endings.values()):,} files have other endings." if folders.endings else ""
        raise UsageError(
            f"No sound files were found in {where}.",
            f"Searched for files ending in: {' '.join(sorted(SUFFIXES))}.{others}",
        )
    copies = find_copies(found, named)
    files = [file for file in found.values() if file not in copies or file in named]
    recordings = [_recording(file, output) for file, output in zip(files, output_names(files), strict=True)]
    told = [Copy(_unicode(copy), _unicode(of), heard=copy in named) for copy, of in copies.items()]
    return Findings(recordings, sorted(told, key=lambda copy: copy.name), folders.endings, folders.rubbish, links)


def _recording(path: Path, output: str) -> Recording:
    file, name = str(path), _unicode(path)
    return Recording(file, file if name == file else name, output, _size(path))


def output_names(files: Sequence[Path]) -> list[str]:
    """A stem for each file's output that no other file of the run has, not even in another case of letters or
    with other code points for one letter.

    The file's name without its ending; where several files share that, with the ending; where they still do, with as
    many folder names in front, joined by `__`, as tell them apart.
    """
    names = [_named(file, 0) for file in files]
    for level in range(1, max((len(file.absolute().parts) for file in files), default=0)):
        count = Counter(_folded(name) for name in names)
        if len(count) == len(names):
            break
        names = [
            name if count[_folded(name)] == 1 else _named(file, level) for name, file in zip(names, files, strict=True)
        ]
    names = [shortened(name) for name in names]
    taken: set[str] = set()
    for index, name in enumerate(names):  # names made to collide: `a__b.wav` beside `a/b.wav`
        number, unique = 1, name
        while _folded(unique) in taken:
            number += 1
            unique = f"{name}-{number}"
        names[index] = unique
        taken.add(_folded(unique))
    return names


def _folded(name: str) -> str:
    """What names have in common that some file system takes for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def _named(file: Path, level: int) -> str:
    """Stem (level 0), name (1), or the last `level` parts of the path."""
    return _unicode(Path(file.stem if level == 0 else "__".join(file.absolute().parts[1:][-level:])))


def shortened(name: str) -> str:
    """A name that a file system takes: its beginning, `~` and eight digits made from all of it, if it is too long."""
    data = name.encode("utf-8")
    if len(data) <= _NAME_BYTES:
        return name
    return f"{data[: _NAME_BYTES - 9].decode('utf-8', errors='ignore')}~{hashlib.sha256(data).hexdigest()[:8]}"


def _is_there(path: Path) -> bool:
    """Whether a path leads to something, be it locked."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except OSError:
        return False


def _unicode(path: Path) -> str:
    r"""The path as text; bytes that are no UTF-8, which Linux allows in names, are told as `\xff`."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0  # whoever opens it will say what is wrong
