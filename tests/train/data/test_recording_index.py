"""Recorders give the same names in every folder: a table is about the recording that it means, or it is refused."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from train.data.dataset import DataError
from train.data.marks import read_marks
from train.data.recording_index import RecordingIndex
from train.data.whole_recordings import marked_recordings, with_doubtful

HEADER = "Selection\tBegin Time (s)\tEnd Time (s)\tBegin Path\tBegin File\n"


def recording(path: Path, seconds: float = 60.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.zeros(round(seconds * 100), np.float32), 100)


def table(path: Path, begin_s: float, begin_path: str = "", begin_file: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + f"1\t{begin_s}\t{begin_s + 1}\t{begin_path}\t{begin_file}\n")


def placed(source: Path, *elsewhere: Path) -> dict[str, list[float]]:
    """Begins of the marks of each recording, by its path below the test's folder."""
    found = marked_recordings([source], elsewhere)
    return {
        part.path.relative_to(source.parent if source.is_file() else source).as_posix(): [
            begin_s for begin_s, _ in part.calls
        ]
        for part in found
    }


@pytest.mark.parametrize("file", ["", "r.wav"])
def test_tables_and_sound_in_folders_of_the_same_names(tmp_path: Path, file: str) -> None:
    for number in (1, 2):
        recording(tmp_path / f"sound/day{number}/r.wav")
        table(tmp_path / f"tables/day{number}/r.selections.txt", number, begin_file=file)
    assert placed(tmp_path) == {"sound/day1/r.wav": [1.0], "sound/day2/r.wav": [2.0]}


@pytest.mark.parametrize("file", ["", "r.wav"])
def test_a_table_beside_its_recording_below_another_one(tmp_path: Path, file: str) -> None:
    recording(tmp_path / "r.wav")
    recording(tmp_path / "sub/r.wav")
    table(tmp_path / "sub/r.selections.txt", 3, begin_file=file)
    assert placed(tmp_path) == {"sub/r.wav": [3.0]}


def test_begin_path_tells_folders_apart(tmp_path: Path) -> None:
    recording(tmp_path / "r.wav")
    for number in (1, 2):
        recording(tmp_path / f"sound/day{number}/r.wav")
        table(tmp_path / f"{number}.selections.txt", number, f"D:\\cruise\\sound\\day{number}\\r.wav", "r.wav")
    assert placed(tmp_path) == {"sound/day1/r.wav": [1.0], "sound/day2/r.wav": [2.0]}


def test_a_tie_is_refused_and_both_files_are_named(tmp_path: Path) -> None:
    for number in (1, 2):
        recording(tmp_path / f"day{number}/r.wav")
    table(tmp_path / "r.selections.txt", 1)
    with pytest.raises(DataError, match=r"2 sound files may be meant: .*day1/r\.wav or .*day2/r\.wav\.") as caught:
        placed(tmp_path)
    assert "put the table into the folder of its recording" in caught.value.hint
    table(tmp_path / "r.selections.txt", 1, begin_file="day2/r.wav")
    assert placed(tmp_path) == {"day2/r.wav": [1.0]}


