"""Replay with a tiny model: the same bytes however the work is spread, and what happens to bad recordings."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from edge_daemon import tables as tables_room
from edge_daemon.audio.start_time import parse_start
from edge_daemon.backends.registry import create
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.errors import ConfigError, ModelError, StorageError
from edge_daemon.model.frontend import FrontEnd
from edge_daemon.model.model_file import ModelFile
from edge_daemon.replay import processes
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.run import Summary, heard_here, replay
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import replay_recording, thread_detector
from edge_daemon.tables.format import format_names


def noise(seconds: float, rate: int, seed: int) -> np.ndarray:
    """Noise with sweeps, so that the tiny model finds something here and there."""
    time_s = np.arange(round(seconds * rate)) / rate
    sound = 0.01 * np.random.default_rng(seed).standard_normal(len(time_s))
    for begin in np.arange(1.0, seconds - 1, 3.7):
        inside = (time_s >= begin) & (time_s < begin + 1)
        local = time_s[inside] - begin
        sound[inside] += 0.05 * np.sin(2 * np.pi * (100 * local + 50 * local**2))
    return sound


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of several kinds, two of the same name, and one that is none."""
    folder = tmp_path_factory.mktemp("archive")
    for sub in ("one", "two"):
        (folder / sub).mkdir()
    soundfile.write(folder / "one" / "sea.wav", noise(40, 2000, 1), 2000, "PCM_24")
    soundfile.write(folder / "two" / "sea.wav", noise(25, 8000, 2), 8000)
    soundfile.write(folder / "20090329_121500.flac", noise(31.3, 11025, 3), 11025)
    soundfile.write(folder / "short.wav", noise(2.1, 2000, 4)[:1500], 2000)
    (folder / "broken.wav").write_bytes(b"RIFF and nothing else")
    return folder


def run(archive: Path, output: Path, settings: ReplaySettings, jobs: int = 1) -> tuple[Summary, dict[str, bytes]]:
    with ReplayOutput(output, scores=True) as tables:
        summary = replay(find_recordings([archive]), settings, jobs=jobs, output=tables)
    return summary, contents(output)


def contents(output: Path) -> dict[str, bytes]:
    """The tables; of the folder for what is finished only that it is there."""
    return {path.name: b"" if path.is_dir() else path.read_bytes() for path in sorted(output.iterdir())}


@pytest.fixture(scope="module")
def settings(tiny_model: Path) -> ReplaySettings:
    return ReplaySettings(DetectorSettings(tiny_model), scores=True)


@pytest.fixture(scope="module")
def plain(
    archive: Path, settings: ReplaySettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Summary, dict[str, bytes]]:
    """What one process writes."""
    return run(archive, tmp_path_factory.mktemp("plain"), settings)


def test_files_written(plain: tuple[Summary, dict[str, bytes]]) -> None:
    assert set(plain[1]) == {
        "detections.csv",
        "detections.jsonl",
        "scores.csv",
        "selections.txt",
        "failures.csv",
        ".replay",
        *(
            f"{name}.{kind}.txt"
            for name in ("20090329_121500", "one__sea.wav", "two__sea.wav", "short")
            for kind in ("selections", "labels")
        ),
    }


def test_the_summary(plain: tuple[Summary, dict[str, bytes]]) -> None:
    summary, files = plain
    assert (summary.recordings, summary.failed, summary.taken, summary.without_utc) == (5, 1, 0, 3)
    assert summary.seconds == pytest.approx(40 + 25 + 31.3 + 0.75, abs=1e-4)
    # windows of 2 s every 0.5 s: 77 + 47 + 59, and one filled up with zeros
    assert summary.windows == 77 + 47 + 59 + 1
    assert summary.detections == len(files["detections.jsonl"].splitlines())
    assert summary.detections >= 3
    assert dict(summary.lost_s) == {"tail": pytest.approx(0.3, abs=1e-3)}
    assert set(summary.stage_ns) == {"read", "resample", "front end", "inference", "events"}


