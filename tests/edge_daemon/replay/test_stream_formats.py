"""Streams of every format whose length is known beforehand, and of recorders that pause within files."""

from __future__ import annotations

import builtins
import io
import os
import struct
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.regular_file import open_regular
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.sound_length import sound_length
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.replay import stream
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.plan import plan_replay
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.run import Summary, replay
from edge_daemon.replay.settings import ReplaySettings

BEGIN = datetime(2023, 4, 5, 12, tzinfo=UTC)
RATE = 2000


def sea(seconds: float, rate: int) -> np.ndarray:
    """Noise with a sweep every four seconds, so that the tiny model finds something here and there."""
    time = np.arange(round(seconds * rate)) / rate
    local = time % 4
    sweep = np.where(local < 1, 0.05 * np.sin(2 * np.pi * (100 * local + 50 * local**2)), 0)
    return (sweep + 0.01 * np.random.default_rng(1).standard_normal(len(time))).astype(np.float32)


def heard(folder: Path, settings: ReplaySettings, output: Path | None = None) -> tuple[Summary, list[ReplayResult]]:
    results: list[ReplayResult] = []
    if output is None:
        return replay(find_recordings([folder]), settings, each=results.append), results
    with ReplayOutput(output, scores=True) as tables:
        return replay(find_recordings([folder]), settings, output=tables, each=results.append), results


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> ReplaySettings:
    return ReplaySettings(DetectorSettings(tiny_model), scores=True)


def write(path: Path, sound: np.ndarray, rate: int, kind: tuple[str, str]) -> None:
    with soundfile.SoundFile(path, "w", rate, 1, kind[1], format=kind[0]) as file:
        for part in np.array_split(sound, 20):  # libsndfile crashes on long writes of Vorbis
            file.write(part)


@pytest.mark.parametrize(
    ("ending", "kind", "rate"),
    [
        ("ogg", ("OGG", "VORBIS"), 8000),
        ("opus", ("OGG", "OPUS"), 8000),
        ("mp3", ("MP3", "MPEG_LAYER_III"), 16_000),
        ("aiff", ("AIFF", "PCM_16"), 8000),
        ("w64", ("W64", "PCM_24"), 8000),
        ("caf", ("CAF", "ALAC_16"), 8000),
        ("flac", ("FLAC", "PCM_16"), 8000),
    ],
)
def test_files_that_follow_each_other_are_one_stream(
    ending: str, kind: tuple[str, str], rate: int, settings: ReplaySettings, tmp_path: Path
) -> None:
    sound, cuts = sea(20, rate), (0, 8.5, 12.5, 20)  # within sweeps
    for begin, end in pairwise(cuts):
        path = tmp_path / f"A_{BEGIN + timedelta(seconds=begin):%Y%m%d_%H%M%S.%f}.{ending}"
        write(path, sound[round(begin * rate) : round(end * rate)], rate, kind)
        with open_regular(path) as file:
            length = sound_length(file, path)
        assert length is not None
        with FileSource(path) as source:
            assert (length.rate, length.frames) == (rate, source.frames)
            while source.read() is not None:
                pass
            assert source.frames == length.frames
    summary, results = heard(tmp_path, settings)
    assert (summary.plan.joined, summary.plan.streams) == (3, 1)
    assert summary.lost_s["tail"] < 0.5  # once, not at each cut
    starts = [start for result in results for start in result.starts.tolist()]
    assert len(starts) >= 36


def test_mp3_files_without_a_note_of_their_length_are_heard_alone(settings: ReplaySettings, tmp_path: Path) -> None:
    for number in range(2):
        path = tmp_path / f"A_{BEGIN + timedelta(seconds=8 * number):%Y%m%d_%H%M%S}.mp3"
        write(path, sea(8, 16_000), 16_000, ("MP3", "MPEG_LAYER_III"))
        path.write_bytes(path.read_bytes().replace(b"Info", b"\0\0\0\0").replace(b"Xing", b"\0\0\0\0"))
        with open_regular(path) as file:
            assert sound_length(file, path) is None
    summary, _ = heard(tmp_path, settings)
    assert summary.plan.joined == 0
    assert summary.seconds == pytest.approx(16, abs=0.3)