def test_neither_of_two_recordings_folders_comes_first(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    marks = tmp_path / "marks/calls.csv"
    marks.write_text("file,begin_s,end_s\nr.wav,1,2\n")
    for name in ("a", "b"):
        recording(tmp_path / name / "r.wav")
    with pytest.raises(DataError, match=r"line 2: 2 sound files may be meant: .*a/r\.wav or .*b/r\.wav"):
        marked_recordings([marks], [tmp_path / "a", tmp_path / "b"])
    marks.write_text("file,begin_s,end_s\nb/r.wav,1,2\n")
    [found] = marked_recordings([marks], [tmp_path / "a", tmp_path / "b"])
    assert found.path == tmp_path / "b/r.wav"


def test_doubtful_sound_of_a_bare_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        recording(tmp_path / name / "r.wav")
        table(tmp_path / name / "r.selections.txt", 1)
    found = marked_recordings([tmp_path])
    doubtful = tmp_path / "doubtful.csv"
    doubtful.write_text("file,begin_s,end_s,label\nr.wav,1,2,perhaps\n")
    with pytest.raises(DataError, match=r"2 sound files may be meant: .*a/r\.wav or .*b/r\.wav"):
        with_doubtful(found, doubtful)
    doubtful.write_text("file,begin_s,end_s,label\nb/r.wav,1,2,perhaps\na/r.wav,3,99,who knows\n")
    assert [part.doubtful for part in with_doubtful(found, doubtful)] == [((3.0, 60.0),), ((1.0, 2.0),)]
    doubtful.write_text("file,begin_s,end_s\n")
    assert [part.doubtful for part in with_doubtful(found, doubtful)] == [(), ()]
    doubtful.write_text("file,begin_s,end_s\nb/r.wav,1,2\n")
    with pytest.raises(DataError, match=r"line 2: .*b/r\.wav is not among the recordings below .*a\."):
        with_doubtful(found[:1], doubtful)


def test_doubtful_sound_in_a_recording_that_is_not_judged_is_told(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    recording(tmp_path / "b.wav")
    table(tmp_path / "a.selections.txt", 1)
    (tmp_path / "doubtful.csv").write_text("file,begin_s,end_s\na.wav,1,2\nb.wav,1,2\nb.wav,3,4\n")
    said: list[str] = []
    found = with_doubtful(marked_recordings([tmp_path]), tmp_path / "doubtful.csv", said.append)
    assert [part.doubtful for part in found] == [((1.0, 2.0),)]
    assert said == [f"{tmp_path / 'doubtful.csv'}: 2 spans are in recordings that are not judged: b.wav."]


def test_names_without_ending_and_relative_ones(tmp_path: Path) -> None:
    for name in ("r.wav", "x/r.wav", "y/x/r.wav", "x/other.flac"):
        recording(tmp_path / name)
    index = RecordingIndex(tmp_path)
    assert index.find("x/r", "t", tmp_path) == tmp_path / "x/r.wav"
    assert index.find("y\\x\\r.wav", "t", tmp_path) == tmp_path / "y/x/r.wav"
    assert index.find("../r.wav", "t", tmp_path / "x") == tmp_path / "r.wav"
    assert index.find("r.wav", "t", tmp_path) == tmp_path / "r.wav"
    assert index.find("/other/machine/other.flac", "t", tmp_path) == tmp_path / "x/other.flac"
    assert index.find("", "t", tmp_path) == tmp_path / "r.wav"  # alone in its folder
    with pytest.raises(DataError, match="which of the 4 sound files"):
        index.find("", "t", tmp_path / "x")


def test_two_forms_of_an_accent_are_one_name(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "baie-françoise") for form in ("NFC", "NFD"))
    assert composed != apart
    recording(tmp_path / apart / f"{apart}.wav")
    recording(tmp_path / "b" / f"{apart}.wav")
    index = RecordingIndex(tmp_path)
    found = tmp_path / apart / f"{apart}.wav"
    assert index.find(f"{composed}/{composed}.wav", "t", tmp_path) == found
    table(tmp_path / apart / f"{composed}.selections.txt", 1)
    assert [part.path for part in read_marks(tmp_path, index)] == [found]


def test_a_table_without_a_recordings_name_is_told(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    table(tmp_path / "b.selections.txt", 1)
    said: list[str] = []
    [found] = read_marks(tmp_path, RecordingIndex(tmp_path), report=said.append)
    assert found.path == tmp_path / "a.wav"
    table_path = tmp_path / "b.selections.txt"
    assert said == [f"{table_path} has no recording's name; its marks are taken for {found.path}, which is alone."]


def test_several_tables_of_one_recording_are_told(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    for name in ("a.Table.1.selections.txt", "a.Table.2.selections.txt"):
        table(tmp_path / name, 1)
    said: list[str] = []
    [found] = read_marks(tmp_path, RecordingIndex(tmp_path), report=said.append)
    assert found.calls == ((1.0, 2.0), (1.0, 2.0))
    one, two = (tmp_path / f"a.Table.{number}.selections.txt" for number in (1, 2))
    assert said == [f"The marks of several tables count together, those of {one} and {two} for {found.path}."]


def test_sound_of_the_same_name_in_two_formats_is_refused(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    recording(tmp_path / "a.flac")
    table(tmp_path / "a.selections.txt", 1)
    with pytest.raises(DataError, match=r"2 sound files may be meant: .*a\.flac or .*a\.wav"):
        placed(tmp_path)


FOLDERS = ["", "a", "b", "a/a", "a/b", "b/a", "a/b/a"]


@settings(deadline=None, max_examples=60)
@given(
    places=st.sets(st.tuples(st.sampled_from(FOLDERS), st.sampled_from(["r", "r.1", "s"])), min_size=1, max_size=8),
    how=st.sampled_from(["by name", "Begin File", "Begin Path", "listed"]),
)
def test_marks_land_in_the_file_beside_their_table(places: set[tuple[str, str]], how: str) -> None:
    """Whatever the tree of files, and however the tables name their recordings."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        expected = {}
        for number, (place, stem) in enumerate(sorted(places)):
            path = root / place / f"{stem}.wav"
            recording(path)
            expected[path.relative_to(root).as_posix()] = [float(number)]
            if how != "listed":
                begin_path = f"E:\\sea\\{place}\\{path.name}".replace("/", "\\") if how == "Begin Path" else ""
                name = path.name if how == "Begin File" else ""
                table(root / place / f"{stem}.selections.txt", number, begin_path, name)
        if how == "listed":
            rows = [f"{name},{begin_s},{begin_s + 1}\n" for name, [begin_s] in expected.items()]
            (root / "calls.csv").write_text("file,begin_s,end_s\n" + "".join(rows))
            assert placed(root / "calls.csv") == expected
        else:
            assert placed(root) == expected