def test_tables_agree_with_each_other(plain: tuple[Summary, dict[str, bytes]]) -> None:
    files = plain[1]
    documents = [json.loads(line) for line in files["detections.jsonl"].splitlines()]
    rows = list(csv.DictReader(files["detections.csv"].decode().splitlines()))
    assert [d["id"] for d in documents] == [r["id"] for r in rows]
    assert len({d["id"] for d in documents}) == len(documents)
    selections = [line.split("\t") for line in files["one__sea.wav.selections.txt"].decode().splitlines()[1:]]
    ours = [d for d in documents if d["file"].endswith("one/sea.wav")]
    assert ours
    assert [float(s[3]) for s in selections] == [(d["call"] or d)["begin_s"] for d in ours]
    assert [s[15] for s in selections] == [d["id"] for d in ours]
    assert [s[8] for s in selections] == ["sea.wav"] * len(ours)
    assert files["one__sea.wav.labels.txt"].count(b"\n") == len(ours)


def test_scores_are_those_of_front_end_and_network(
    plain: tuple[Summary, dict[str, bytes]], archive: Path, tiny_model: Path
) -> None:
    rows = [r for r in csv.DictReader(plain[1]["scores.csv"].decode().splitlines()) if "one" in r["file"]]
    sound, _ = soundfile.read(archive / "one" / "sea.wav", dtype="float32")
    starts = np.arange(0, len(sound) - 4000 + 1, 1000)
    model_file = ModelFile.read(tiny_model)
    windows = np.stack([sound[s : s + 4000] for s in starts])
    expected = create(model_file).infer(FrontEnd(model_file.metadata.frontend).batch(windows)[0])
    assert [float(r["begin_s"]) * 2000 for r in rows] == starts.tolist()
    assert [float(r["end_s"]) * 2000 for r in rows] == (starts + 4000).tolist()
    np.testing.assert_array_equal(np.array([np.float32(r["score"]) for r in rows]), expected.score)


def test_utc_comes_from_the_name(plain: tuple[Summary, dict[str, bytes]]) -> None:
    dated = [r for r in csv.DictReader(plain[1]["scores.csv"].decode().splitlines()) if "2009" in r["file"]]
    assert [r["utc"] for r in dated[:2]] == ["2009-03-29T12:15:00.000000Z", "2009-03-29T12:15:00.500000Z"]
    documents = [json.loads(line) for line in plain[1]["detections.jsonl"].splitlines()]
    assert {document["begin_utc"] is None for document in documents} == {True, False}
    for document in documents:
        assert (document["begin_utc"] is not None) == ("2009" in document["file"])
        if document["begin_utc"] is not None:
            assert document["clock"] == "file_name"
            begin = datetime.fromisoformat(document["begin_utc"]) - datetime(2009, 3, 29, 12, 15, tzinfo=UTC)
            assert begin.total_seconds() == document["begin_s"]


@pytest.mark.parametrize("changes", [{"batch": 1}, {"batch": 7, "block_s": 0.11}, {"batch": 200, "block_s": 60.0}])
def test_batches_and_blocks_do_not_show(
    archive: Path,
    settings: ReplaySettings,
    plain: tuple[Summary, dict[str, bytes]],
    tmp_path: Path,
    changes: dict[str, float],
) -> None:
    _, files = run(archive, tmp_path, dataclasses.replace(settings, **changes))
    assert files == plain[1]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [2, 3])
def test_jobs_do_not_show(
    archive: Path, settings: ReplaySettings, plain: tuple[Summary, dict[str, bytes]], tmp_path: Path, jobs: int
) -> None:
    summary, files = run(archive, tmp_path, settings, jobs)
    assert files == plain[1]
    assert summary.windows == plain[0].windows


def test_the_start_that_the_user_gives(archive: Path, settings: ReplaySettings) -> None:
    chosen = dataclasses.replace(settings, start=parse_start("2020-01-01T00:00:00Z"))
    result = replay_recording(find_recordings([archive / "one" / "sea.wav"])[0], chosen)
    assert result.start_utc_ns == 1577836800 * 10**9
    assert {d.clock for d in result.detections()} == {"given"}
    assert all(d.begin_utc is not None and d.begin_utc.startswith("2020-01-01T00:00:") for d in result.detections())


def test_a_bad_recording_is_a_sentence(archive: Path, settings: ReplaySettings) -> None:
    result = replay_recording(find_recordings([archive / "broken.wav"])[0], settings)
    assert result.error is not None
    assert "broken.wav" in result.error
    assert list(result.detections()) == []


