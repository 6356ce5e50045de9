"""`edge-daemon run` as a program of its own: signals, exit codes, and what it refuses at once."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.checks.run import check_start
from edge_daemon.cli import invoke
from edge_daemon.config import load
from edge_daemon.errors import ConfigError
from edge_daemon.storage.folder_lock import lock_folder

BASE = """\
version: 1
device: {id: buoy-7}
audio: {source: pipe, pipe: hydrophone, rate: 2000, sample_format: float32, ring_s: 60}
mqtt: {enabled: false}
storage: {folder: state}
clips: {min_free_mb: 0}
"""


class Program:
    """`edge-daemon run` with a named pipe as its hydrophone."""

    def __init__(self, folder: Path, config: str = BASE) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.config.write_text(config + self.endpoint)
        os.mkfifo(folder / "hydrophone")
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_daemon", "run", str(self.config)], stdin=subprocess.DEVNULL, stderr=log
            )

    @property
    def endpoint(self) -> str:
        """The line that opens the Prometheus endpoint."""
        return f"health: {{prometheus_port: {self.port}, interval_s: 60}}\n"

    def says(self, text: str) -> None:
        """Wait until the log holds this."""
        end = time.monotonic() + 60
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def play(self, sound: NDArray[np.float32]) -> None:
        """Play samples ten times as fast as they are."""
        with (self.folder / "hydrophone").open("wb", buffering=0) as pipe:
            for begin in range(0, len(sound), 2000):
                pipe.write(sound[begin : begin + 2000].astype("<f4").tobytes())
                time.sleep(0.1)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait(20)


@pytest.mark.slow
def test_signals(program: Program, sample: NDArray[np.float32]) -> None:
    program.says("started")
    program.play(sample[: 16 * 2000])
    program.says("detection id=")
    program.config.write_text(
        BASE + program.endpoint.replace("60", "5") + "log: {level: debug}\nschedule: {mode: always}\n"
    )
    program.process.send_signal(signal.SIGHUP)
    program.says("health.interval_s changed old=60 new=5")
    with urlopen(f"http://127.0.0.1:{program.port}/metrics", timeout=10) as page:
        told = page.read().decode()
    assert re.search(r"^edge_daemon_windows_scored [1-9]", told, re.MULTILINE)
    program.config.write_text(BASE.replace("rate: 2000", "rate: 4000"))
    program.process.send_signal(signal.SIGHUP)
    program.says("audio.rate changed in the file; restart the daemon to apply it kept=2000")
    program.config.write_text("version: 1\nnonsense: 3\n")
    program.process.send_signal(signal.SIGHUP)
    program.says("was not applied")
    began = time.monotonic()
    program.process.terminate()
    assert program.process.wait(20) == 0
    assert time.monotonic() - began < 5.0
    log = program.log.read_text()
    assert "Traceback" not in log
    with closing(sqlite3.connect(program.folder / "state" / "outbox.db")) as outbox:
        stored = [json.loads(row[0])["id"] for row in outbox.execute("SELECT payload FROM message")]
    assert len(stored) == log.count("detection id=") >= 1
    assert all(identity in log for identity in stored)


@pytest.mark.slow
def test_one_daemon_to_a_folder(program: Program, capfd: pytest.CaptureFixture[str]) -> None:
    program.says("started")
    assert invoke(["run", str(program.config)]) == 2
    told = capfd.readouterr().err.splitlines()
    place = f"{program.config}:5:19: storage.folder names {program.folder}/state"
    assert told[-1].startswith(
        f"edge-daemon: {place}, which another edge-daemon is using (process {program.process.pid})."
    )
    program.process.kill()  # the lock goes with the process
    program.process.wait(20)
    lock = lock_folder(program.folder / "state")
    assert lock is not None
    lock.close()


def test_a_folder_that_cannot_be_written_is_occupied_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert lock_folder(tmp_path / "file" / "state") is None


@pytest.mark.slow
def test_standard_input_that_ends_ends_the_program(tmp_path: Path, sample: NDArray[np.float32]) -> None:
    (tmp_path / "config.yaml").write_text(BASE.replace("pipe: hydrophone, ", ""))
    ended = subprocess.run(
        [sys.executable, "-m", "edge_daemon", "run", str(tmp_path / "config.yaml")],
        input=sample[: 16 * 2000].astype("<f4").tobytes(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    assert b"detection id=" in ended.stderr


REFUSED: dict[str, tuple[str, str]] = {
    "no model": (
        "model: {path: nowhere.onnx}",
        "7:15: model.path names FOLDER/nowhere.onnx, which does not exist."
        " Models inside the package: right_whale, right_whale_portable.",
    ),
    "a folder": ("model: {path: .}", "7:15: model.path names FOLDER, which is not a file."),
    "too long a name": (f"model: {{path: {'x' * 300}.onnx}}", "7:15: model.path names "),
    "no model of ours": ("model: {path: config.yaml}", "7:15: model.path cannot be used: FOLDER/config.yaml: "),
    "backend": ("backend: {name: quantum}", "7:17: backend.name cannot be used: There is no backend named 'quantum'."),
    "fallback": ("backend: {fallback: quantum}", "7:21: backend.fallback cannot be used: There is no backend"),
    "options": (
        "backend: {options: {colour: red}}",
        "7:20: backend.options cannot be used: Option 'colour' of backend 'onnx': ",
    ),
    "long hop": (
        "detection: {hop_s: 3}",
        "7:20: detection.hop_s is 3 s, longer than the model's windows of 2 s. Sound between windows would go unheard.",
    ),
    "odd hop": (
        "detection: {hop_s: 0.3333}",
        "7:20: detection.hop_s is 0.3333 s, which is not a whole number of samples at the model's 2000 Hz."
        " The nearest possible hop is 0.3335 s.",
    ),
    "low threshold": ("detection: {threshold_low: 1.0}", "7:28: detection.threshold_low is 1, above the model's"),
}


def refused(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_start(load(path), {})
    assert caught.value.exit_code == 2
    return str(caught.value).replace(str(folder), "FOLDER").removeprefix("FOLDER/config.yaml:").strip()


@pytest.mark.parametrize("case", REFUSED)
def test_what_only_a_person_can_mend_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    line, sentence = REFUSED[case]
    assert refused(tmp_path, BASE + line).startswith(sentence)


def mqtt(**keys: Any) -> str:
    text = BASE.replace("mqtt: {enabled: false}\n", "")
    return text + "mqtt:\n" + "".join(f"  {name}: {value}\n" for name, value in keys.items())


def test_secrets_and_certificates(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(stat.S_IRUSR | stat.S_IROTH)
    told = refused(tmp_path, mqtt(username="buoy", password_file=secret))
    assert told.startswith("8:18: mqtt.password_file names FOLDER/secret, which every user of this machine can read.")
    told = refused(tmp_path, mqtt(username="buoy", password_credential="mqtt"))  # noqa: S106 - its name
    assert told.startswith(
        "8:24: mqtt.password_credential refers to the credential mqtt, but systemd did not pass it on"
    )
    told = refused(tmp_path, mqtt(tls="{enabled: true, ca_file: nowhere.crt}"))
    assert told == "7:33: mqtt.tls.ca_file names FOLDER/nowhere.crt, which does not exist."
    told = refused(tmp_path, mqtt(tls="{enabled: true, ca_file: secret}"))
    assert told.startswith("7:33: mqtt.tls.ca_file names FOLDER/secret, which holds no certificate")


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert refused(tmp_path, BASE) == "5:19: storage.folder names FOLDER/state, but FOLDER/state is not a folder."


def test_a_key_that_the_file_does_not_give_has_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_daemon.detection.detector.default_model_path", lambda: tmp_path / "lost.onnx")
    assert refused(tmp_path, BASE) == (
        "model.path cannot be used: The model FOLDER/lost.onnx cannot be read: No such file or directory."
        " Check the path. Models inside the package: right_whale, right_whale_portable."
    )


def test_the_command_line_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make_file: Callable[[str], Path]
) -> None:
    (tmp_path / "hydrophone").write_text("no pipe")
    assert invoke(["run", str(make_file(BASE))]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == (
        f"edge-daemon: {tmp_path}/config.yaml:3:29: audio.pipe names {tmp_path}/hydrophone, which is not a named pipe."
        f" Create it: mkfifo {tmp_path}/hydrophone"
    )


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[[str], Path]:
    def make(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return make


@pytest.mark.slow
def test_a_file_spoilt_at_sea_is_survived_by_the_next_start(program: Program, sample: NDArray[np.float32]) -> None:
    program.says("started")
    kept = [*program.folder.rglob("kept-config-*.yaml")]
    end = time.monotonic() + 20
    while not kept and time.monotonic() < end:
        kept = [*program.folder.rglob("kept-config-*.yaml")]
    assert [path.read_text() for path in kept] == [program.config.read_text()]
    program.config.write_text("version: 1\ndevice: {id: buoy-7\n")
    program.process.send_signal(signal.SIGHUP)
    program.says("was not applied")
    program.process.kill()  # a power cut
    program.process.wait(20)
    with socket.create_server(("127.0.0.1", program.port)), program.log.open("wb") as log:  # and its port is taken, too
        program.process = subprocess.Popen(
            [sys.executable, "-m", "edge_daemon", "run", str(program.config)], stdin=subprocess.DEVNULL, stderr=log
        )
        program.says("started")
        program.says("the configuration file cannot be used; the last one that worked is in force: ")
        program.says(
            f"health.prometheus_port cannot be used: The Prometheus endpoint cannot listen on port {program.port}"
        )
        program.play(sample[: 16 * 2000])
        program.says("detection id=")
    program.process.terminate()
    assert program.process.wait(20) == 0
    assert "Traceback" not in program.log.read_text()
