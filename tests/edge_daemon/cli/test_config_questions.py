"""`config init` asking: the questionnaire with given answers, and the real command on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_daemon.cli import config_questions
from edge_daemon.cli.config_questions import Questionnaire
from edge_daemon.cli.former_answers import former_answers
from edge_daemon.config import Config, load, load_text
from edge_daemon.config.template import template

ROOT = Path(__file__).parents[3]
START = {("device", "id"): "host", ("mqtt", "host"): "localhost"}


@pytest.fixture
def answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Config, str]]:
    """Answers all questions in order; gives the configuration and what was said. An unasked answer is an error."""

    def answer(*answers: str) -> tuple[Config, str]:
        left = list(answers)

        def prompt(_question: str, default: str) -> str:
            return left.pop(0) or default

        monkeypatch.setattr(config_questions, "_prompt", prompt)
        monkeypatch.setattr(config_questions, "_confirm", lambda _question: left.pop(0) == "y")
        monkeypatch.setattr(config_questions.click, "prompt", lambda *_a, **_k: left.pop(0))
        monkeypatch.setattr(config_questions, "_inputs", lambda: ["0 webcam", "3 Scarlett 2i2: USB (hw:1,0)"])
        questions = Questionnaire(START, tmp_path)
        questions.ask_all()
        assert left == []
        return load_text(template(questions.values).encode(), {}).config, capsys.readouterr().err

    return answer


def test_empty_answers_change_nothing(answered: Callable[..., tuple[Config, str]]) -> None:
    config, _ = answered("", "", "", "", "n", "", "n", "")
    assert config == load_text(template(START).encode(), {}).config


def test_all_answers_are_taken(answered: Callable[..., tuple[Config, str]], tmp_path: Path) -> None:
    config, said = answered(
        "buoy-7", "42.35, -70.25", "3", "96000", "y", "-170.5", "20", "2.5", "shore", "y", "/ca.crt", "whale", "secret"
    )
    assert (config.device.id, config.device.latitude, config.device.longitude) == ("buoy-7", 42.35, -70.25)
    # by name: an index may be another device's tomorrow
    assert (config.audio.device, config.audio.rate) == ("Scarlett 2i2: USB (hw:1,0)", 96_000)
    hydrophone = config.hydrophone
    assert (hydrophone.sensitivity_db, hydrophone.gain_db, hydrophone.adc_full_scale_v) == (-170.5, 20, 2.5)
    assert (config.mqtt.host, config.mqtt.tls.ca_file, config.mqtt.username) == ("shore", Path("/ca.crt"), "whale")
    assert config.mqtt.password_file == tmp_path / "mqtt-password"
    assert (tmp_path / "mqtt-password").read_text() == "secret\n"
    assert stat.S_IMODE((tmp_path / "mqtt-password").stat().st_mode) == 0o600
    assert "secret" not in said


def test_a_wrong_answer_is_told_and_asked_again(answered: Callable[..., tuple[Config, str]]) -> None:
    config, said = answered(
        *("bad name", "good-name"),
        *("42", "420 0", "north 0", "42 -70"),
        *("", "many", "7", "2000"),
        *("y", "0", "", "1", "-170", "", "x", "-170", "", "1"),
        *("", "n", ""),
    )
    assert config.device.id == "good-name"
    assert (config.device.latitude, config.audio.rate) == (42, 2000)
    assert (config.hydrophone.sensitivity_db, config.hydrophone.gain_db) == (-170, 0)
    assert [line.split(" must")[0].split(" may")[0].strip() for line in said.splitlines() if "  " in line[:2]] == [
        "device.id",
        "Enter two numbers; south and west are negative.",
        "device.latitude",
        "device.latitude",
        "0 webcam",
        "3 Scarlett 2i2: USB (hw:1,0)",
        "audio.rate",
        "audio.rate",
        "hydrophone.sensitivity_db",
        "hydrophone.adc_full_scale_v",
    ]


def test_beside_the_service_the_password_is_a_credential(
    answered: Callable[..., tuple[Config, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(config_questions, "DEFAULT_PATH", tmp_path / "config.yaml")
    (tmp_path / "mqtt-password").write_text("there already")
    config, said = answered("", "", "", "", "n", "", "n", "whale")
    assert (config.mqtt.password_credential, config.mqtt.password_file) == ("mqtt-password", None)
    assert "The password is already in" in said
    assert (tmp_path / "mqtt-password").read_text() == "there already"


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_password_file_is_filled(
    answered: Callable[..., tuple[Config, str]], tmp_path: Path, content: str
) -> None:
    """The installer makes one, for root to fill in."""
    secret = tmp_path / "mqtt-password"
    secret.write_text(content)
    secret.chmod(0o644)
    _, said = answered("", "", "", "", "n", "", "n", "whale", "hunter2")
    assert "already" not in said
    assert secret.read_text() == "hunter2\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_link_in_the_passwords_place_is_not_followed(
    answered: Callable[..., tuple[Config, str]], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    (tmp_path / "mqtt-password").symlink_to(elsewhere)
    _, said = answered("", "", "", "", "n", "", "n", "whale", "hunter2")
    assert elsewhere.read_text() == ""
    assert "cannot be written" in said


FORMER = """\
version: 1
device: {id: buoy-7, name: Old North, latitude: 42.35, longitude: -70.25}
audio:
  device: USB
  rate: ${ENV:RATE}
hydrophone: {sensitivity_db: -170, gain_db: 20, adc_full_scale_v: 2.5}
mqtt:
  host: shore
  username: '${CREDENTIAL:user}'
  password_credential: mqtt-password
  tls: {enabled: true, ca_file: ca.pem}
