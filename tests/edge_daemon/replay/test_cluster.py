"""What a cluster answers, and what is made of it; the real cluster is in tests/integration/test_replay_cluster.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_daemon import __version__
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.errors import EdgeDaemonError, ModelError
from edge_daemon.model.model_file import ModelFile, default_model_path
from edge_daemon.replay.cluster import ClusterError, _check_workers, _Run, _sendable, _work
from edge_daemon.replay.piece import Piece
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.result import ReplayResult
from edge_daemon.replay.settings import ReplaySettings

distributed = pytest.importorskip("distributed", reason="needs distributed (extra `cluster`)")


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    path = tmp_path / "sea.wav"
    path.write_bytes(b"RIFF")
    return Recording(str(path), "sea.wav", "sea", 4)


def answer(result: Callable[[], Any], recording: Recording) -> ReplayResult:
    run = _Run(
        None,
        "tcp://there",
        [Piece.of(recording)],
        ReplaySettings(DetectorSettings(Path("m.onnx"))),
        "",
        lambda _: None,
        lambda _: None,
    )
    (heard,) = run._taken(SimpleNamespace(result=result), Piece.of(recording)).results
    return heard


def thrown(error: BaseException) -> Callable[[], Any]:
    def throw() -> Any:
        raise error

    return throw


def test_a_recording_that_takes_workers_with_it(recording: Recording) -> None:
    worker = SimpleNamespace(address="tcp://there:1")
    killed = distributed.scheduler.KilledWorker("task", worker, 3)
    assert answer(thrown(killed), recording).error == "'sea.wav' crashed every worker that replayed it."


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (ModelError("Another model."), ModelError, "Another model."),
        (OSError("gone"), ClusterError, r"connection to the cluster tcp://there is lost"),
        (distributed.CancelledError("x"), ClusterError, r"connection to the cluster tcp://there is lost"),
        (ZeroDivisionError("oh"), ClusterError, r"A worker failed on 'sea.wav' \(ZeroDivisionError: oh\)"),
    ],
)
def test_what_ends_the_run(
    recording: Recording, error: BaseException, kind: type[EdgeDaemonError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        answer(thrown(error), recording)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        ((__version__, False), r"The worker tcp://w does not see '.*sea\.wav'"),
        (("0.0.1", True), rf"The worker tcp://w has edge-daemon 0\.0\.1, this machine has {__version__}"),
    ],
)
def test_workers_that_cannot_do_it(recording: Recording, seen: tuple[str, bool], sentence: str) -> None:
    with pytest.raises(ClusterError, match=sentence):
        _check_workers(SimpleNamespace(run=lambda *_: {"tcp://w": seen}), recording)


def test_workers_without_the_program(recording: Recording) -> None:
    client = SimpleNamespace(run=lambda *_: thrown(ModuleNotFoundError("No module named 'edge_daemon'"))())
    with pytest.raises(ClusterError, match=r"cannot run edge-daemon \(No module named 'edge_daemon'\)"):
        _check_workers(client, recording)


def test_workers_that_can(recording: Recording) -> None:
    _check_workers(SimpleNamespace(run=lambda look, path: {"tcp://w": look(path)}), recording)


def test_the_model_inside_the_package_is_each_machines_own(recording: Recording) -> None:
    sent = _sendable(ReplaySettings())
    assert sent.detector.model != default_model_path()
    (result,) = _work(Piece.of(recording), sent, ModelFile.read(default_model_path()).digest).results
    assert "not a sound file" in (result.error or "")
    assert _sendable(ReplaySettings(DetectorSettings(Path("m.onnx")))).detector.model == Path.cwd() / "m.onnx"
