"""Which recordings to replay, and what to call what comes out of them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_daemon.audio.file_name import folder_and_name
from edge_daemon.errors import UsageError
from edge_daemon.replay.copies import Copy, find_copies
from edge_daemon.replay.folders import SUFFIXES, FolderSearch
from edge_daemon.replay.recording import Recording, RecordingList, stem_of, valid_unicode
from edge_daemon.replay.repeated import repeated

_NAME_BYTES = 200
"""Room for a stem; the file systems take 255 bytes, and endings, or a temporary name, come with it."""


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

    recordings: Sequence[Recording]
    copies: list[Copy]
    endings: Counter[str]
    rubbish: int
    links: int = 0


def find_recordings(paths: Iterable[Path]) -> Sequence[Recording]:
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
    found: dict[str, str] = {}
    named: set[str] = set()
    links = 0
    folders = FolderSearch()
    given = list(paths)
    for path in given:
        if not _is_there(path):
            raise UsageError(f"There is no file or folder {path}.", "Check the path.")
        files = folders.add(path) if path.is_dir() else [str(path)]
        if not path.is_dir():
            named.add(str(path))
        real_path = _RealPaths()
        for file in files:
            first = found.setdefault(real_path.of(file), file)
            links += first != file and (_is_link(file) or _is_link(first))
    if not found:
        where = ", ".join(str(path) for path in given)
        others = f" {sum(folders.endings.values()):,} files have other endings." if folders.endings else ""
        raise UsageError(
            f"No sound files were found in {where}.",
            f"Searched for files ending in: {' '.join(sorted(SUFFIXES))}.{others}",
        )
    copies = find_copies(found, named)
    files = [file for file in found.values() if file not in copies or file in named]
    del found
    recordings = RecordingList(files, output_names(files), [_size(file) for file in files])
    told = [Copy(valid_unicode(copy), valid_unicode(of), heard=copy in named) for copy, of in copies.items()]
    return Findings(recordings, sorted(told, key=lambda copy: copy.name), folders.endings, folders.rubbish, links)


class _RealPaths:
    """Paths without links; files of one folder come one after the other, so it is looked at once."""

    def __init__(self) -> None:
        self._folder: tuple[str, str] | None = None

    def of(self, file: str) -> str:
        """As `os.path.realpath`; the same text where that is the path itself."""
        folder, name = folder_and_name(file)
        if name in {"", ".", ".."} or _is_link(file):
            return os.path.realpath(file)
        if self._folder is None or self._folder[0] != folder:
            self._folder = (folder, os.path.realpath(folder))
        real = os.path.join(self._folder[1], name)  # noqa: PTH118 - a text
        return file if real == file else real


def _is_link(file: str) -> bool:
    return os.path.islink(file)  # noqa: PTH114 - a text


def output_names(files: Sequence[str | os.PathLike[str]]) -> list[str]:
    """A stem for each file's output that no other file of the run has, not even in another case of letters or
    with other code points for one letter.

    The file's name without its ending; where several files share that, with the ending; where they still do, with as
    many folder names in front, joined by `__`, as tell them apart.
    """
    texts = [os.fspath(file) for file in files]
    names = [_named(file, 0) for file in texts]
    for level in range(1, max((len(_parts(file)) for file in texts), default=0) + 1):
        shared = repeated(lambda: map(_folded, names))  # noqa: B023 - called at once
        if not shared:
            break
        names = [
            _named(file, level) if _folded(name) in shared else name for name, file in zip(names, texts, strict=True)
        ]
    names = [shortened(name) for name in names]
    taken: set[str] = set()
    for index, name in enumerate(names if repeated(lambda: map(_folded, names)) else ()):
        number, unique = 1, name  # names made to collide: `a__b.wav` beside `a/b.wav`
        while _folded(unique) in taken:
            number += 1
            unique = f"{name}-{number}"
        names[index] = unique
        taken.add(_folded(unique))
    return names


def _folded(name: str) -> str:
    """What names have in common that some file system takes for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def _named(file: str, level: int) -> str:
    """Stem (level 0), name (1), or the last `level` parts of the path."""
    return valid_unicode("__".join(_parts(file)[-level:])) if level else stem_of(file)


def _parts(file: str) -> list[str]:
    """Of the whole path, without its root."""
    return [part for part in os.path.join(os.getcwd(), file).split("/") if part not in {"", "."}]  # noqa: PTH109, PTH118


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


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size  # noqa: PTH116 - a text
    except OSError:
        return 0  # whoever opens it will say what is wrong