def x_wav(path: Path, sound: np.ndarray, raws: list[tuple[datetime, float]]) -> None:
    """A HARP's file: begin and seconds of each raw file, whose sound lies one behind the other."""
    data = (32_000 * sound).astype("<i2").tobytes()
    at = 12 + 24 + 8 + 56 + 32 * len(raws) + 8
    entries = b""
    for when, seconds in raws:
        size = 2 * round(seconds * RATE)
        when_parts = (when.year - 2000, when.month, when.day, when.hour, when.minute, when.second)
        entries += struct.pack("<6BHIIIIB7x", *when_parts, when.microsecond // 1000, at, size, 0, RATE, 1)
        at += size
    chunks = [(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)), (b"harp", bytes(56) + entries)]
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(one)) + one for name, one in [*chunks, (b"data", data)])
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def deployment(folder: Path) -> list[float]:
    """A recorder that hears 30 s of every 100 s, in files of three raw files of 12 s: most are cut within a duty cycle.

    Returns:
        Begin of each duty cycle, seconds.
    """
    cycles, cycle_s, raw_s = 6, 36, 12.0
    sound = sea(cycles * cycle_s, RATE)
    raws = [
        (BEGIN + timedelta(seconds=100 * cycle + raw_s * part), (cycle * 3 + part) * raw_s)
        for cycle in range(cycles)
        for part in range(3)
    ]
    for first in range(0, len(raws), 4):
        group = raws[first : first + 4]
        begin, end = round(group[0][1] * RATE), round((group[-1][1] + raw_s) * RATE)
        path = folder / f"B_{group[0][0]:%y%m%d_%H%M%S}.x.wav"
        x_wav(path, sound[begin:end], [(when, raw_s) for when, _ in group])
    return [100.0 * cycle for cycle in range(cycles)]


@pytest.mark.slow
def test_a_recorder_that_pauses_within_files_is_one_stream_between_its_pauses(
    settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    cycles = deployment(folder)
    summary, results = heard(folder, settings, tmp_path / "one")
    assert len(results) == 5
    # the fourth file begins with a cycle, all others within one
    assert (summary.plan.joined, summary.plan.streams) == (5, 2)
    times = sorted(
        (result.utc_ns(start) or 0) / 1e9 - BEGIN.timestamp() for result in results for start in result.starts.tolist()
    )
    for begin in cycles:  # the same windows as of each cycle on its own: every hop, up to the filled ones at its end
        own = [time - begin for time in times if begin <= time < begin + 100]
        assert own == pytest.approx(np.arange(len(own)) * 0.5, abs=0.002)
        assert len(own) >= 69
    assert (summary.pauses, summary.pause_s) == (4, pytest.approx(4 * 64))
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir() if path.is_file()}
    monkeypatch.setattr(stream, "PIECE_S", 40.0)
    summary, _ = heard(folder, settings, tmp_path / "pieces")
    assert len(summary.plan.pieces) > 1
    pieces = {path.name: path.read_bytes() for path in (tmp_path / "pieces").iterdir() if path.is_file()}
    assert pieces["detections.csv"] == one["detections.csv"]


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("wav", ("WAV", "PCM_16")),
        ("wav", ("RF64", "PCM_24")),
        ("flac", ("FLAC", "PCM_16")),
        ("ogg", ("OGG", "VORBIS")),
        ("aiff", ("AIFF", "PCM_16")),
    ],
)
def test_each_recording_is_opened_once_to_plan(
    ending: str, kind: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        path = tmp_path / f"A_{BEGIN + timedelta(seconds=8 * number):%Y%m%d_%H%M%S}.{ending}"
        write(path, sea(8, 8000), 8000, kind)
    recordings = find_recordings([tmp_path])
    opened: Counter[str] = Counter()

    def counted(opening: Callable[..., Any]) -> Callable[..., Any]:
        def count(path: Any, *arguments: Any, **options: Any) -> Any:
            if str(path).startswith(str(tmp_path)):
                opened[str(path)] += 1
            return opening(path, *arguments, **options)

        return count

    for module, name in ((os, "open"), (io, "open"), (builtins, "open")):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    plan = plan_replay(recordings)
    monkeypatch.undo()
    assert (plan.joined, plan.streams) == (3, 1)
    assert opened == {recording.file: 1 for recording in recordings}
