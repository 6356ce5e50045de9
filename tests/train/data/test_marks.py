"""Marks from a CSV file, about recordings in several folders; Raven tables are tested in `test_recordings.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from train.data.dataset import DataError
from train.data.marks import Mark, read_marks
from train.data.recording_index import RecordingIndex


def recording(path: Path, seconds: float = 30.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.zeros(round(seconds * 2000), np.float32), 2000)


def test_a_table_marks_recordings_beside_it_and_in_sister_folders(tmp_path: Path) -> None:
    recording(tmp_path / "one/a.wav")
    recording(tmp_path / "two/b.wav", 20)
    table = tmp_path / "one/calls.csv"
    table.write_text("file,begin_s,end_s\nb.wav,3,4.5\na.wav,1,2\nb.wav,7,8\n")
    found = read_marks(table, RecordingIndex(table.parent, tmp_path / "two"))
    assert [part.path for part in found] == [tmp_path / "one/a.wav", tmp_path / "two/b.wav"]
    assert [part.calls for part in found] == [((1.0, 2.0),), ((3.0, 4.5), (7.0, 8.0))]
    assert [part.heard for part in found] == [((0.0, 30.0),), ((0.0, 20.0),)]
    with pytest.raises(DataError, match=r"line 2: no sound file below .*one is called 'b.wav'"):
        read_marks(table, RecordingIndex(table.parent))


def test_a_folder_named_twice_holds_each_recording_once(tmp_path: Path) -> None:
    recording(tmp_path / "one/a.wav")
    assert RecordingIndex(tmp_path / "one", tmp_path).paths == [tmp_path / "one/a.wav"]
    assert RecordingIndex(tmp_path / "one", tmp_path).find("a.wav", "here", tmp_path) == tmp_path / "one/a.wav"


def test_labels_say_what_is_a_call(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    table = tmp_path / "calls.csv"
    table.write_text("file,begin_s,end_s,label\na.wav,1,2,upcall\na.wav,3,4,humpback\n")
    (tmp_path / "listened.csv").write_text("file,begin_s,end_s\na.wav,0,10\na.wav,20,99\n")
    [found] = read_marks(table, RecordingIndex(tmp_path))
    assert found.marks == (Mark(1.0, 2.0, True), Mark(3.0, 4.0, False))
    assert found.calls == ((1.0, 2.0),)
    assert found.heard == ((0.0, 10.0), (20.0, 30.0))
    [found] = read_marks(table, RecordingIndex(tmp_path), ["Humpback"])
    assert found.calls == ((3.0, 4.0),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,2,2,upcall", "line 2: a mark needs begin_s and end_s"),
        ("a.wav,2,,upcall", "line 2: a mark needs begin_s and end_s"),
        ("a.wav,31,32,upcall", "line 2: .* lasts 30.0 s, but a selection begins at 31.0 s"),
        ("a.wav,-5,-4,upcall", "line 2: .* lasts 30.0 s, but a selection begins at -5.0 s and ends at -4.0 s"),
        ("a.wav,nan,2,upcall", "line 2: a mark needs begin_s and end_s"),
    ],
)
def test_a_mark_that_cannot_be_is_refused(tmp_path: Path, row: str, message: str) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "calls.csv").write_text(f"file,begin_s,end_s,label\n{row}\n")
    with pytest.raises(DataError, match=message):
        read_marks(tmp_path / "calls.csv", RecordingIndex(tmp_path))


def test_marks_are_cut_at_the_edges_of_their_recording_and_it_is_told(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "calls.csv").write_text("file,begin_s,end_s\na.wav,-1,0.5\na.wav,10,11\na.wav,29.5,31\n")
    said: list[str] = []
    [found] = read_marks(tmp_path / "calls.csv", RecordingIndex(tmp_path), report=said.append)
    assert found.calls == ((0.0, 0.5), (10.0, 11.0), (29.5, 30.0))
    assert said == ["2 marks reach over the begin or the end of their recording; they were cut there."]
    (tmp_path / "calls.csv").write_text("file,begin_s,end_s\na.wav,29.5,30.005\n")  # rounded
    said.clear()
    [found] = read_marks(tmp_path / "calls.csv", RecordingIndex(tmp_path), report=said.append)
    assert (found.calls, said) == (((29.5, 30.0),), [])


def test_labels_that_say_no_call_are_no_calls(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "calls.csv").write_text("file,begin_s,end_s,label\na.wav,1,2,0\na.wav,3,4,0\n")
    [found] = read_marks(tmp_path / "calls.csv", RecordingIndex(tmp_path))
    assert found.marks == (Mark(1.0, 2.0, False), Mark(3.0, 4.0, False))


@pytest.mark.parametrize("text", ["file,centre_s\na.wav,3\n", "file,begin_s\na.wav,3\n"])
def test_a_table_without_times_is_told_what_marks_have(tmp_path: Path, text: str) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "calls.csv").write_text(text)
    with pytest.raises(DataError, match="has the columns") as caught:
        read_marks(tmp_path / "calls.csv", RecordingIndex(tmp_path))
    assert "file, begin_s and end_s" in caught.value.hint
    assert "label" not in caught.value.hint


def test_a_broken_table_does_not_hide_its_recording(tmp_path: Path) -> None:
    for name in "ab":
        recording(tmp_path / f"{name}.wav")
    (tmp_path / "a.selections.txt").write_text("Begin Time (s)\tEnd Time (s)\n1\t2\n")
    for text, message in (("", r"b\.selections\.txt is empty"), ("Begin Time (s)\n1\n", "no column 'end time")):
        (tmp_path / "b.selections.txt").write_text(text)
        with pytest.raises(DataError, match=message):
            read_marks(tmp_path, RecordingIndex(tmp_path))
