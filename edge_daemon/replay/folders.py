"""Looking for sound files in folders as field people have them: linked, locked, half deleted, full of other things.

An archive has tens of thousands of files. So paths are plain strings here: Python keeps each part of a `Path` in a
table that never gives its room back, and an object for each file besides.
"""

from __future__ import annotations

import os
from collections import Counter

from edge_daemon.audio.file_name import stem_and_ending

SUFFIXES = frozenset(
    {".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga", ".opus"}
    | {".mp3", ".au", ".snd", ".caf"}
)
"""Endings by which sound is found in folders; a file named outright is tried whatever its ending."""
_RUBBISH = frozenset(
    {"#recycle", "@recycle", "$recycle.bin", "recycler", "recycled", "@eadir", "#snapshot", ".snapshot", ".snapshots"}
    | {"system volume information", "__macosx", "lost+found", ".spotlight-v100", ".fseventsd", ".zfs", ".stversions"}
)
"""Folders in which systems keep deleted files, earlier states and notes of their own, in small letters."""
_NOTES = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".log", ".md", ".pdf"}
    | {
        ".html",
        ".htm",
        ".doc",
        ".docx",
        ".xls",
        ".xlsx",
        ".ods",
        ".odt",
        ".kml",
        ".kmz",
        ".gpx",
        ".jpg",
        ".jpeg",
        ".png",
    }
    | {".gif", ".svg", ".tif", ".tiff", ".heic", ".py", ".r", ".m", ".ipynb", ".sh", ".bat", ".exe", ".db", ".sqlite"}
    | {".md5", ".sha256", ".onnx"}
)
"""Endings of files that lie beside recordings and are none."""


class FolderSearch:
    """Searches folders with their sub-folders; each real folder once, however it is linked.

    Attributes:
        files: sound files, and whatever cannot be looked at: a folder that may not be read, a link to nowhere. Who
            opens those says what is wrong with them.
        endings: how many files have an ending that is neither sound nor known to be something else.
        rubbish: folders left out.
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.endings: Counter[str] = Counter()
        self.rubbish = 0
        self._seen: set[tuple[int, int]] = set()

    def add(self, folder: str | os.PathLike[str]) -> list[str]:
        """Search a folder; return the files found in it, sorted by path. Its own name does not matter."""
        before = len(self.files)
        links = self._walk([os.fspath(folder)])
        while links:  # after the real folders, so that these keep their own names
            links = self._walk(sorted(links, key=_by_parts, reverse=True))  # it takes the last one first
        found = self.files[before:]
        found.sort(key=_by_parts)
        self.files[before:] = found
        return found

    def _walk(self, folders: list[str]) -> list[str]:
        """Search folders and what really lies in them; return the linked folders that were met."""
        waiting, links = list(folders), list[str]()
        while waiting:
            folder = waiting.pop()
            try:
                state = os.stat(folder)  # noqa: PTH116 - a text
                if (state.st_dev, state.st_ino) in self._seen:
                    continue
                self._seen.add((state.st_dev, state.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        path = entry.name if folder == "." else entry.path
                        if _is_folder(entry):
                            if _is_rubbish(entry.name):
                                self.rubbish += 1
                            else:
                                (links if entry.is_symlink() else waiting).append(path)
                        elif not entry.name.startswith("._"):  # macOS leaves `._NAME.wav` beside each file it copies
                            self._take(entry, path)
            except OSError:  # what has been listed by then is heard, and the rest of the folder is a failure
                self.files.append(folder)
        return links

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        suffix = stem_and_ending(entry.name)[1].lower()
        if entry.name.startswith(".") and suffix not in SUFFIXES:  # notes of systems and editors
            return
        if _is_broken(entry):
            self.files.append(path)
        elif suffix in SUFFIXES:
            self.files.append(path)  # a pipe or a device, too: who opens it says that it is none
        elif suffix not in _NOTES and _is_file(entry):
            self.endings[suffix] += 1


def _by_parts(path: str) -> str:
    """Sorts as the parts of paths do: a folder's end comes before every letter."""
    return path.replace("/", "\0")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return True  # whoever opens it will say what is wrong


def _is_broken(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link that leads nowhere."""
    try:
        return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110 - Path.exists raises on a circle
    except OSError:
        return True


def _is_rubbish(name: str) -> bool:
    return name.casefold() in _RUBBISH or name.casefold().startswith(".trash")
