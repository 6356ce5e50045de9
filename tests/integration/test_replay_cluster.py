"""Replay on a real dask cluster of two worker processes: killed workers, an interrupted run, and what cannot work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.cli import invoke
from edge_daemon.replay import cluster as replay_cluster
from edge_daemon.replay import stream

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
pytest.importorskip("distributed", reason="needs distributed (extra `cluster`)")

RATE = 2000
DASK = (sys.executable, "-m", "dask")
# whoever started the tests in the background of a shell has Ctrl-C ignored, and children inherit that
HEAR_INTERRUPTS = ("env", "--default-signal=INT")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def scheduler_file(self) -> Path:
        return self.folder / "scheduler.json"

    def start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*DASK, *words, "--no-dashboard", "--scheduler-file", str(self.scheduler_file)],
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                cwd=self.folder,
            )

    def start_worker(self, name: str) -> None:
        words = ["--nthreads", "1", "--no-nanny", "--name", name, "--local-directory", str(self.folder)]
        self.start(name, "worker", *words)
        until(lambda: b"Registered to" in (self.folder / f"{name}.log").read_bytes())

    def end(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        made.start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0")
        until(made.scheduler_file.exists)
        yield made
    finally:
        for name in list(made.processes):
            made.end(name)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short recordings and six long ones, so that much is left when the first are done; and one that is none."""
    folder = tmp_path_factory.mktemp("archive")
    second = np.arange(RATE) / RATE
    for place in range(8):
        sound = 0.01 * np.random.default_rng(place).standard_normal((20 if place < 2 else 150) * RATE)
        for begin in range(RATE, len(sound) - RATE, 7400):
            sound[begin : begin + RATE] += 0.05 * np.sin(2 * np.pi * (100 * second + 50 * second**2))
        soundfile.write(folder / f"2020010{place + 1}_000000.wav", sound, RATE)
    (folder / "broken.wav").write_bytes(b"RIFF and nothing else")
    return folder


def command(archive: Path, model: Path, output: Path, *more: str) -> list[str]:
    words = ["replay", str(archive), "--model", str(model), "--output", str(output), "--scores", "--hop", "0.05"]
    return [*words, *more]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def plain(archive: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process here writes."""
    folder = tmp_path_factory.mktemp("plain")
    assert invoke(command(archive, tiny_model, folder)) == 1
    return contents(folder)


def begin(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*HEAR_INTERRUPTS, sys.executable, "-m", "edge_daemon", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )


def finished(output: Path) -> int:
    return len(list((output / ".replay").glob("*.json")))


def test_a_killed_worker_does_not_show(
    cluster: Cluster, archive: Path, tiny_model: Path, plain: dict[str, bytes], tmp_path: Path
) -> None:
    cluster.start_worker("one")
    cluster.start_worker("two")
    process = begin(command(archive, tiny_model, tmp_path / "out", "--dask", str(cluster.scheduler_file)))
    until(lambda: finished(tmp_path / "out") >= 2)
    cluster.end("one")
    printed, _ = process.communicate(timeout=200)
    assert process.returncode == 1  # the broken one
    assert "1 recording could not be replayed:" in printed.decode()
    assert "taken over" not in printed.decode()
    assert contents(tmp_path / "out") == plain
    assert len(plain) == 5 + 2 * 8  # three tables of detections, scores, failures; and two of each recording


def test_a_stream_of_recordings_is_the_same_stream_there(
    cluster: Cluster, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PIECE_S", 10.0)
    sound = 0.01 * np.random.default_rng(9).standard_normal(60 * RATE)
    time_s = np.arange(RATE) / RATE
    for begin in range(RATE, len(sound) - RATE, 7400):
        sound[begin : begin + RATE] += 0.05 * np.sin(2 * np.pi * (100 * time_s + 50 * time_s**2))
    (tmp_path / "in").mkdir()
    for second in range(0, 60, 5):
        part = sound[second * RATE : (second + 5) * RATE]
        soundfile.write(tmp_path / "in" / f"20230405_1200{second:02d}.wav", part, RATE)
    words = ["replay", str(tmp_path / "in"), "--model", str(tiny_model), "--scores"]
    assert invoke([*words, "--output", str(tmp_path / "here")]) == 0
    cluster.start_worker("one")
    assert invoke([*words, "--output", str(tmp_path / "there"), "--dask", str(cluster.scheduler_file)]) == 0
    here = contents(tmp_path / "here")
    assert here["detections.jsonl"].count(b"\n") > 5
    assert contents(tmp_path / "there") == here


def test_all_workers_killed_and_new_ones_come(
    cluster: Cluster, archive: Path, tiny_model: Path, plain: dict[str, bytes], tmp_path: Path
) -> None:
    cluster.start_worker("one")
    process = begin(command(archive, tiny_model, tmp_path / "out", "--dask", str(cluster.scheduler_file)))
    until(lambda: finished(tmp_path / "out") >= 1)
    cluster.end("one")
    cluster.start_worker("two")
    process.communicate(timeout=200)
    assert process.returncode == 1
    assert contents(tmp_path / "out") == plain


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_elsewhere(
    cluster: Cluster,
    archive: Path,
    tiny_model: Path,
    plain: dict[str, bytes],
    tmp_path: Path,
    number: signal.Signals,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    cluster.start_worker("one")
    process = begin(command(archive, tiny_model, output, "--dask", str(cluster.scheduler_file)))
    until(lambda: finished(output) >= 2)
    assert process.poll() is None
    process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 128 + number, errors.decode()
    told = errors.decode().splitlines()
    assert told[-1] == f"Interrupted. Finished recordings are kept in {output}: run the same command to continue."
    assert all(line.startswith("skipped: ") for line in told[:-1])
    done = finished(output)
    assert 2 <= done < 8
    assert not [name for name in contents(output) if name.startswith((".", "detections", "scores", "failures"))]
    assert invoke(command(archive, tiny_model, output)) == 1  # here now, without the cluster
    assert f"{done} recordings taken over from an earlier run" in capsys.readouterr().out
    assert contents(output) == plain


def test_a_scheduler_that_goes(cluster: Cluster, archive: Path, tiny_model: Path, tmp_path: Path) -> None:
    cluster.start_worker("one")
    process = begin(command(archive, tiny_model, tmp_path / "out", "--dask", str(cluster.scheduler_file)))
    until(lambda: finished(tmp_path / "out") >= 1)
    cluster.end("scheduler")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"is lost" in errors
    assert b"Traceback" not in errors
    assert finished(tmp_path / "out") >= 1


def test_a_cluster_without_workers(
    cluster: Cluster,
    archive: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(replay_cluster, "_CONNECT_S", 2.0)
    words = command(archive, tiny_model, tmp_path / "out", "--dask", str(cluster.scheduler_file))
    assert invoke(words) == 1
    assert "has no workers" in capsys.readouterr().err


def test_nobody_answers(
    archive: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(replay_cluster, "_CONNECT_S", 1.0)
    assert invoke(command(archive, tiny_model, tmp_path / "out", "--dask", "tcp://127.0.0.1:1")) == 1
    assert capsys.readouterr().err.startswith("edge-daemon: No dask scheduler answers at tcp://127.0.0.1:1 (")
