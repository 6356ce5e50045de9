"""Going on where a replay was interrupted: what is taken over, what is not, and that nobody can tell afterwards."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from edge_daemon.audio.defect import Defect
from edge_daemon.audio.source import Gap, GapCause
from edge_daemon.config.backend import BackendSection
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event
from edge_daemon.errors import StorageError
from edge_daemon.position.position import Position
from edge_daemon.replay import run as replay_run
from edge_daemon.replay.heard import HeardPiece
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.resume import FOLDER, FinishedResults
from edge_daemon.replay.run import Summary, heard_here, replay
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import replay_recording, thread_detector

RATE = 2000
DIGEST = "ab" * 32


def sound(seconds: float, seed: int) -> np.ndarray:
    samples = 0.01 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    time = np.arange(RATE) / RATE
    for begin in range(RATE, len(samples) - RATE, 7400):
        samples[begin : begin + RATE] += 0.05 * np.sin(2 * np.pi * (100 * time + 50 * time**2))
    return samples


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for place in range(4):
        soundfile.write(folder / f"{place}.wav", sound(20 + 5 * place, place), RATE)
    holed = sound(40, 9)
    holed[30_000:32_000] = np.nan
    soundfile.write(folder / "20200101_000000.wav", holed, RATE, "FLOAT")
    return folder


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> ReplaySettings:
    return ReplaySettings(
        DetectorSettings(tiny_model), scores=True, full_scale_db=170.0, position=Position(latitude=1.0, longitude=2.0)
    )


def same(a: ReplayResult, b: ReplayResult) -> bool:
    """Equal in everything but the time it took."""
    for field in dataclasses.fields(ReplayResult):
        if field.name == "stage_ns":
            continue
        mine, yours = getattr(a, field.name), getattr(b, field.name)
        equal = np.array_equal(mine, yours) and mine.dtype == yours.dtype if isinstance(mine, np.ndarray) else None
        if equal is False or (equal is None and mine != yours):
            return False
    return True


def test_a_result_comes_back_whole(archive: Path, settings: ReplaySettings, tmp_path: Path) -> None:
    (recording,) = find_recordings([archive / "20200101_000000.wav"])
    result = replay_recording(recording, settings)
    assert result.found
    assert result.levels
    assert result.gaps
    assert result.layer_spikes is not None
    store = FinishedResults(tmp_path, settings, DIGEST)
    store.save(result)
    back = store.load(recording)
    assert back is not None
    assert same(back, result)
    assert list(back.detections()) == list(result.detections())
    store.clear()
    assert store.load(recording) is None
    assert not list(tmp_path.iterdir())


@pytest.fixture
def kept(archive: Path, settings: ReplaySettings, tmp_path: Path) -> Recording:
    """A recording whose result is kept in `tmp_path`."""
    path = tmp_path / "0.wav"
    path.write_bytes((archive / "0.wav").read_bytes())
    (recording,) = find_recordings([path])
    FinishedResults(tmp_path, settings, DIGEST).save(replay_recording(recording, settings))
    return recording


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": 2},
        {"scores": False},
        {"device": "other"},
        {"position": None},
        {"full_scale_db": None},
    ],
    ids=str,
)
def test_other_settings_take_nothing(
    kept: Recording, settings: ReplaySettings, tmp_path: Path, changes: dict[str, object]
) -> None:
    other = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    assert FinishedResults(tmp_path, other, DIGEST).load(kept) is None
    assert FinishedResults(tmp_path, settings, DIGEST).load(kept) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"hop_s": 0.25},
        {"threshold": 0.61},
        {"threshold_low": 0.2},
        {"min_windows": 2},
        {"merge_gap_s": 1.0},
        {"max_length_s": 5.0},
        {"refractory_s": 1.0},
        {"backend": BackendSection()},
        {"backend": BackendSection(options={"threads": 2})},
    ],
    ids=str,
)
def test_another_detector_takes_nothing(
    kept: Recording, settings: ReplaySettings, tmp_path: Path, changes: dict[str, object]
) -> None:
    detector = dataclasses.replace(settings.detector, **changes)  # type: ignore[arg-type]
    other = dataclasses.replace(settings, detector=detector)
    assert FinishedResults(tmp_path, other, DIGEST).load(kept) is None
    assert FinishedResults(tmp_path, settings, DIGEST).load(kept) is not None


def test_batches_and_the_place_of_the_model_do_not_matter(
    kept: Recording, settings: ReplaySettings, tmp_path: Path
) -> None:
    moved = dataclasses.replace(settings.detector, model=Path("moved.onnx"))
    other = dataclasses.replace(settings, detector=moved, batch=3, block_s=1.0, decode_ahead=True)
    assert FinishedResults(tmp_path, other, DIGEST).load(kept) is not None


def test_another_model_takes_nothing(kept: Recording, settings: ReplaySettings, tmp_path: Path) -> None:
    assert FinishedResults(tmp_path, settings, "cd" * 32).load(kept) is None


def test_another_version_takes_nothing(
    kept: Recording, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_daemon.replay.resume.__version__", "99.0")
    assert FinishedResults(tmp_path, settings, DIGEST).load(kept) is None


def test_a_changed_recording_takes_nothing(kept: Recording, settings: ReplaySettings, tmp_path: Path) -> None:
    store = FinishedResults(tmp_path, settings, DIGEST)
    assert store.load(dataclasses.replace(kept, name="another")) is None
    state = kept.path.stat()
    os.utime(kept.path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert store.load(kept) is None
    os.utime(kept.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert store.load(kept) is not None
    with kept.path.open("ab") as file:
        file.write(b"\0")
    os.utime(kept.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert store.load(kept) is None


def test_a_damaged_file_takes_nothing(kept: Recording, settings: ReplaySettings, tmp_path: Path) -> None:
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert FinishedResults(tmp_path, settings, DIGEST).load(kept) is None


def test_failures_are_not_kept(settings: ReplaySettings, tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "no.wav"), "no.wav", "no", 0)
    FinishedResults(tmp_path, settings, DIGEST).save(ReplayResult(recording, error="It is not there."))
    assert not list(tmp_path.iterdir())


def test_a_store_that_cannot_be_written(kept: Recording, settings: ReplaySettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be created"):
        FinishedResults(tmp_path / "file", settings, DIGEST).save(replay_recording(kept, settings))


class Counted:
    """Counts the recordings that are really replayed, and ends the run after some of them as Ctrl-C does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int = 1000) -> None:
        self.names: list[str] = []
        self._most = most
        self._real = replay_run.hear
        monkeypatch.setattr(replay_run, "hear", self)

    def __call__(self, piece: Piece, *rest: object) -> HeardPiece:
        if len(self.names) == self._most:
            raise KeyboardInterrupt
        self.names += [recording.path.name for recording in piece.recordings]
        return self._real(piece, *rest)  # type: ignore[arg-type]


