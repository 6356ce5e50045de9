"""`edge-daemon config` and its checks, and `edge-daemon watch`."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from edge_daemon import checkup
from edge_daemon.checkup import Verdict, check_broker, check_clock, check_device, check_folders, check_model
from edge_daemon.cli import run
from edge_daemon.cli.watch import line
from edge_daemon.config import Config, load, load_text
from edge_daemon.errors import BackendError


def config_of(text: str) -> Config:
    return load_text(b"version: 1\n" + text.encode(), {}).config


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    file = tmp_path / "c.yaml"
    assert run(["config", "init", "--profile", "bench", "--output", str(file)]) == 0
    return file


def test_init_writes_a_file_that_checks_and_is_never_replaced_unasked(
    bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(bench).config.log.level == "debug"
    assert run(["config", "check", "--syntax", str(bench)]) == 0
    assert "is well-formed" in capsys.readouterr().out
    assert run(["config", "init", "--output", str(bench)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["config", "init", "--force", "--profile", "drone", "--output", str(bench)]) == 0
    assert load(bench).config.detection.hop_s == 0.25


def test_init_prints_without_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "init", "--profile", "buoy"]) == 0
    assert load_text(capsys.readouterr().out.encode()).config.mqtt.bytes_per_hour == 500_000


def test_init_asks_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["buoy", "buoy-07", "2", 96_000, "shore.example", "", "whale", "/run/secret"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(click, "prompt", lambda *_args, **_keys: next(answers))
    monkeypatch.setattr(click, "confirm", lambda *_args, **_keys: True)
    file = tmp_path / "new" / "c.yaml"
    assert run(["config", "init", "--output", str(file)]) == 0
    config = load(file).config
    assert (config.device.id, config.audio.device, config.audio.rate) == ("buoy-07", 2, 96_000)
    assert (config.mqtt.host, config.mqtt.tls.enabled, config.mqtt.username) == ("shore.example", True, "whale")
    assert config.mqtt.password_file == Path("/run/secret")
    assert "config check" in capsys.readouterr().out


def test_a_bad_file_gives_exit_code_2_its_line_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\nmqtt: {prot: 1}\n")
    for command in (["check"], ["check", "--syntax"], ["show"]):
        assert run(["config", *command, str(file)]) == 2
        assert f"{file}:2:8: mqtt.prot is not a known key. Did you mean `port`?" in capsys.readouterr().err
    assert run(["config", "check", "--json", str(file)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["good"] is False
    assert document["problems"][0]["line"] == 2


def test_check_gives_a_verdict_per_line_and_exit_code(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = {"a": Verdict("a", "ok", "fine"), "b": Verdict("b", "warning", "hm")}
    monkeypatch.setattr(checkup, "checkup", lambda _config: iter(verdicts.values()))
    assert run(["config", "check", str(bench)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["ok       a        fine", "WARNING  b        hm"]
    verdicts["c"] = Verdict("c", "failed", "no")
    assert run(["config", "check", "--json", str(bench)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["good"] is False
    assert document["verdicts"][-1] == {"name": "c", "state": "failed", "text": "no"}


def test_a_check_that_fails_is_a_verdict_and_the_others_go_on() -> None:
    def broken(_config: Config) -> Verdict:
        raise BackendError("It is broken.", "Mend it.")

    def unreadable(_config: Config) -> Verdict:
        raise PermissionError(13, "Permission denied")

    found = list(checkup.checkup(Config(), {"x": broken, "y": unreadable, "z": check_clock}))
    assert found[0] == Verdict("x", "failed", "It is broken. Mend it.")
    assert found[1] == Verdict("y", "failed", "Permission denied")
    assert found[2].name == "clock"


def test_model_check_loads_and_refuses(tmp_path: Path) -> None:
    assert check_model(Config()).state == "ok"
    bad = check_model(config_of("detection: {hop_s: 0.50005}"))
    assert bad == Verdict("model", "failed", "detection.hop_s is not a whole number of samples at 2000 Hz")
    (tmp_path / "m.onnx").write_bytes(b"nonsense")
    config = config_of(f"model: {{path: {tmp_path}/m.onnx}}")
    (verdict,) = checkup.checkup(config, {"model": check_model})
    assert verdict.state == "failed"
    (verdict,) = checkup.checkup(config_of("backend: {name: nosuch}"), {"model": check_model})
    assert "nosuch" in verdict.text


def test_folder_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def folders(path: Path, extra: str = "") -> Verdict:
        return check_folders(config_of(f"storage: {{folder: {path}}}\n{extra}"))

    assert folders(tmp_path).state == "ok"
    assert folders(tmp_path / "a" / "b") == Verdict("folders", "ok", f"{tmp_path}/a/b can be made")
    assert not (tmp_path / "a").exists()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(checkup, "free_mb", lambda _folder: 10.0)
    assert folders(tmp_path, "clips: {min_free_mb: 11}").state == "warning"
    assert folders(tmp_path, "clips: {min_free_mb: 11, enabled: false}").state == "ok"
    (tmp_path / "file").touch()
    assert folders(tmp_path / "file").text == f"{tmp_path}/file is not a folder"
    assert folders(Path("/proc/x")).state == "failed"


def test_pipe_check(tmp_path: Path) -> None:
    import os

    fifo = tmp_path / "p"
    text = f"audio: {{source: pipe, rate: 8000, pipe: {fifo}}}"
    assert "mkfifo" in check_device(config_of(text)).text
    os.mkfifo(fifo)
    assert check_device(config_of(text)).state == "ok"
    assert check_device(config_of("audio: {source: pipe, rate: 8000}")).state == "skipped"


def test_broker_check_without_a_broker(tmp_path: Path) -> None:
    assert check_broker(config_of("mqtt: {enabled: false}")).state == "skipped"
    verdict = check_broker(config_of("mqtt: {host: 127.0.0.1, port: 1}"))
    assert verdict == Verdict("broker", "failed", "127.0.0.1:1: connection refused")
    config = config_of("mqtt: {username: u, password_file: /no/such}")
    (verdict,) = checkup.checkup(config, {"broker": check_broker})
    assert "/no/such, which does not exist" in verdict.text


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["version"]


def test_show_tells_origins_and_hides_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "user").write_text("topsecret")
    (tmp_path / "user").chmod(0o600)
    monkeypatch.setenv("BROKER", "shore")
    file = tmp_path / "c.yaml"
    file.write_text(f'version: 1\nmqtt:\n  host: ${{ENV:BROKER}}\n  username: "${{FILE:{tmp_path}/user}}"\n')
    assert run(["config", "show", "--changed", str(file)]) == 0
    out = capsys.readouterr().out
    assert [row.split()[:2] for row in out.splitlines()] == [
        ["version", "1"],
        ["mqtt.host", "shore"],
        ["mqtt.username", "(secret)"],
    ]
    assert f"{file}:3, environment variable BROKER" in out
    assert "topsecret" not in out
    assert run(["config", "show", "--json", str(file)]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["mqtt.port"] == {"key": "mqtt.port", "value": "", "origin": "default"}


# watch

DETECTION = {
    "begin_utc": "2009-03-29T12:15:03.250000Z",
    "begin_s": 3.25,
    "end_s": 4.75,
    "device": "buoy-7",
    "label": "up_call",
    "peak_score": 0.9731,
    "low_hz": 95.0,
    "high_hz": 185.2,
    "clock": "synchronised",
}


def test_watch_prints_a_detection_on_a_line() -> None:
    text = line("p/buoy-7/detections", json.dumps(DETECTION).encode())
    assert text.split() == [
        *("2009-03-29", "12:15:03.250", "buoy-7", "up_call", "score", "0.973", "1.5", "s"),
        *("95-185", "Hz", "synchronised"),
    ]
    text = line("p/b/detections", json.dumps(DETECTION | {"begin_utc": None, "low_hz": None}).encode())
    assert text.startswith("3.250 s")
    assert "Hz" not in text


@pytest.mark.parametrize("payload", [b"\xff\x00", b"[]", b"{}", b'{"begin_utc": 3}', b"null"])
def test_watch_survives_whatever_comes(payload: bytes) -> None:
    assert "not understood" in line("p/b/detections", payload)
    assert line("x", payload)


def test_watch_refuses_impossible_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "--port", "0"]) == 2
    assert "port" in capsys.readouterr().err
