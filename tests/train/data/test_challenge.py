"""The challenge's download, as a folder and as a zip file, whole or in part."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import train.data
from train.data.challenge import is_challenge, parse_table, read_challenge
from train.data.dataset import DataError

RATE = 2000


def clip(value: float, samples: int = 4000) -> np.ndarray:
    return np.full(samples, value, np.float32)


@pytest.fixture
def download(tmp_path: Path) -> Path:
    folder = tmp_path / "whale_data"
    (folder / "train").mkdir(parents=True)
    table = ["clip_name,label"] + [f"train{number}.aiff,{number % 2}" for number in range(1, 13)]
    (folder / "train.csv").write_text("\n".join(table) + "\n")
    for number in (10, 9, 2):
        sf.write(folder / "train" / f"train{number}.aiff", clip(number / 100), RATE, subtype="PCM_16")
    return folder


def zipped(folder: Path, at: Path) -> Path:
    with zipfile.ZipFile(at, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, f"data/{path.relative_to(folder)}")
            archive.writestr(f"__MACOSX/data/._{path.name}", b"shadow")
    return at


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_present_clips_in_order_of_their_numbers(download: Path, tmp_path: Path, form: str) -> None:
    path = download if form == "folder" else zipped(download, tmp_path / "whale_data.zip")
    assert is_challenge(path)
    data = read_challenge(path, 4000, RATE)
    assert data.names == ("train2.aiff", "train9.aiff", "train10.aiff")
    np.testing.assert_array_equal(data.order, [2, 9, 10])
    np.testing.assert_array_equal(data.labels, [0, 1, 0])
    np.testing.assert_allclose(data.audio.mean(axis=1), [0.02, 0.09, 0.1], atol=1 / 32768)
    assert data.notes == ("9 of the 12 clips in train.csv are missing; 3 are used.",)
    assert "Cornell University" in data.credit


def test_clip_that_the_table_lacks_is_left_out_and_said(download: Path) -> None:
    sf.write(download / "train" / "train99.aiff", clip(0.5), RATE, subtype="PCM_16")
    data = read_challenge(download, 4000, RATE)
    assert len(data) == 3
    assert "1 clips are not in train.csv and were left out." in data.notes


def test_clips_of_another_length_are_cut_or_completed_around_their_middle(download: Path) -> None:
    ramp = np.linspace(-0.5, 0.5, 6000, dtype=np.float32)
    sf.write(download / "train" / "train1.aiff", ramp, RATE, subtype="FLOAT", format="AIFF")
    sf.write(download / "train" / "train2.aiff", clip(0.25, 1000), RATE, subtype="PCM_16")
    data = read_challenge(download, 4000, RATE)
    np.testing.assert_array_equal(data.audio[0], ramp[1000:5000])
    np.testing.assert_array_equal(data.audio[1], np.pad(clip(0.25, 1000), 1500))


def test_no_clips_is_an_error_with_a_hint(download: Path) -> None:
    for path in (download / "train").iterdir():
        path.unlink()
    assert not is_challenge(download)
    with pytest.raises(DataError, match="none of the 12 clips") as caught:
        read_challenge(download, 4000, RATE)
    assert "Unpack" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n", "not clip_name,label"),
        ("clip_name,label\ntrain1.aiff,2\n", "line 2"),
        ("clip_name,label\ntrain1.aiff,0\ntrain1.wav,0\n", "line 3"),
        ("clip_name,label\ntrain1.aiff,0\ntrain1.aiff,1\n", "twice"),
        ("", "not clip_name,label"),
    ],
)
def test_malformed_tables_are_refused_with_their_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_table(text)


def test_table_with_blank_lines_and_windows_line_ends() -> None:
    assert parse_table("clip_name,label\r\ntrain7.aiff,1\r\n\r\nTRAIN8.AIF,0\r\n") == {
        "train7.aiff": (7, 1),
        "train8.aif": (8, 0),
    }


@pytest.mark.data
def test_real_download_layout(shared_data: Path, tmp_path: Path) -> None:
    data = train.data.open(str(shared_data / "kaggle_examples"), cache=tmp_path)
    np.testing.assert_array_equal(data.order, [1, 6])
    np.testing.assert_array_equal(data.labels, [0, 1])
    assert data.features is not None
    assert data.features.shape == (2, 50, 101)
    assert data.notes[0] == "29998 of the 30000 clips in train.csv are missing; 2 are used."
