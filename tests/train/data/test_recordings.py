"""Windows cut from long recordings: the samples at the asked times, and no call among the rest."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

import train.data
from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block
from train.data.dataset import DataError
from train.data.recordings import free_windows, read_recordings
from train.data.selections import tables_in
from train.data.sound_file import read_window

RATE = 2000
HEADER = "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"


def ramp(seconds: float, rate: int = RATE) -> np.ndarray:
    """A recording whose samples tell their own time: value = seconds / 1000."""
    return (np.arange(round(seconds * rate)) / rate / 1000).astype(np.float32)


def begins(data: train.data.Dataset) -> np.ndarray:
    """Begin of each window in seconds, read off the ramp itself."""
    assert data.audio is not None
    return data.audio[:, 0] * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sf.write(tmp_path / "a.wav", ramp(60), RATE, subtype="FLOAT")
    (tmp_path / "a.selections.txt").write_text(HEADER + "1\t10\t11\t\n2\t30.2\t31.4\t\n")
    return tmp_path


def test_calls_in_the_middle_and_the_rest_clear_of_them(folder: Path) -> None:
    data = read_recordings(folder, 4000, RATE, np.random.default_rng(0), negatives_per_call=3)
    at = begins(data)
    assert data.labels.sum() == 2
    assert len(data) == 8
    assert (np.diff(at) > 0).all()
    assert np.abs(at[data.labels == 1] + 1 - [10.5, 30.8]).max() <= 0.25
    for begin in at[data.labels == 0]:
        assert all(begin + 2 <= call - 0.499 or begin >= end + 0.499 for call, end in ((10, 11), (30.2, 31.4)))
    assert data.group is not None
    assert set(data.group) == {0}


def test_the_same_seed_cuts_the_same_windows(folder: Path) -> None:
    one, two, other = (read_recordings(folder, 4000, RATE, np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.audio, two.audio)
    assert one.names == two.names != other.names


def test_other_annotations_are_windows_without_a_call(folder: Path) -> None:
    (folder / "a.selections.txt").write_text(HEADER + "1\t10\t11\tUpcall\n2\t30\t31\thumpback\n3\t40\t41\tupcall\n")
    data = read_recordings(folder, 4000, RATE, np.random.default_rng(0), negatives_per_call=0.5)
    np.testing.assert_array_equal(data.labels, [1, 0, 1])
    np.testing.assert_allclose(begins(data), [9.5, 29.5, 39.5], atol=0.251)


def test_another_sound_that_overlaps_a_call_gives_no_window_without_a_call(folder: Path) -> None:
    """The humpback's own window would hold the up-call that is labelled a call a few hundredths of a second away."""
    rows = ["1\t10\t11\tupcall", "2\t10.02\t11.02\thumpback", "3\t12.0\t12.4\thumpback", "4\t30\t31\thumpback"]
    (folder / "a.selections.txt").write_text(HEADER + "\n".join(rows) + "\n")
    for seed in range(5):
        data = read_recordings(folder, 4000, RATE, np.random.default_rng(seed), negatives_per_call=1)
        np.testing.assert_array_equal(data.labels, [1, 0])
        np.testing.assert_allclose(begins(data), [9.5, 29.5], atol=0.251)
        assert any(note.startswith("2 selections of other sounds were left out") for note in data.notes)


def test_call_words_choose_the_annotation(folder: Path) -> None:
    (folder / "a.selections.txt").write_text(HEADER + "1\t10\t11\tmoan\n2\t30\t31\tscream\n")
    with pytest.raises(DataError, match=r"'moan' \(1\), 'scream' \(1\)") as caught:
        read_recordings(folder, 4000, RATE, np.random.default_rng(0))
    assert "python -m train prepare --call-label" in caught.value.hint, "no other command has it"
    data = read_recordings(folder, 4000, RATE, np.random.default_rng(0), 1.0, call_words=["Scream"])
    np.testing.assert_array_equal(data.labels, [0, 1])


def test_only_listened_to_time_gives_windows_without_a_call(folder: Path) -> None:
    (folder / "listened.csv").write_text("file,begin_s,end_s\na.wav,40,50\n")
    data = read_recordings(folder, 4000, RATE, np.random.default_rng(0), negatives_per_call=10)
    at = begins(data)[data.labels == 0]
    assert len(at) == 5
    assert at.min() >= 39.999
    assert at.max() + 2 <= 50.001
    assert "20 windows without a call were requested, but only 5 fit." in data.notes


def test_recording_without_a_table_is_left_alone_and_empty_table_is_not(folder: Path) -> None:
    sf.write(folder / "b.wav", ramp(20), RATE, subtype="FLOAT")
    sf.write(folder / "c.wav", ramp(20), RATE, subtype="FLOAT")
    (folder / "c.Table.1.selections.txt").write_text(HEADER)
    data = read_recordings(folder, 4000, RATE, np.random.default_rng(0), negatives_per_call=100)
    assert data.names is not None
    assert {name.split("@")[0] for name in data.names} == {"a.wav", "c.wav"}
    assert "1 recordings without a selection table were not used." in data.notes


