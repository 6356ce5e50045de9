"""The command line's frame: light imports, help, errors as sentences, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile as sf

import edge_daemon.cli as command_line
from edge_daemon import __version__
from edge_daemon.cli import COMMANDS, INTERRUPTED, invoke
from edge_daemon.errors import AudioError, ConfigError
from edge_daemon.system.compiled_library import library_path


def modules_after(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after some code."""
    report = f"{code}\nimport sys; sys.stderr.write('|'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stderr.split("|"))


HEAVY = {"numpy", "rich", "pydantic", "onnxruntime", "soundfile", "soxr", "yaml", "torch", "scipy", "multiprocessing"}


def test_importing_the_command_line_is_light() -> None:
    loaded = modules_after("import edge_daemon.cli")
    assert "click" in loaded
    assert not loaded & HEAVY


def test_help_and_version_are_light() -> None:
    for words in (["--help"], ["--version"]):
        loaded = modules_after(f"from edge_daemon.cli import invoke; assert invoke({words}) == 0")
        assert not loaded & HEAVY


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_with_light_help(name: str) -> None:
    loaded = modules_after(f"from edge_daemon.cli import invoke; assert invoke([{name!r}, '--help']) == 0")
    assert not loaded & {"numpy", "onnxruntime", "soundfile", "torch", "scipy"}


@pytest.mark.slow
def test_replaying_needs_neither_torch_nor_scipy() -> None:
    loaded = modules_after("import edge_daemon.replay.run, edge_daemon.backends.onnx")
    assert "onnxruntime" in loaded
    assert not {name.split(".")[0] for name in loaded} & {"torch", "scipy", "train", "export", "onnx", "sklearn"}


NOT_FOR_A_WAV_FILE = {
    *("torch", "scipy", "multiprocessing", "rich", "yaml", "sounddevice", "paho"),
    "soxr",  # another rate than the model's
    "edge_daemon.config",
    "edge_daemon.live",
    "edge_daemon.report",
    "edge_daemon.detection.document",  # of a detection
    "edge_daemon.audio.decoding.framed",  # FLAC, MP3, Ogg
    "edge_daemon.audio.decoding.flac",
    "edge_daemon.audio.decoding.mpeg",
    "edge_daemon.audio.decoding.ogg",
    "edge_daemon.replay.output",  # --output
    "edge_daemon.replay.finished_pieces",
    "edge_daemon.replay.resume",
    "edge_daemon.replay.processes",  # --jobs
    "edge_daemon.replay.cluster",  # --dask
    "edge_daemon.replay.stream_run",  # recordings that follow each other
    "edge_daemon.replay.stream_events",
    "edge_daemon.replay.received_levels",  # a calibrated hydrophone
}


def test_replaying_a_wav_file_loads_what_it_needs_alone(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    sf.write(path, 0.1 * np.random.default_rng(1).standard_normal(8000), 2000)
    loaded = modules_after(f"from edge_daemon.cli import invoke; assert invoke(['replay', {str(path)!r}]) == 0")
    assert {"edge_daemon.replay.hearing", "edge_daemon.audio.decoding.plain"} <= loaded
    assert ("onnxruntime" in loaded) is not library_path().exists()  # one of the two scores
    assert not loaded & NOT_FOR_A_WAV_FILE


NOT_FOR_EVERY_DAEMON = {
    *("http.server", "wsgiref", "html", "edge_daemon.health.prometheus"),  # health.prometheus_port
    *("edge_daemon.live.page_feed", "edge_daemon.live.orders_desk", "edge_daemon.position.receiver"),  # their sections
    "edge_daemon.mqtt.home_assistant",
    *("statistics", "numpy.ma", "numpy.random"),
}


@pytest.mark.slow
def test_a_daemon_does_not_hold_what_it_does_not_use() -> None:
    parts = ("cli.run", "live.config_file", "live.daemon", "live.dependencies")
    loaded = modules_after("; ".join(f"import edge_daemon.{part}" for part in parts))
    assert {"edge_daemon.live.assembly", "edge_daemon.checks.run", "edge_daemon.mqtt.publisher"} <= loaded
    assert not loaded & NOT_FOR_EVERY_DAEMON


def test_placing_a_call_in_its_band_loads_no_masked_arrays() -> None:
    band = "event_band_hz(np.eye(5, dtype=np.uint8), np.arange(10.0).reshape(5, 2))"  # np.median would load them
    loaded = modules_after(f"import numpy as np; from edge_daemon.detection.call_band import event_band_hz; {band}")
    assert "edge_daemon.detection.call_band" in loaded
    assert "numpy.ma" not in loaded


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"edge-daemon {__version__}\n"


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--help"]) == 0
    printed = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert name in printed
        assert line.split()[0] in printed


@pytest.mark.parametrize("words", [["nonsense"], ["--nonsense"], ["replay", "--jobs", "x"], ["model", "nonsense"]])
def test_wrong_words_are_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(words) == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (AudioError("It is broken.", "Mend it."), 1, "edge-daemon: It is broken.\n  Mend it.\n"),
        (ConfigError("Wrong."), 2, "edge-daemon: Wrong.\n"),
        (KeyboardInterrupt(), INTERRUPTED, "\nInterrupted.\n"),
    ],
)
def test_errors_are_sentences(
    error: BaseException,
    code: int,
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line.cli, "get_command", lambda _ctx, _name: fail)
    assert invoke(["fail"]) == code
    assert capsys.readouterr().err == printed


def test_a_command_gives_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def some_failed() -> int:
        return 1

    monkeypatch.setattr(command_line.cli, "get_command", lambda _ctx, _name: some_failed)
    assert invoke(["some-failed"]) == 1


def test_a_reader_that_went_away_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edge_daemon", "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""