detection: {threshold: 0.8}
"""


@pytest.fixture
def former(tmp_path: Path) -> Path:
    for name, content in (("user", "whale"), ("mqtt-password", "s3cret")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    path = tmp_path / "config.yaml"
    path.write_text(FORMER)
    return path


def environment(folder: Path) -> dict[str, str]:
    return {"CREDENTIALS_DIRECTORY": str(folder), "RATE": "48000"}


def test_former_answers_are_taken_over_with_their_references(former: Path) -> None:
    values = former_answers(former, environment(former.parent))
    assert values["mqtt", "username"] == "${CREDENTIAL:user}"
    text = template(values)
    assert "rate: ${ENV:RATE}" in text
    again = load_text(text.encode(), environment(former.parent), former).config
    assert again == load(former, environment(former.parent)).config


def test_what_cannot_be_used_is_told_and_the_rest_taken_over(former: Path, capsys: pytest.CaptureFixture[str]) -> None:
    former.write_text(FORMER.replace("threshold: 0.8", "threshold: 8"))
    (former.parent / "user").unlink()
    values = former_answers(former, environment(former.parent))
    assert ("detection", "threshold") not in values
    assert ("mqtt", "username") not in values
    assert values["device", "name"] == "Old North"
    said = capsys.readouterr().err
    assert "detection.threshold is not taken over" in said
    assert "mqtt.username is not taken over" in said
    former.write_bytes(bytes(100))
    assert former_answers(former, {}) == {}


class Terminal:
    """The real command on a pseudo-terminal."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.said = ""
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge_daemon", "config", "init", *arguments],
            cwd=folder, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        os.close(slave)

    def answer(self, question: str, text: str) -> None:
        """Wait for the question, then type."""
        self._read_until(question)
        os.write(self._master, text.encode() + b"\n")

    def interrupt(self, question: str) -> None:
        """Wait for the question, then press Ctrl-C."""
        self._read_until(question)
        time.sleep(0.5)  # between prompt and reading, Python's readline would sleep over it
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        self._read_until(None)
        os.close(self._master)
        return self.process.wait(20)

    def _read_until(self, words: str | None) -> None:
        new = ""
        end = time.monotonic() + 30
        while words is None or words not in new or not new.rstrip(" ").endswith(":"):
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{words!r} never came: {self.said}"
            try:
                piece = os.read(self._master, 4096).decode()
            except OSError:  # Linux's way to say that the other side is closed
                piece = ""
            if not piece:
                assert words is None, f"ended before {words!r}: {self.said}"
                return
            new += piece
            self.said += piece


@pytest.mark.slow
def test_the_real_command_asks_on_a_terminal(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.answer("File to write", "new/c.yaml")
    terminal.answer("Profile", "drone")
    terminal.answer("Name of this device", "drone 1")
    terminal.answer("may have only letters", "drone-1")
    terminal.answer("Position", "42.35 -70.25")
    terminal.answer("Sound input", "hydrophone")
    terminal.answer("Sampling rate", "48000")
    terminal.answer("calibrated", "y")
    terminal.answer("Sensitivity", "-170")
    terminal.answer("Gain", "")
    terminal.answer("full-scale", "2")
    terminal.answer("Broker", "")
    terminal.answer("TLS", "")
    terminal.answer("User name", "whale")
    terminal.answer("Password", "hunter2")
    assert terminal.end() == 0, terminal.said
    assert "hunter2" not in terminal.said
    config = load(tmp_path / "new" / "c.yaml").config
    assert (config.device.id, config.device.latitude, config.detection.hop_s) == ("drone-1", 42.35, 0.25)
    assert (config.audio.device, config.audio.rate) == ("hydrophone", 48_000)
    assert (config.hydrophone.sensitivity_db, config.hydrophone.adc_full_scale_v) == (-170, 2)
    assert config.mqtt.password_file == tmp_path / "new" / "mqtt-password"
    assert (tmp_path / "new" / "mqtt-password").read_text() == "hunter2\n"


@pytest.mark.slow
def test_force_on_a_terminal_begins_with_the_former_answers(former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(former.parent).items():
        monkeypatch.setenv(name, value)
    before = load(former).config
    terminal = Terminal(former.parent, "--output", "config.yaml", "--force")
    for question in ("Name of this device", "Position", "Sound input", "Sampling rate", "calibrated", "Sensitivity",
                     "Gain", "full-scale", "Broker", "TLS", "certificate authority"):  # fmt: skip
        terminal.answer(question, "")
    terminal.answer("User name", "")
    assert terminal.end() == 0, terminal.said
    assert "The password is already in" in terminal.said
    assert load(former).config == before
    terminal = Terminal(former.parent, "--output", "config.yaml", "--force")
    terminal.answer("[buoy-7]", "buoy-8")
    terminal.answer("Position", "-")
    terminal.answer("Sound input", "-")
    terminal.answer("Sampling rate", "44100")
    terminal.answer("[Y/n]", "n")
    terminal.answer("Broker", "")
    terminal.answer("[Y/n]", "n")
    terminal.answer("User name", "-")
    assert terminal.end() == 0, terminal.said
    config = load(former).config
    assert (config.device.id, config.device.latitude, config.audio.device, config.audio.rate) == (
        "buoy-8", None, before.__class__().audio.device, 44_100,
    )  # fmt: skip
    assert not config.hydrophone.calibrated
    assert (config.mqtt.tls.enabled, config.mqtt.username, config.mqtt.password_credential) == (False, None, None)
    assert config.detection.threshold == 0.8  # what is not asked stays


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "--output", "c.yaml")
    terminal.answer("Profile", "")
    terminal.interrupt("Name of this device")
    assert terminal.end() == 130
    assert "Interrupted." in terminal.said
    assert list(tmp_path.iterdir()) == []