def test_calls_at_the_edges_stay_within_the_recording(folder: Path) -> None:
    (folder / "a.selections.txt").write_text(HEADER + "1\t0\t0.5\t\n2\t59.6\t60\t\n")
    data = read_recordings(folder, 4000, RATE, np.random.default_rng(0), negatives_per_call=0)
    np.testing.assert_allclose(begins(data), [0, 58], atol=1e-4)


def test_higher_sample_rate_comes_out_at_the_right_time(tmp_path: Path) -> None:
    rate = 16000
    tone = (0.5 * np.sin(2 * np.pi * 100 * np.arange(30 * rate) / rate)).astype(np.float32)
    tone[: 12 * rate] = 0
    sf.write(tmp_path / "a.wav", tone, rate, subtype="FLOAT")
    (tmp_path / "a.txt").write_text(HEADER + "1\t11.5\t12.5\t\n")
    data = read_recordings(tmp_path, 4000, RATE, np.random.default_rng(1), negatives_per_call=0)
    assert data.audio is not None
    assert data.names is not None
    begin_s = float(data.names[0].split("@")[1])
    silent = round((12 - begin_s) * RATE)
    assert np.abs(data.audio[0, : silent - 20]).max() < 1e-3
    at = begin_s + np.arange(4000) / RATE
    expected = 0.5 * np.sin(2 * np.pi * 100 * at)
    np.testing.assert_allclose(data.audio[0, silent + 60 :], expected[silent + 60 :], atol=0.03)


def test_sound_is_resampled_as_the_daemon_does_it(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * 6).astype(np.float32)
    sf.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    daemon = Resampler(16000, RATE)
    blocks = [*daemon.push(Block(sound, 0)), *daemon.finish()]
    streamed = np.concatenate([block.samples for block in blocks if isinstance(block, Block)])
    window = read_window(tmp_path / "a.wav", 2.0, 4000, RATE)
    assert np.abs(window - streamed[4000:8000]).max() < 1e-5 * np.abs(streamed).max(), "100 dB below"


def test_table_of_another_recording_is_refused(folder: Path) -> None:
    (folder / "a.selections.txt").write_text(HEADER + "1\t100\t101\t\n")
    with pytest.raises(DataError, match=r"lasts 60\.0 s"):
        read_recordings(folder, 4000, RATE, np.random.default_rng(0))
    (folder / "a.selections.txt").write_text("Begin Time (s)\tEnd Time (s)\tBegin File\n1\t2\tz.wav\n")
    with pytest.raises(DataError, match=r"no sound file .* 'z\.wav'"):
        read_recordings(folder, 4000, RATE, np.random.default_rng(0))


def test_the_joined_table_of_a_replay_repeats_those_of_its_recordings(tmp_path: Path) -> None:
    (tmp_path / "a.selections.txt").write_text(HEADER + "1\t10\t11\t\n")
    (tmp_path / "selections.txt").write_text(HEADER + "1\t10\t11\t\n")
    assert [path.name for path in tables_in(tmp_path)] == ["a.selections.txt"]
    (tmp_path / "a.selections.txt").unlink()
    assert [path.name for path in tables_in(tmp_path)] == ["selections.txt"]


def test_opened_by_its_folder(folder: Path, tmp_path: Path) -> None:
    data = train.data.open(str(folder), cache=tmp_path / "cache", options=train.data.Options(negatives_per_call=1))
    assert data.features is not None
    assert data.features.shape == (4, 50, 101)


@given(
    heard=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 60)), max_size=3),
    taken=st.lists(st.tuples(st.floats(-5, 150), st.floats(0.1, 20)), max_size=6),
    seed=st.integers(0, 10),
)
def test_free_windows_never_touch_what_is_taken(
    heard: list[tuple[float, float]], taken: list[tuple[float, float]], seed: int
) -> None:
    spans = [
        (40 * number + begin / 10, 40 * number + begin / 10 + length / 2)
        for number, (begin, length) in enumerate(heard)
    ]
    busy = [(begin, begin + length) for begin, length in taken]
    found = free_windows(spans, busy, 2.0, np.random.default_rng(seed))
    assert all(later - earlier >= 2.0 - 1e-9 for earlier, later in itertools.pairwise(found))
    for begin in found:
        assert any(start - 1e-9 <= begin and begin + 2 <= end + 1e-9 for start, end in spans)
        assert all(begin + 2 <= start + 1e-9 or begin >= end - 1e-9 for start, end in busy)


def test_free_windows_use_all_the_room() -> None:
    found = free_windows([(0.0, 10.0)], [(4.0, 6.0)], 2.0, np.random.default_rng(0))
    np.testing.assert_allclose(found, [0, 2, 6, 8], atol=1e-9)
