"""Looking for sound files in folders as field people have them: linked, locked, half deleted, full of other things."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

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
        self.files: list[Path] = []
        self.endings: Counter[str] = Counter()
        self.rubbish = 0
        self._seen: set[tuple[int, int]] = set()

    def add(self, folder: Path) -> list[Path]:
        """Search a folder; return the files found in it, sorted by path. Its own name does not matter."""
        before = len(self.files)
        links = self._walk([folder])
        while links:  # after the real folders, so that these keep their own names
            links = self._walk(sorted(links, reverse=True))  # it takes the last one first
        found = sorted(self.files[before:], key=lambda file: file.parts)
        self.files[before:] = found
        return found

    def _walk(self, folders: list[Path]) -> list[Path]:
        """Search folders and what really lies in them; return the linked folders that were met."""
        waiting, links = list(folders), list[Path]()
        while waiting:
            folder = waiting.pop()
            try:
                state = folder.stat()
                if (state.st_dev, state.st_ino) in self._seen:
                    continue
                self._seen.add((state.st_dev, state.st_ino))
                with os.scandir(folder) as entries:
                    listed = list(entries)
            except OSError:
                self.files.append(folder)
                continue
            for entry in listed:
                if _is_folder(entry):
                    if _is_rubbish(entry.name):
                        self.rubbish += 1
                    else:
                        (links if entry.is_symlink() else waiting).append(folder / entry.name)
                elif not entry.name.startswith("._"):  # macOS leaves `._NAME.wav` beside each file it copies
                    self._take(entry, folder / entry.name)
        return links

    def _take(self, entry: os.DirEntry[str], path: Path) -> None:
        suffix = path.suffix.lower()
        if entry.name.startswith(".") and suffix not in SUFFIXES:  # notes of systems and editors
            return
        if _is_broken(entry):
            self.files.append(path)
        elif suffix in SUFFIXES:
            self.files.append(path)  # a pipe or a device, too: who opens it says that it is none
        elif suffix not in _NOTES and _is_file(entry):
            self.endings[suffix] += 1


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
