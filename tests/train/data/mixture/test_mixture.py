"""Mixtures of recordings made here: what comes in, what stays out, and that it is the same every time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml

import train.data
from edge_daemon.model.frontend import LogMelSpec
from train.data import DataError, Options
from train.data.mixture import synthetic
from train.ocean.kinds import OTHER_SOUNDS

RATE = 2000


def chirp(at: np.ndarray, begin_s: float, low_hz: float) -> np.ndarray:
    """A rising call of a second."""
    t = at - begin_s
    return np.where((t >= 0) & (t < 1), np.sin(2 * np.pi * (low_hz * t + 40 * t**2)), 0.0)


def write(path: Path, calls: list[float], low_hz: float = 90.0, seconds: float = 40.0, loud: float = 0.2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(len(path.name)).normal(0, 0.05, len(at))
    sf.write(path, noise + loud * sum((chirp(at, begin, low_hz) for begin in calls), np.zeros(len(at))), RATE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "buoy" / "day1.wav", [10.0, 20.0])
    write(tmp_path / "buoy" / "day2.wav", [15.0])
    rows = ["file,begin_s,end_s", "day1.wav,10,11", "day1.wav,20,21", "day2.wav,15,16"]
    (tmp_path / "buoy" / "calls.csv").write_text("\n".join(rows))
    write(tmp_path / "song" / "a.wav", [5.0, 9.0], 200.0)
    write(tmp_path / "song" / "b.wav", [7.0], 200.0)
    return tmp_path


def mixture(folder: Path, **more: object) -> Path:
    document: dict[str, object] = {
        "name": "test",
        "hop_s": 0.5,
        "marked": [{"calls": "buoy/calls.csv", "weight": 2.0}],
        "quiet": [{"kind": "song", "folders": ["song"], "weight": 0.5, "laid": True}],
        "laid": {"count": 30, "others": 20},
    }
    (folder / "mixture.yaml").write_text(yaml.safe_dump(document | more))
    return folder / "mixture.yaml"


def test_all_kinds_come_in_with_labels_and_weights(folder: Path) -> None:
    data = train.data.open(mixture(folder))
    assert data.kinds is not None
    assert data.weights is not None
    found = Counter(zip(data.kinds, data.labels.tolist(), data.weights.tolist(), strict=True))
    # 40 s have 77 windows of 2 s every half second; around each of three calls some are 1 and some are left out
    calls = found["calls", 1, 2.0]
    assert 3 * 3 <= calls <= 3 * 5
    assert found["calls", 0, 2.0] == pytest.approx(2 * 77 - 3 * 6, abs=3)
    assert found["song", 0, 0.5] == 2 * 77
    assert found["laid call", 1, 1.0] == 30
    assert found["laid other sound", 0, 1.0] == 20
    assert sum(found.values()) == len(data)


def test_the_same_mixture_gives_the_same_windows(folder: Path) -> None:
    one, two = (train.data.open(mixture(folder)) for _ in range(2))
    other = train.data.open(mixture(folder, seed=1))
    assert one.features is not None
    assert other.features is not None
    np.testing.assert_array_equal(one.features, two.features)
    assert not np.array_equal(one.features[-50:], other.features[-50:])


def test_the_synthetic_ocean_is_laid_into_real_sound(folder: Path) -> None:
    laid = {"count": 0, "synthetic_calls": 12, "synthetic_others": 9, "snr_db": [10, 12]}
    data = train.data.open(mixture(folder, laid=laid))
    assert data.kinds is not None
    found = Counter(zip(data.kinds, data.labels.tolist(), strict=True))
    assert found["laid call", 1] == 12
    assert found["laid other sound", 0] == 9
    with pytest.raises(DataError, match="2000 Hz only"):
        train.data.open(mixture(folder, laid=laid), LogMelSpec(sample_rate=4000, window=8000))


def test_synthetic_sounds_are_as_long_as_they_sound() -> None:
    calls, others = (make(np.random.default_rng(2), 60) for make in (synthetic.calls, synthetic.others))
    assert len(calls) == len(others) == 60
    assert all(0.2 < len(sound) / 2000 < 3 for sound in calls)
    assert all(np.square(sound).sum() > 0 for sound in calls + others)
    assert set(synthetic.OTHERS) <= set(OTHER_SOUNDS)


@pytest.mark.parametrize("kept", ["buoy/day1.wav", "song/a.wav", "buoy/day2.wav"])
def test_nothing_of_what_is_kept_aside_comes_in(folder: Path, kept: str) -> None:
    """Neither as a window, nor as a laid call, nor as the noise below one: the file may then as well be another."""
    aside = Options(aside=(kept.replace("buoy", "*"),))
    before = train.data.open(mixture(folder), options=aside)
    write(folder / kept, [3.0, 30.0], 300.0, loud=2.0)
    after = train.data.open(mixture(folder), options=aside)
    assert before.features is not None
    np.testing.assert_array_equal(before.features, after.features)
    whole = train.data.open(mixture(folder))
    assert len(whole) > len(before)


def test_nothing_of_what_is_doubtful_comes_in(folder: Path) -> None:
    """Neither as a window, nor as the noise below a laid sound: it may then as well be another sound."""
    (folder / "buoy" / "doubtful.csv").write_text("file,begin_s,end_s\nday2.wav,30.5,31.5\n")
    marked = [{"calls": "buoy/calls.csv", "doubtful": "buoy/doubtful.csv", "weight": 2.0}]
    write(folder / "buoy" / "day2.wav", [15.0])
    before = train.data.open(mixture(folder, marked=marked))
    sound, _ = sf.read(folder / "buoy" / "day2.wav")
    sound[round(30.5 * RATE) : round(31.5 * RATE)] *= 0.1
    sf.write(folder / "buoy" / "day2.wav", sound, RATE)
    after = train.data.open(mixture(folder, marked=marked))
    assert before.features is not None
    np.testing.assert_array_equal(before.features, after.features)
    whole = train.data.open(mixture(folder))
    assert len(whole) - len(before) == pytest.approx(6, abs=1)


def test_a_doubtful_sound_of_a_recording_that_does_not_come_in_is_named(folder: Path) -> None:
    (folder / "buoy" / "doubtful.csv").write_text("file,begin_s,end_s\nday9.wav,30.5,31.5\n")
    marked = [{"calls": "buoy/calls.csv", "doubtful": "buoy/doubtful.csv"}]
    with pytest.raises(DataError, match=r"day9\.wav"):
        train.data.open(mixture(folder, marked=marked))


def test_clips_of_other_data_sets_come_in_whole(folder: Path) -> None:
    clips = train.data.open("synthetic:n=12,seed=1")
    train.data.write_archive(folder / "clips.npz", clips)
    data = train.data.open(mixture(folder, clips=[{"data": "clips.npz", "weight": 3.0}]))
    assert data.features is not None
    assert clips.features is not None
    np.testing.assert_array_equal(data.features[:12], clips.features)
    np.testing.assert_array_equal(data.labels[:12], clips.labels)
    assert data.kinds[:13] == ("clips",) * 12 + ("calls",)  # type: ignore[index]


def test_clips_are_laid_into_the_sea_half_of_them_calls_and_known_as_kin(folder: Path) -> None:
    train.data.write_archive(folder / "clips.npz", train.data.open("synthetic:n=12,seed=1"))
    asked = {"clips": [{"data": "clips.npz"}], "laid": {"clips": 20, "weight": 0.5}}
    data = train.data.open(mixture(folder, **asked))
    assert data.kinds is not None
    assert data.weights is not None
    assert data.kin is not None
    laid = np.array(data.kinds) == "laid clip"
    assert data.labels[laid].tolist() == [0, 1] * 10
    assert set(data.weights[laid].tolist()) == {0.5}
    np.testing.assert_array_equal(data.labels[data.kin[laid]], data.labels[laid])
    np.testing.assert_array_equal(data.kin[~laid], np.flatnonzero(~laid))
    assert data.kin[laid].max() < 12


@pytest.mark.parametrize(
    ("clips", "message"), [([], "no clips of log-mel"), ([{"data": "calls.npz"}], "all of one kind")]
)
def test_clips_that_cannot_be_laid_are_named(folder: Path, clips: list[object], message: str) -> None:
    made = train.data.open("synthetic:n=12,seed=1")
    train.data.write_archive(folder / "calls.npz", made.subset(made.labels == 1))
    with pytest.raises(DataError, match=message):
        train.data.open(mixture(folder, clips=clips, laid={"clips": 4}))


def test_weights_and_kinds_are_kept_in_an_archive(folder: Path) -> None:
    data = train.data.open(mixture(folder))
    train.data.write_archive(folder / "mixed.npz", data)
    again = train.data.open(folder / "mixed.npz")
    assert again.kinds == data.kinds
    np.testing.assert_array_equal(again.weights, data.weights)
    kin = np.arange(len(data)) // 2
    train.data.write_archive(folder / "mixed.npz", replace(data, kin=kin))
    np.testing.assert_array_equal(train.data.open(folder / "mixed.npz").kin, kin)
    half = data.subset(data.labels == 1)
    assert half.kinds is not None
    assert set(half.kinds) == {"calls", "laid call"}


def test_what_cannot_be_is_said(folder: Path) -> None:
    def message(options: Options | None = None, **more: object) -> str:
        with pytest.raises(DataError) as error:
            train.data.open(mixture(folder, **more), options=options)
        return error.value.message

    assert "hop_s" in message(hop_s=0)
    assert "unknown" in message(unknown=1)
    assert "snr_db" in message(laid={"count": 1, "snr_db": [3, -3]})
    assert "No recording" in message(Options(aside=("*/day3.wav",)))
    assert "no windows with" in message(marked=[], laid={})
    assert "called 'calls'" in message(quiet=[{"kind": "calls", "folders": ["song"]}])
    assert "loud enough" in message(laid={"count": 1, "least_snr_db": 60})
    assert "`laid: true`" not in message(marked=[], quiet=[], laid={})
    assert "folds" in message(folds=[[]])
    assert "band begins above 0 Hz" in message(laid={"count": 1, "band_hz": [0, 420]})
    assert "above half the sample rate (2000 Hz)" in message(laid={"count": 1, "band_hz": [45, 1000]})
    assert "prevalence speaks of ships, of which" in message(prevalence={"calls": 0.5, "ships": 0.5})
    assert "mixture.yaml among its clips" in message(clips=[{"data": "mixture.yaml"}])
    twice = [{"kind": "song", "folders": ["song", "buoy"]}]
    assert "day1.wav is among the recordings of calls and of song" in message(quiet=twice)
    (folder / "broken.yaml").write_text("name: [")
    with pytest.raises(DataError, match="cannot be read"):
        train.data.open(folder / "broken.yaml")
    with pytest.raises(DataError, match="no mixture"):
        train.data.open("synthetic:n=10", options=Options(aside=("*",)))


def test_a_mixture_may_say_which_annotations_are_calls(folder: Path) -> None:
    rows = ["file,begin_s,end_s,label", "day1.wav,10,11,Eg_x", "day1.wav,20,21,Mn_y", "day2.wav,15,16,Eg_x"]
    (folder / "buoy" / "calls.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match="none"):
        train.data.open(mixture(folder))
    data = train.data.open(mixture(folder, marked=[{"calls": "buoy/calls.csv", "call_labels": ["Eg_x"]}], laid={}))
    assert 2 * 3 <= data.labels.sum() <= 2 * 5


def test_the_band_of_laid_sounds_matters_where_some_are_laid(folder: Path) -> None:
    low = LogMelSpec(sample_rate=800, window=1600, high_hz=400)
    assert len(train.data.open(mixture(folder, laid={}), low)) > 0
    with pytest.raises(DataError, match=r"laid\.band_hz ends at 420 Hz, above half the sample rate \(800 Hz\)"):
        train.data.open(mixture(folder), low)


def test_silence_is_left_out(folder: Path) -> None:
    sf.write(folder / "song" / "b.wav", np.zeros(40 * RATE), RATE)
    data = train.data.open(mixture(folder, laid={}))
    assert data.kinds is not None
    assert Counter(data.kinds)["song"] == 77