def test_a_channel_that_is_not_there_is_a_sentence(archive: Path, settings: ReplaySettings) -> None:
    result = replay_recording(find_recordings([archive / "short.wav"])[0], dataclasses.replace(settings, channel=2))
    assert result.error is not None
    assert "channel" in result.error


def test_a_recording_cut_short_is_replayed_with_a_warning(tmp_path: Path, settings: ReplaySettings) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, noise(30, 2000, 5), 2000)
    path.write_bytes(path.read_bytes()[:-20_000])  # 5 s of 16-bit sound
    result = replay_recording(find_recordings([path])[0], settings)
    assert result.error is None
    assert [defect.kind for defect in result.defects] == ["cut_short"]
    assert result.read_s == pytest.approx(25.0)
    assert result.lost_s == {"read_error": pytest.approx(5.0)}
    assert result.windows == 47


def test_a_surprise_in_one_recording_is_a_sentence(
    archive: Path, settings: ReplaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("boo")

    monkeypatch.setattr("edge_daemon.replay.task.FileSource", surprise)
    result = replay_recording(find_recordings([archive / "short.wav"])[0], settings)
    assert result.error is not None
    assert "RuntimeError: boo" in result.error


def test_channels(tmp_path: Path, settings: ReplaySettings) -> None:
    left, right = noise(20, 2000, 6), noise(20, 2000, 7)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), 2000, "FLOAT")
    soundfile.write(tmp_path / "right.wav", right, 2000, "FLOAT")
    second = replay_recording(find_recordings([tmp_path / "two.wav"])[0], dataclasses.replace(settings, channel=2))
    alone = replay_recording(find_recordings([tmp_path / "right.wav"])[0], settings)
    np.testing.assert_array_equal(second.scores, alone.scores)
    assert {d.channel for d in second.detections()} == {2}


