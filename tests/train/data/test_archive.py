"""The archive of features: written, read, refused; the data set class; the cache; `prepare`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner

import train.data
from edge_daemon.model.frontend import FrontEnd, LogMelSpec
from train.__main__ import main
from train.data import FRONT_ENDS, DataError, Dataset, write_archive
from train.data.archive import read_archive
from train.data.features import cache_folder, compute, digest, features_of
from train.prepare import prepare

LOGMEL = FRONT_ENDS["logmel"]


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset(
        name="small",
        labels=np.array([1, 0, 1], np.uint8),
        order=np.array([7, 3, 5], np.int64),
        group=np.array([1, 0, 0], np.int64),
        features=rng.integers(0, 256, (3, 50, 101), dtype=np.uint8),
        audio=None,
        frontend=LOGMEL,
        sample_rate=2000,
        credit="Thanks to nobody.",
        names=("c", "a", "b"),
    )


def test_written_and_read_again(tmp_path: Path, dataset: Dataset) -> None:
    write_archive(tmp_path / "new" / "a.npz", dataset)
    back = train.data.open(str(tmp_path / "new" / "a.npz"))
    assert (back.name, back.credit, back.frontend, back.sample_rate) == ("small", dataset.credit, LOGMEL, 2000)
    ordered = dataset.in_order()
    for field in ("labels", "order", "group", "features"):
        np.testing.assert_array_equal(getattr(back, field), getattr(ordered, field))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npz"]


def test_in_order_and_subset_keep_rows_together(dataset: Dataset) -> None:
    ordered = dataset.in_order()
    assert ordered.names == ("a", "b", "c")
    np.testing.assert_array_equal(ordered.labels, [0, 1, 1])
    np.testing.assert_array_equal(ordered.features[2], dataset.features[0])
    assert dataset.subset(np.array([True, False, True])).names == ("c", "b")
    assert dataset.summary() == "small: 3 windows, 2 with a call (67 %), logmel 50 × 101"


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.array([0, 2, 1], np.uint8)},
        {"labels": np.array([0, 1], np.uint8)},
        {"order": np.array([1, 2, 3], np.int32)},
        {"features": None},
        {"features": np.zeros((3, 50, 100), np.uint8)},
        {"names": ("one",)},
        {"audio": np.zeros((3, 4000))},
        {"features": None, "frontend": None},
    ],
)
def test_inconsistent_data_sets_cannot_be_made(dataset: Dataset, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"small|order|audio"):
        replace(dataset, **change)


def test_published_images_need_no_front_end(tmp_path: Path, dataset: Dataset) -> None:
    np.savez(tmp_path / "plain.npz", X=dataset.features, y=dataset.labels, clip=dataset.order)
    data = read_archive(tmp_path / "plain.npz")
    assert data.frontend == LogMelSpec.model_validate({})
    assert "Cornell" in data.credit
    assert data.group is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((2, 50, 101), np.uint8)}, "no y"),
        ({"X": np.zeros((2, 50, 101)), "y": np.zeros(2, np.uint8)}, "uint8"),
        ({"X": np.zeros((2, 50, 101), np.uint8), "y": np.zeros(3, np.uint8)}, r"\[N\]"),
        ({"X": np.zeros((2, 50, 101), np.uint8), "y": np.array([0, 7])}, "other than 0 and 1"),
        ({"X": np.zeros((2, 9, 9), np.uint8), "y": np.zeros(2)}, "which front end"),
        ({"X": np.zeros((2, 50, 101), np.uint8), "y": np.zeros(2), "clip": np.zeros(3)}, "clip"),
        ({"X": np.zeros((2, 9, 9), np.uint8), "y": np.zeros(2), "frontend": np.array("{}")}, "cannot be read"),
        (
            {"X": np.zeros((2, 9, 9), np.uint8), "y": np.zeros(2), "frontend": np.array('{"kind":"stft"}')},
            r"gives \(103, 135\)",
        ),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_archive(tmp_path / "bad.npz")
    assert caught.value.hint


def test_pickles_and_rubbish_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "pickled.npz", X=np.array([{"a": 1}], dtype=object), y=np.zeros(1))
    (tmp_path / "rubbish.npz").write_bytes(b"PK\x03\x04 and so on")
    (tmp_path / "empty.npz").write_bytes(b"")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    for name in ("pickled", "rubbish", "empty", "single"):
        with pytest.raises(DataError, match=r"not a readable \.npz"):
            read_archive(tmp_path / f"{name}.npz")


def test_other_front_end_than_asked_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    write_archive(tmp_path / "a.npz", dataset)
    with pytest.raises(DataError, match="another front end"):
        train.data.open(f"{tmp_path / 'a.npz'}#stft")
    assert len(train.data.open(f"{tmp_path / 'a.npz'}#logmel")) == 3


@pytest.fixture
def audio() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((5, 4000)).astype(np.float32) * 0.1


def test_features_are_the_front_ends_and_come_back_from_the_cache(
    tmp_path: Path, audio: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = FrontEnd(LOGMEL).batch(audio)[0]
    np.testing.assert_array_equal(features_of(audio, LOGMEL, tmp_path)[0], expected)
    assert [path.name for path in tmp_path.iterdir()] == [f"{digest(audio, LOGMEL)}.npz"]

    def forbidden(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("train.data.features.compute", forbidden)
    np.testing.assert_array_equal(features_of(audio, LOGMEL, tmp_path)[0], expected)


def test_cache_key_sees_every_sample_and_the_front_end(audio: np.ndarray) -> None:
    other = audio.copy()
    other[4, 3999] = np.nextafter(other[4, 3999], np.float32(1))
    narrower = LogMelSpec.model_validate({"high_hz": 499.0})
    assert len({digest(audio, LOGMEL), digest(other, LOGMEL), digest(audio, narrower), digest(audio[:4], LOGMEL)}) == 4


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"PK\x03\x04 and so on", None])
def test_damaged_cache_is_computed_again(tmp_path: Path, audio: np.ndarray, damage: bytes | None) -> None:
    path = tmp_path / f"{digest(audio, LOGMEL)}.npz"
    if damage is None:
        np.savez(path, features=np.zeros((1, 2, 3), np.uint8), flags=np.zeros(1, np.uint8))
    else:
        path.write_bytes(damage)
    np.testing.assert_array_equal(features_of(audio, LOGMEL, tmp_path)[0], compute(audio, LOGMEL)[0])


def test_cache_that_cannot_be_written_is_no_error(tmp_path: Path, audio: np.ndarray) -> None:
    (tmp_path / "file").write_text("in the way")
    assert features_of(audio, LOGMEL, tmp_path / "file" / "cache")[0].shape == (5, 50, 101)


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/edge-daemon/features")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder() == Path("/home/me/.cache/edge-daemon/features")


def test_long_batches_are_the_same_as_one_by_one() -> None:
    audio = np.random.default_rng(2).standard_normal((300, 4000)).astype(np.float32) * np.float32(0.1)
    audio[7] = 0
    features, flags = compute(audio, LOGMEL)
    for row in (0, 7, 255, 256, 299):
        np.testing.assert_array_equal(features[row], FrontEnd(LOGMEL)(audio[row]))
    assert flags[7] != 0
    assert flags.sum() == flags[7]


def test_prepare_writes_an_archive_that_opens(tmp_path: Path) -> None:
    said: list[str] = []
    spec = "synthetic:n=20,seed=3"
    prepare(spec, tmp_path / "s.npz", "stft", cache=tmp_path / "cache", report=said.append)
    data = train.data.open(str(tmp_path / "s.npz"))
    direct = train.data.open(f"{spec}#stft", cache=tmp_path / "cache")
    assert data.frontend == FRONT_ENDS["stft"]
    np.testing.assert_array_equal(data.features, direct.features)
    np.testing.assert_array_equal(data.group, direct.group)
    assert said[0].startswith("synthetic ocean (20 clips, seed 3): 20 windows, 10 with a call")


def test_prepare_and_sample_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    clips = tmp_path / "clips"
    for name in ("moo", "quiet"):
        (clips / name).mkdir(parents=True)
        sf.write(clips / name / f"{name}.wav", np.random.default_rng(0).normal(0, 0.1, 4000), 2000)
    run = CliRunner()
    result = run.invoke(main, ["prepare", str(clips), "--output", str(tmp_path / "c.npz"), "--call-label", "moo"])
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(train.data.open(str(tmp_path / "c.npz")).labels, [1, 0])
    result = run.invoke(main, ["prepare", str(clips), "--output", str(tmp_path / "d.npz")])
    assert isinstance(result.exception, DataError)
    assert not (tmp_path / "d.npz").exists()
    result = run.invoke(main, ["sample", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "sample.flac").read_bytes()[:4] == b"fLaC"


@pytest.mark.data
def test_published_archive(shared_data: Path) -> None:
    data = train.data.open(str(shared_data / "right_whale_logmel.npz"))
    assert data.features is not None
    assert data.features.shape == (8650, 50, 101)
    assert 0.30 < data.labels.mean() < 0.32
    assert (np.diff(data.order) > 0).all()
