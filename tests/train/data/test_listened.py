"""What was listened to of marked recordings, as `listened.csv` says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from train.data.dataset import DataError
from train.data.marks import read_marks
from train.data.recording_index import RecordingIndex

HEADER = "Begin Time (s)\tEnd Time (s)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two folders with a recording each, of half a minute, and its table."""
    for name, row in (("one/a", "1\t2\n"), ("two/b", "")):
        (tmp_path / name).parent.mkdir()
        sf.write(tmp_path / f"{name}.wav", np.zeros(3000, np.float32), 100)
        (tmp_path / f"{name}.selections.txt").write_text(HEADER + row)
    return tmp_path


def heard(folder: Path) -> list[tuple[tuple[float, float], ...]]:
    return [found.heard for found in read_marks(folder, RecordingIndex(folder))]


def test_it_speaks_for_its_folder_and_below(folder: Path) -> None:
    (folder / "one/listened.csv").write_text("file,begin_s,end_s\na.wav,5,99\na.wav,-1,2\n")
    assert heard(folder) == [((5.0, 30.0), (0.0, 2.0)), ((0.0, 30.0),)]
    (folder / "one/listened.csv").rename(folder / "listened.csv")
    with pytest.raises(DataError, match=r"b\.wav is marked, but .*listened\.csv does not say which part") as caught:
        heard(folder)
    assert caught.value.hint.startswith("Add the line b.wav,0,30.000 where all of it was")
    with (folder / "listened.csv").open("a") as file:
        file.write("b.wav,0,30.000\n")
    assert heard(folder) == [((5.0, 30.0), (0.0, 2.0)), ((0.0, 30.0),)]


def test_without_rows_nothing_is_said_of_any(folder: Path) -> None:
    (folder / "listened.csv").write_text("file,begin_s,end_s\n")
    with pytest.raises(DataError, match=r"a\.wav is marked, but"):
        heard(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_it_is_read_as_it_was_saved(folder: Path, encoding: str, end: str) -> None:
    (folder / "one/a.wav").rename(folder / "one/baie-françoise.wav")
    (folder / "one/a.selections.txt").rename(folder / "one/baie-françoise.selections.txt")
    text = end.join(("file;begin_s;end_s", "baie-françoise.wav;3;4", ""))
    (folder / "one/listened.csv").write_bytes(text.encode(encoding))
    assert heard(folder) == [((3.0, 4.0),), ((0.0, 30.0),)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,30,40", r"listened\.csv, line 2: .*a\.wav lasts 30\.0 s, but a selection begins at 30\.0 s"),
        ("a.wav,-3,0", r"listened\.csv, line 2: .*a\.wav lasts 30\.0 s"),
        ("a.wav,4,3", r"listened\.csv, line 2: a mark needs begin_s and end_s, the latter after"),
        ("a.wav,3,", r"listened\.csv, line 2: a mark needs begin_s and end_s"),
        ("a.wav,3,soon", r"listened\.csv, line 2: 'soon' is not a time"),
        ("c.wav,3,4", r"listened\.csv, line 2: no sound file"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(folder: Path, row: str, message: str) -> None:
    (folder / "one/listened.csv").write_text(f"file,begin_s,end_s\n{row}\n")
    with pytest.raises(DataError, match=message):
        heard(folder)