def test_a_model_that_is_none_ends_the_run_before_it_begins(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        replay(find_recordings([archive]), ReplaySettings(DetectorSettings(tmp_path / "no.onnx")))


@pytest.mark.parametrize("hop", [0.0, 2.1, -1.0])
def test_impossible_hops_are_refused(tiny_model: Path, hop: float) -> None:
    with pytest.raises(ConfigError, match="hop"):
        thread_detector(DetectorSettings(tiny_model, hop_s=hop))


def test_formats(archive: Path, settings: ReplaySettings, tmp_path: Path) -> None:
    with ReplayOutput(tmp_path / "new" / "folder", ["audacity"]) as tables:
        replay(find_recordings([archive / "short.wav"]), settings, output=tables)
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == ["short.labels.txt"]


DEMO = """
from edge_daemon.tables.format import RecordingFormat
FORMAT = RecordingFormat(".demo", lambda file, detections, sound: file.write(f"{sound.name} {len(list(detections))}"))
"""


def test_a_new_format_is_one_new_file(
    archive: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, output = tmp_path / "tables", tmp_path / "output"
    folder.mkdir()
    (folder / "detections_demo.py").write_text(DEMO)
    monkeypatch.setattr(tables_room, "__path__", [*tables_room.__path__, str(folder)])
    with ReplayOutput(output) as tables:
        replay(find_recordings([archive / "short.wav"]), settings, output=tables)
    assert format_names() == ("audacity", "audacity_boxes", "csv", "demo", "jsonl", "raven", "raven_run")
    assert (output / "short.demo").read_text() == "short.wav 0"
    assert {p.name for p in output.iterdir()} == {
        *("short.demo", "short.labels.txt", "short.selections.txt", "selections.txt"),
        *("detections.csv", "detections.jsonl"),
    }


def test_an_error_leaves_no_table_of_the_run(archive: Path, settings: ReplaySettings, tmp_path: Path) -> None:
    def interrupted() -> None:
        with ReplayOutput(tmp_path, scores=True) as tables:
            tables.write(replay_recording(find_recordings([archive / "short.wav"])[0], settings))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["short.labels.txt", "short.selections.txt"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be created"), ReplayOutput(tmp_path / "file" / "folder"):
        pass


def test_progress_reaches_the_end(archive: Path, settings: ReplaySettings) -> None:
    recordings = find_recordings([archive / "one", archive / "two"])
    told: list[float] = []
    assert len(list(heard_here([Piece.of(one) for one in recordings], settings, 1, told.append))) == 2
    assert told == sorted(told)
    assert told[-1] == sum(recording.size for recording in recordings)
    assert len(told) > 4


class Reaper(threading.Thread):
    """Kills worker processes of this process as they appear."""

    def __init__(self, most: int) -> None:
        super().__init__(daemon=True)
        self.killed: set[int] = set()
        self._most = most
        self._ended = threading.Event()

    def run(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(0.01) and len(self.killed) < self._most:
            for child in me.children():
                try:
                    fresh = child.pid not in self.killed and len(self.killed) < self._most
                    if fresh and "--multiprocessing-fork" in child.cmdline():
                        child.kill()
                        self.killed.add(child.pid)
                except psutil.Error:
                    pass  # it has ended by itself

    def stop(self) -> None:
        self._ended.set()
        self.join()


@pytest.fixture
def reaper(request: pytest.FixtureRequest) -> Iterator[Reaper]:
    thread = Reaper(request.param)
    thread.start()
    yield thread
    thread.stop()


@pytest.mark.slow
@pytest.mark.parametrize("reaper", [1], indirect=True)
def test_a_killed_worker_loses_nothing(
    archive: Path, settings: ReplaySettings, plain: tuple[Summary, dict[str, bytes]], tmp_path: Path, reaper: Reaper
) -> None:
    _, files = run(archive, tmp_path, settings, jobs=2)
    assert len(reaper.killed) == 1
    assert files == plain[1]


@pytest.mark.slow
def test_a_worker_of_a_pool_that_is_given_up_leaves() -> None:
    context = get_context("spawn")
    held, leash = context.Pipe(duplex=False)
    shared = (context.Value("d", 0.0), context.Event(), held)
    with ProcessPoolExecutor(1, context, processes._begin_worker, shared) as pool:
        asleep = pool.submit(time.sleep, 60.0)
        leash.close()
        with pytest.raises(BrokenProcessPool):
            asleep.result(timeout=30)


@pytest.mark.parametrize("reaper", [1000], indirect=True)
def test_a_recording_that_kills_its_process_is_reported(
    archive: Path, settings: ReplaySettings, reaper: Reaper
) -> None:
    recordings = find_recordings([archive / "one", archive / "short.wav"])
    heard = list(heard_here([Piece.of(one) for one in recordings], settings, 2, lambda _done: None))
    ended = [result for one in heard for result in one.results]
    assert [r.recording for r in ended] == list(recordings) != []
    assert all(r.error is not None and "crashed" in r.error for r in ended)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jobs", "number"), [(1, signal.SIGINT), (2, signal.SIGINT), (1, signal.SIGTERM), (2, signal.SIGTERM)]
)
def test_an_interrupt_ends_cleanly(tiny_model: Path, tmp_path: Path, jobs: int, number: signal.Signals) -> None:
    sounds, output = tmp_path / "in", tmp_path / "out"
    sounds.mkdir()
    soundfile.write(sounds / "a.wav", noise(3, 2000, 8), 2000)
    for name in ("b.wav", "c.wav"):
        soundfile.write(sounds / name, noise(1200, 2000, 9), 2000)
    # whoever started the tests in the background of a shell has Ctrl-C ignored, and children inherit that
    command = ["env", "--default-signal=INT", sys.executable, "-m", "edge_daemon", "replay", str(sounds)]
    command += ["--model", str(tiny_model), "--output", str(output), "--hop", "0.02", "--scores", "--jobs", str(jobs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not (output / "a.selections.txt").exists() and time.monotonic() < until:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        os.killpg(process.pid, number)  # as a terminal does: to all of the group
        _, errors = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 128 + number
    advice = f"Finished recordings are kept in {output}: run the same command to continue."
    assert errors.decode().strip() == f"Interrupted. {advice}"
    assert sorted(p.name for p in output.iterdir()) == [".replay", "a.labels.txt", "a.selections.txt"]
    assert [p.suffix for p in (output / ".replay").iterdir()] == [".json"]
