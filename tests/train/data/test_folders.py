"""Labelled clips, tables of labels, reviewers' verdicts, recordings without calls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import train.data
from train.data import DataError, Options
from train.data.label_table import read_label_table
from train.data.label_words import label_of
from train.data.recording_index import RecordingIndex, by_time

RATE = 2000


def write(path: Path, value: float, samples: int = 4000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = value + 0.01 * np.sin(np.arange(samples) * 0.3)
    sf.write(path, sound, RATE, subtype="FLOAT")


def values(data: train.data.Dataset) -> np.ndarray:
    assert data.audio is not None
    return np.round(data.audio.mean(axis=1, dtype=np.float64), 2)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def test_sub_folders_name_the_labels(tmp_path: Path) -> None:
    write(tmp_path / "call" / "clip10.wav", 0.10)
    write(tmp_path / "call" / "clip9.wav", 0.09)
    write(tmp_path / "noise" / "deep" / "clip1.wav", 0.01)
    (tmp_path / "noise" / "readme.txt").write_text("no sound")
    data = train.data.open(str(tmp_path))
    np.testing.assert_array_equal(values(data), [0.01, 0.09, 0.10])
    np.testing.assert_array_equal(data.labels, [0, 1, 1])
    assert data.group is None
    assert data.credit == ""


def test_unclear_sub_folders_are_asked_about(tmp_path: Path) -> None:
    write(tmp_path / "ballade" / "a.wav", 0.1)
    write(tmp_path / "polka" / "b.wav", 0.2)
    with pytest.raises(DataError, match="'ballade', 'polka'"):
        train.data.open(str(tmp_path))
    data = train.data.open(str(tmp_path), options=Options(call_words=("Polka",)))
    np.testing.assert_array_equal(data.labels, [0, 1])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_table_of_whole_clips(tmp_path: Path, delimiter: str) -> None:
    for number in (1, 2, 10):
        write(tmp_path / "clips" / f"c{number}.wav", number / 100)
    rows = [("Filename", "remark", "Label"), ("c10.wav", "", "1"), ("c2", "far", "0"), ("clips/c1.wav", "", "0")]
    (tmp_path / "labels.csv").write_text("\ufeff" + "\r\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    data = train.data.open(str(tmp_path))
    np.testing.assert_array_equal(values(data), [0.01, 0.02, 0.10])
    np.testing.assert_array_equal(data.labels, [0, 0, 1])


def test_table_of_windows_of_the_only_recording(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", (np.arange(40000) / 40000).astype(np.float32), RATE, subtype="FLOAT")
    (tmp_path / "labels.csv").write_text("start_s,label\n12.0,1\n3.5,0\n")
    data = train.data.open(str(tmp_path))
    assert data.audio is not None
    np.testing.assert_array_equal(data.audio[:, 0] * 20, np.float32([3.5, 12.0]))
    np.testing.assert_array_equal(data.labels, [0, 1])
    assert data.names == ("a.wav@3.500", "a.wav@12.000")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,comment\na.wav,x\n", "label"),
        ("file,label\n", "no rows"),
        ("\n", "is empty"),
        ("file,begin_s,label\na.wav,soon,1\n", "line 2.*'soon'"),
        ("file,label\nz.wav,1\n", r"line 2: no sound file .*'z\.wav'"),
        ("file,label\na.wav,purple\n", "'purple'"),
        ("begin_s,label\n1,1\n", "which of the 2 sound files"),
    ],
)
def test_malformed_tables_say_where_and_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "a.wav", 0.1)
    write(tmp_path / "b.wav", 0.1)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        train.data.open(str(tmp_path / "labels.csv"))
    assert caught.value.hint


def test_two_tables_are_not_guessed_between(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 0.1)
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("file,label\na.wav,1\n")
    with pytest.raises(DataError, match=r"one\.csv, two\.csv"):
        train.data.open(str(tmp_path))


def test_verdicts_become_labels(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", (np.arange(40000) / 40000).astype(np.float32), RATE, subtype="FLOAT")
    (tmp_path / "review.csv").write_text(
        "file,begin_s,end_s,verdict\n"
        "a.wav,10.0,13.0,call\na.wav,2.0,4.0,not a call\na.wav,6.0,8.0,unsure\na.wav,15.0,17.0,call\n"
        "a.wav,15.0,17.0,Not_A_Call\na.wav,2.0,4.0,unsure\na.wav,8.0,9.0,\n"
    )
    data = train.data.open(str(tmp_path))
    assert data.audio is not None
    np.testing.assert_array_equal(data.audio[:, 0] * 20, np.float32([2.0, 10.5]))
    np.testing.assert_array_equal(data.labels, [0, 1])
    assert data.notes == (
        "1 detections judged unsure were left out.",
        "1 detections on which reviewers disagree were left out.",
    )


def test_recordings_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for number, place in enumerate(("north", "south")):
        write(tmp_path / "sea" / place / "01" / "a.wav", 0.1 * (number + 1), 8000)
    (tmp_path / "sea" / "review.csv").write_text(
        "file,begin_s,end_s,verdict\n"
        "archive/2026/south/01/a.wav,0.5,2.5,call\narchive/2026/north/01/a.wav,0.5,2.5,not a call\n"
    )
    data = train.data.open(str(tmp_path / "sea" / "review.csv"))
    np.testing.assert_array_equal(values(data), [0.1, 0.2])
    np.testing.assert_array_equal(data.labels, [0, 1])
    (tmp_path / "sea" / "review.csv").write_text("file,begin_s,end_s,verdict\narchive/a.wav,0.5,2.5,call\n")
    with pytest.raises(DataError, match="2 sound files"):
        train.data.open(str(tmp_path / "sea" / "review.csv"))


def test_labelled_windows_lie_in_their_file(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 0.1, 8000)
    for row in ("4.5,1", "-2.5,1"):
        (tmp_path / "labels.csv").write_text(f"start_s,label\n{row}\n")
        with pytest.raises(DataError, match=r"labels\.csv, line 2: .*a\.wav lasts 4\.0 s"):
            train.data.open(str(tmp_path))
    (tmp_path / "labels.csv").write_text("start_s,end_s,label\n3.5,99,1\n0,1,0\n")
    assert train.data.open(str(tmp_path)).names == ("a.wav@-0.500", "a.wav@2.750")


def test_verdicts_are_about_paths_within_the_recordings(tmp_path: Path) -> None:
    for number, name in enumerate(("a.wav", "sub/a.wav")):
        write(tmp_path / "sea" / name, 0.1 * (number + 1), 8000)
    table = tmp_path / "review.csv"
    table.write_text("file,begin_s,end_s,verdict\na.wav,0,2,call\nsub/a.wav,0,2,not a call\n")
    data = train.data.open(str(table), options=Options(recordings=tmp_path / "sea"))
    assert dict(zip(values(data).tolist(), data.labels.tolist(), strict=True)) == {0.1: 1, 0.2: 0}


def test_verdicts_find_recordings_elsewhere(tmp_path: Path) -> None:
    write(tmp_path / "sea" / "a.wav", 0.1, 8000)
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / "review.csv"
    table.write_text("file,begin_s,end_s,verdict\n/buoy/data/a.wav,0.5,2.5,call\n")
    with pytest.raises(DataError, match="no sound file"):
        train.data.open(str(table))
    assert len(train.data.open(str(table), options=Options(recordings=tmp_path / "sea"))) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,0,2,perhaps", "'perhaps' is not a verdict"),
        ("a.wav,,,call", "begin_s"),
        ("a.wav,0,2,unsure", "judged"),
        ("a.wav,1000,1002,call", r"review\.csv, line 2: .*a\.wav lasts 4\.0 s, but a selection begins at 1000\.0 s"),
        ("a.wav,-2,-1,call", r"review\.csv, line 2: .*a\.wav lasts 4\.0 s"),
        ("a.wav,2,1,call", r"review\.csv, line 2: a span from 2\.0 to 1\.0 s"),
        ("a.wav,4,,call", r"review\.csv, line 2: .*a\.wav lasts 4\.0 s"),
    ],
)
def test_unusable_verdicts_are_refused(tmp_path: Path, row: str, message: str) -> None:
    write(tmp_path / "a.wav", 0.1, 8000)
    (tmp_path / "review.csv").write_text(f"file,begin_s,end_s,verdict\n{row}\n")
    with pytest.raises(DataError, match=message):
        train.data.open(str(tmp_path / "review.csv"))


def test_noise_is_cut_back_to_back(tmp_path: Path) -> None:
    sf.write(tmp_path / "long.wav", (np.arange(14000) / 14000).astype(np.float32), RATE, subtype="FLOAT")
    write(tmp_path / "short.wav", 0.5, 3000)
    data = train.data.open(f"noise:{tmp_path}")
    assert data.audio is not None
    # 7 s: three windows and one more up to the end; 1.5 s: one window, the sound in its middle
    np.testing.assert_allclose(data.audio[:4, 0] * 7, [0, 2, 4, 5], atol=1e-6)
    assert (data.audio[4, :500] == 0).all()
    assert data.audio[4, 500] != 0
    np.testing.assert_array_equal(data.labels, 0)
    np.testing.assert_array_equal(data.group, [0, 0, 0, 0, 1])


def test_places_without_a_data_set_get_an_explanation(tmp_path: Path) -> None:
    for spec in (tmp_path / "absent", tmp_path / "absent.npz", tmp_path):
        with pytest.raises(DataError) as caught:
            train.data.open(str(spec))
        assert "train.csv" in caught.value.hint
    with pytest.raises(DataError, match="no sound files"):
        train.data.open(f"noise:{tmp_path}")
    (tmp_path / "call").mkdir()
    (tmp_path / "call" / "a.wav").write_bytes(b"RIFF but not really")
    with pytest.raises(DataError, match="cannot be read as sound"):
        train.data.open(str(tmp_path))


def test_silent_clips_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "call" / "a.wav", 0.1)
    sf.write(tmp_path / "call" / "b.wav", np.zeros(4000, np.float32), RATE)
    data = train.data.open(str(tmp_path))
    assert data.notes == ("1 windows are silent, constant or not finite; their features are zeros.",)


def test_channel_is_chosen_and_checked(tmp_path: Path) -> None:
    (tmp_path / "call").mkdir()
    stereo = np.stack([np.full(4000, 0.1), np.full(4000, 0.2)], axis=1)
    sf.write(tmp_path / "call" / "a.wav", stereo, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(values(train.data.open(str(tmp_path), options=Options(channel=1))), [0.2])
    with pytest.raises(DataError, match="2 channels, not 3"):
        train.data.open(str(tmp_path), options=Options(channel=2))


def test_words_and_names() -> None:
    assert [label_of(word) for word in ("Call", " right whale ", "1", "Noise", "not a call", "0", "purple")] == [
        1, 1, 1, 0, 0, 0, None,
    ]  # fmt: skip
    names = ["b2", "a10", "a9", "A1"]
    assert sorted(map(Path, names), key=by_time) == [Path("A1"), Path("a9"), Path("a10"), Path("b2")]


def test_ambiguous_names_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.wav", 0.1)
    write(tmp_path / "y" / "a.wav", 0.1)
    index = RecordingIndex(tmp_path)
    assert index.find("x/a.wav", "t", tmp_path) == tmp_path / "x" / "a.wav"
    with pytest.raises(DataError, match="2 sound files"):
        index.find("a.wav", "t", tmp_path)


def test_missing_cells_are_unknown_times(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,begin_s,end_s,label\na.wav,,,1\nb.wav,2\n")
    rows = read_label_table(tmp_path / "t.csv")
    assert np.isnan([rows[0].begin_s, rows[0].end_s, rows[1].end_s]).all()
    assert (rows[1].begin_s, rows[1].word, rows[1].line) == (2.0, "", 3)
