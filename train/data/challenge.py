"""The 2013 Marinexplore / Cornell right-whale challenge, as it is downloaded.

A folder or a zip file with `train.csv` (`clip_name,label`, 30,000 rows) and the clips `train1.aiff` … `train30000.aiff`
(2 s, 2 kHz), in any sub-folders. The numbers follow the time of recording. Clips that the table
lists but the folder lacks are counted and left out. The recordings belong to Cornell University; the licence that comes
with them allows educational and non-profit research use and asks for the credit line.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from train.data.archive import CHALLENGE_CREDIT
from train.data.dataset import DataError, Dataset
from train.data.sound_file import read_clip

CLIP_NAME = re.compile(r"train(\d+)\.aiff?$", re.IGNORECASE)
TABLE = "train.csv"


def is_challenge(path: Path) -> bool:
    """Whether a folder or zip file holds a `train.csv` and clips named as in the challenge, at any depth."""
    names = [PurePosixPath(name).name for name in _members(path)]
    return TABLE in names and any(CLIP_NAME.match(name) for name in names)


def read_challenge(path: Path, samples: int, rate: int) -> Dataset:
    """Reads the challenge's training clips with their labels.

    Args:
        path: folder or zip file.
        samples: samples in a window at `rate`; clips are cut or completed around their middle.
        rate: samples per second.

    Returns:
        audio, labels, `order` = the clip's number; no features yet.

    Raises:
        DataError: no table, no clips, a malformed table or an unreadable clip.
    """
    members = _members(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _read(path, members, archive.read, samples, rate)
    return _read(path, members, lambda member: (path / member).read_bytes(), samples, rate)


def _members(path: Path) -> list[str]:
    """Paths of the files in a folder or a zip file, relative to it, in sorted order."""
    if path.is_dir():
        return sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            # macOS adds a shadow file for every member
            return sorted(name for name in archive.namelist() if not name.startswith("__MACOSX/"))
    return []


def _read(path: Path, members: list[str], read: Callable[[str], bytes], samples: int, rate: int) -> Dataset:
    tables = [member for member in members if PurePosixPath(member).name == TABLE]
    clips = {PurePosixPath(member).name.lower(): member for member in members if CLIP_NAME.search(member)}
    if not tables:
        raise DataError(f"{path} contains no {TABLE}.", "Put the challenge's train.csv next to the clips.")
    labels = parse_table(read(tables[0]).decode("utf-8-sig"), f"{path}/{tables[0]}")
    present = sorted((number, name) for name, (number, _) in labels.items() if name in clips)
    if not present:
        raise DataError(
            f"{path} contains none of the {len(labels)} clips in {TABLE}.", "Unpack the clips next to the table."
        )
    audio = np.empty((len(present), samples), np.float32)
    for row, (_, name) in enumerate(present):
        audio[row] = read_clip(read(clips[name]), samples, rate, name=f"{path}/{clips[name]}")
    missing, extra = len(labels) - len(present), len(clips) - len(present)
    notes = []
    if missing:
        notes.append(f"{missing} of the {len(labels)} clips in {TABLE} are missing; {len(present)} are used.")
    if extra:
        notes.append(f"{extra} clips are not in {TABLE} and were left out.")
    return Dataset(
        name=path.stem,
        labels=np.array([labels[name][1] for _, name in present], np.uint8),
        order=np.array([number for number, _ in present], np.int64),
        group=None,
        features=None,
        audio=audio,
        frontend=None,
        sample_rate=rate,
        credit=CHALLENGE_CREDIT,
        names=tuple(name for _, name in present),
        notes=tuple(notes),
    )


def parse_table(text: str, name: str = TABLE) -> dict[str, tuple[int, int]]:
    """The challenge's table.

    Args:
        text: lines of `clip_name,label` with that header.
        name: of the file, for errors.

    Returns:
        clip name (lower case) → (number, label).

    Raises:
        DataError: another header, a name or label that is neither, a clip listed twice.
    """
    rows = csv.reader(io.StringIO(text))
    header = [column.strip().lower() for column in next(rows, [])]
    if header[:2] != ["clip_name", "label"]:
        raise DataError(f"{name} begins with {','.join(header)!r}, not clip_name,label.", "Use the challenge's table.")
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        match = CLIP_NAME.match(row[0].strip())
        if match is None or len(row) < 2 or row[1].strip() not in ("0", "1"):
            raise DataError(
                f"{name}, line {rows.line_num}: {','.join(row)!r} is not trainN.aiff,0 or 1.", "Correct the line."
            )
        clip = row[0].strip().lower()
        if clip in found:
            raise DataError(f"{name}, line {rows.line_num}: {clip} is listed twice.", "Remove one of the lines.")
        found[clip] = (int(match.group(1)), int(row[1]))
    return found
