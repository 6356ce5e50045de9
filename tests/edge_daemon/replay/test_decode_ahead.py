"""Decoding ahead: the same bytes as without, only where a core is left for it, and no thread is left behind."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio import read_ahead
from edge_daemon.audio.source import AudioSource
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.replay import processes, run
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.run import heard_here, replay
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import Stopped, replay_recording

RATE = 4000


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> ReplaySettings:
    return ReplaySettings(DetectorSettings(tiny_model), scores=True, block_s=1.0)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream of three FLAC files, one that is damaged and cut short, and one of which nothing can be decoded."""
    folder = tmp_path_factory.mktemp("archive")
    time = np.arange(30 * RATE) / RATE
    sound = 0.01 * np.random.default_rng(1).standard_normal(len(time))
    sound += np.where(time % 5 < 1, 0.05 * np.sin(2 * np.pi * (100 * (time % 5) + 50 * (time % 5) ** 2)), 0.0)
    for second in (0, 10, 20):
        part = sound[second * RATE : (second + 10) * RATE]
        soundfile.write(folder / f"ST_20230405_1200{second:02}.flac", part, RATE, "PCM_16")
    soundfile.write(folder / "damaged.flac", sound, RATE, "PCM_16")
    data = bytearray((folder / "damaged.flac").read_bytes())
    (folder / "silent.flac").write_bytes(data[:200] + bytes(5000))
    data[len(data) // 3 : len(data) // 3 + 4000] = bytes(4000)
    (folder / "damaged.flac").write_bytes(data[:-30_000])
    return folder


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read ahead")]


def with_cores(patch: pytest.MonkeyPatch, cores: int) -> None:
    patch.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)))


def test_it_does_not_show(
    archive: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class Told(read_ahead.ReadAheadSource):
        def __init__(self, source: AudioSource) -> None:
            made.append(Path(source.name).name)
            super().__init__(source)

    monkeypatch.setattr(read_ahead, "ReadAheadSource", Told)
    found = {}
    for cores in (1, 2):
        with_cores(monkeypatch, cores)
        with ReplayOutput(tmp_path / str(cores), scores=True) as tables:
            summary = replay(find_recordings([archive]), settings, output=tables)
        assert (summary.failed, summary.plan.joined, summary.with_defects) == (1, 3, 1)
        assert summary.detections >= 5
        assert made == ([] if cores == 1 else [path.name for path in sorted(archive.iterdir())])
        files = sorted((tmp_path / str(cores)).iterdir())
        found[cores] = {path.name: path.read_bytes() for path in files if path.is_file()}
    assert found[1] == found[2]
    assert {"failures.csv", "problems.csv"} <= set(found[1])
    assert not reading_threads()


def test_a_recording_that_is_given_up_leaves_no_thread(archive: Path, settings: ReplaySettings) -> None:
    seen: list[int] = []

    def stop(share: float) -> None:
        seen.append(len(reading_threads()))
        if share > 0.3:
            raise Stopped

    ahead = dataclasses.replace(settings, decode_ahead=True)
    with pytest.raises(Stopped):
        replay_recording(find_recordings([archive / "damaged.flac"])[0], ahead, stop)
    assert seen
    assert set(seen) == {1}
    assert not reading_threads()


@pytest.mark.parametrize(
    ("jobs", "cores", "ahead"), [(1, 1, False), (1, 2, True), (2, 2, False), (3, 4, True), (9, 4, False), (9, 8, True)]
)
def test_only_where_a_core_is_left(
    archive: Path, settings: ReplaySettings, monkeypatch: pytest.MonkeyPatch, jobs: int, cores: int, *, ahead: bool
) -> None:
    told: list[tuple[bool, int]] = []

    class Pool:
        def __init__(self, chosen: ReplaySettings, jobs: int, *_others: object) -> None:
            told.append((chosen.decode_ahead, jobs))

        def heard(self, _pieces: object) -> list[object]:
            return []

    monkeypatch.setattr(processes, "Processes", Pool)
    monkeypatch.setattr(run, "hear", lambda _piece, chosen, _progress: told.append((chosen.decode_ahead, 1)))
    with_cores(monkeypatch, cores)
    pieces = [Piece.of(one) for one in find_recordings([archive])]
    list(heard_here(pieces, settings, jobs, lambda _done: None))
    assert set(told) == {(ahead, min(jobs, len(pieces)))}


def test_plain_samples_are_not_decoded_ahead(settings: ReplaySettings, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sea.wav", 0.1 * np.random.default_rng(1).standard_normal(5 * RATE), RATE, "PCM_24")
    threads: list[str] = []
    ahead = dataclasses.replace(settings, decode_ahead=True)
    result = replay_recording(find_recordings([tmp_path])[0], ahead, lambda _share: threads.extend(reading_threads()))
    assert (result.error, result.seconds) == (None, 5.0)
    assert not threads