def run(archive: Path, output: Path, settings: ReplaySettings, jobs: int = 1) -> Summary:
    with ReplayOutput(output, scores=True) as tables:
        return replay(find_recordings([archive]), settings, jobs=jobs, output=tables)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_nobody_can_tell_that_a_run_was_interrupted(
    archive: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(archive, tmp_path / "plain", settings)
    with monkeypatch.context() as patch:
        first = Counted(patch, most=3)
        with pytest.raises(KeyboardInterrupt):
            run(archive, tmp_path / "out", settings)
    assert len(list((tmp_path / "out" / FOLDER).iterdir())) == 3
    second = Counted(monkeypatch)
    summary = run(archive, tmp_path / "out", settings)
    assert first.names + second.names == sorted(path.name for path in archive.iterdir())
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")  # the folder of what is finished is gone
    assert (summary.taken, plain.taken) == (3, 0)
    assert summary.taken_s == 20 + 25 + 30
    assert (summary.windows, summary.lost_s, summary.detections) == (plain.windows, plain.lost_s, plain.detections)


@pytest.mark.slow
def test_what_is_finished_out_of_turn_is_kept(archive: Path, settings: ReplaySettings) -> None:
    recordings = find_recordings([archive])
    thread_detector(settings.detector)
    kept: list[str] = []
    given = [
        heard.piece.recordings[0].name
        for heard in heard_here(
            [Piece.of(one) for one in recordings],
            settings,
            2,
            lambda _done: None,
            lambda heard: kept.append(heard.piece.recordings[0].name),
        )
    ]
    assert given == [recording.name for recording in recordings]
    assert sorted(kept) == sorted(given)


def test_a_whole_run_taken_over(archive: Path, settings: ReplaySettings, tmp_path: Path) -> None:
    digest = thread_detector(settings.detector).model.digest
    store = FinishedResults(tmp_path / "out", settings, digest)
    for recording in find_recordings([archive]):
        store.save(replay_recording(recording, settings))
    summary = run(archive, tmp_path / "out", settings, jobs=2)
    run(archive, tmp_path / "plain", settings)
    assert summary.taken == 5
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_names_that_are_no_unicode(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    soundfile.write(tmp_path / "whole.wav", sound(20, 1), RATE)
    content = (tmp_path / "whole.wav").read_bytes()
    (folder / os.fsdecode(b"cut\xff.wav")).write_bytes(content[:-20_000])  # replayed with a problem that names it
    (folder / os.fsdecode(b"bad\xff.wav")).write_bytes(b"no sound")
    settings = ReplaySettings(DetectorSettings(tiny_model))
    first = run(folder, tmp_path / "out", settings)
    second = run(folder, tmp_path / "out", settings)
    assert (first.failed, first.taken, second.failed, second.taken) == (1, 0, 1, 1)
    assert "bad\\xff.wav" in (tmp_path / "out" / "failures.csv").read_text("utf-8")


finite = st.floats(0, 1, allow_nan=False)
gaps = st.builds(Gap, st.integers(0, 10**12), st.integers(0, 10**9), st.sampled_from(get_args(GapCause)))
events = st.builds(
    Event,
    begin=st.integers(0, 10**12),
    end=st.integers(0, 10**12),
    peak_score=finite,
    peak_start=st.integers(0, 10**12),
    mean_score=finite,
    windows=st.integers(1, 10**6),
    low_hz=st.none() | st.floats(0, 1e6),
    high_hz=st.none() | st.floats(0, 1e6),
)
found = st.builds(Found, events, st.lists(gaps, max_size=3).map(tuple), st.text(min_size=1, max_size=20))


@settings_of_hypothesis(max_examples=50)
@given(
    found=st.lists(found, max_size=4),
    scores=st.lists(st.floats(0, 1, width=32), max_size=20),
    gaps=st.lists(gaps, max_size=3),
    seconds=st.floats(0, 1e9),
    start=st.none() | st.integers(0, 4 * 10**18),
    defects=st.lists(st.builds(Defect, st.just("damage"), st.floats(0, 1e6), st.text(max_size=20)), max_size=3),
)
def test_any_result_comes_back_whole(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[Found],
    scores: list[float],
    gaps: list[Gap],
    seconds: float,
    start: int | None,
    defects: list[Defect],
) -> None:
    folder = tmp_path_factory.mktemp("store")
    result = ReplayResult(
        Recording(str(folder / "a.wav"), "a.wav", "a", 0),
        defects=defects,
        found=found,
        gaps=gaps,
        scores=np.array(scores, np.float32),
        starts=np.arange(len(scores)) * 1000,
        seconds=seconds,
        start_utc_ns=start,
        lost_s={"tail": seconds / 3},
        layer_spikes=np.array([3, 2**40, 0], np.int64),
    )
    store = FinishedResults(folder, ReplaySettings(DetectorSettings(Path("m.onnx"))), DIGEST)
    store.save(result)
    back = store.load(result.recording)
    assert back is not None
    assert same(back, result)
