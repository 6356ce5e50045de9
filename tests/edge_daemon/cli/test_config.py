"""`edge-daemon config`, and `edge-daemon watch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.checks import run as checkup
from edge_daemon.checks.verdict import Verdict
from edge_daemon.cli import invoke
from edge_daemon.cli.watch import line
from edge_daemon.config import load, load_text


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    file = tmp_path / "c.yaml"
    assert invoke(["config", "init", "--profile", "bench", "--output", str(file)]) == 0
    return file


def test_init_writes_a_file_that_checks_and_is_never_replaced_unasked(
    bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(bench).config.log.level == "debug"
    assert invoke(["config", "check", "--syntax", str(bench)]) == 0
    assert "is well-formed" in capsys.readouterr().out
    assert invoke(["config", "init", "--output", str(bench)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert invoke(["config", "init", "--force", "--profile", "drone", "--output", str(bench)]) == 0
    assert load(bench).config.detection.hop_s == 0.25


@pytest.mark.parametrize("output", [[], ["--output", "-"]])
def test_init_prints_without_a_file(output: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["config", "init", "--profile", "buoy", *output]) == 0
    assert load_text(capsys.readouterr().out.encode()).config.mqtt.bytes_per_hour == 500_000


def test_a_bad_file_gives_exit_code_2_its_line_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\nmqtt: {prot: 1}\n")
    for command in (["check"], ["check", "--syntax"], ["show"]):
        assert invoke(["config", *command, str(file)]) == 2
        assert f"{file}:2:8: mqtt.prot is not a known key. Did you mean `port`?" in capsys.readouterr().err
    assert invoke(["config", "check", "--json", str(file)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["good"] is False
    assert document["problems"][0]["line"] == 2


def test_check_gives_a_verdict_per_line_and_exit_code(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = {"a": Verdict("a", "ok", "fine"), "b": Verdict("b", "warning", "hm", "Think.")}
    monkeypatch.setattr(checkup, "checkup", lambda _config, _checks: iter(verdicts.values()))
    assert invoke(["config", "check", str(bench)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "ok       a        fine",
        "WARNING  b        hm",
        "                  Think.",
    ]
    verdicts["c"] = Verdict("c", "failed", "no", "Mend it.")
    assert invoke(["config", "check", "--json", str(bench)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["good"] is False
    assert document["verdicts"][-1] == {"name": "c", "state": "failed", "text": "no", "hint": "Mend it."}


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["version"]


def test_show_tells_origins_and_hides_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "user").write_text("topsecret")
    (tmp_path / "user").chmod(0o600)
    monkeypatch.setenv("BROKER", "shore")
    file = tmp_path / "c.yaml"
    file.write_text(f'version: 1\nmqtt:\n  host: ${{ENV:BROKER}}\n  username: "${{FILE:{tmp_path}/user}}"\n')
    assert invoke(["config", "show", "--changed", str(file)]) == 0
    out = capsys.readouterr().out
    assert [row.split()[:2] for row in out.splitlines()] == [
        ["version", "1"],
        ["mqtt.host", "shore"],
        ["mqtt.username", "(secret)"],
    ]
    assert f"{file}:3, environment variable BROKER" in out
    assert "topsecret" not in out
    assert invoke(["config", "show", "--json", str(file)]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["mqtt.port"] == {"key": "mqtt.port", "value": "", "origin": "default"}


def test_credentials_are_found_by_hand_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    file = tmp_path / "c.yaml"
    file.write_text('version: 1\nmqtt: {username: "${CREDENTIAL:user}"}\n')
    assert invoke(["config", "check", "--syntax", str(file)]) == 2
    assert f"{tmp_path}/user" in capsys.readouterr().err
    (tmp_path / "user").write_text("whale")
    (tmp_path / "user").chmod(0o600)
    assert invoke(["config", "check", "--syntax", str(file)]) == 0
    assert invoke(["config", "show", "--changed", str(file)]) == 0
    assert "credential user" in capsys.readouterr().out


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


def test_watch_says_how_the_device_is() -> None:
    document: dict[str, Any] = {"state": "warning", "reasons": ["a", "b"], "detections": 3, "windows": {"scored": 70}}
    text = line("p/buoy-7/health", json.dumps(document).encode())
    assert text.split(maxsplit=2) == ["buoy-7", "health", "warning: a; b (detections 3, windows scored 70)"]
    text = line("p/buoy-7/health", json.dumps(document | {"state": "ok", "reasons": []}).encode())
    assert text.split(maxsplit=2)[2] == "ok (detections 3, windows scored 70)"
    gaps = [{"cause": "stall", "seconds": 60.2}, {"cause": "tail", "seconds": 1.0}]
    document = {"listened_s": 3538.8, "period_s": 3600.0, "end_utc": "2026-11-24T12:00:00.000000Z", "gaps": gaps}
    text = line("p/buoy-7/effort", json.dumps(document).encode())
    assert text.split(maxsplit=2)[2] == "listened 3539 s of 3600 s up to 2026-11-24 12:00: stall 60 s, tail 1 s"
    assert line("p/buoy-7/status", b"online").split() == ["buoy-7", "status", "online"]
    assert "not understood" in line("p/buoy-7/health", b"{}")


def test_watch_names_the_option_whose_password_file_everybody_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    assert invoke(["watch", "--username", "a", "--password-file", str(secret)]) == 2
    assert f"--password-file names {secret}, which every user of this machine can read." in capsys.readouterr().err


@pytest.mark.parametrize("payload", [b"\xff\x00", b"[]", b"{}", b'{"begin_utc": 3}', b"null"])
def test_watch_survives_whatever_comes(payload: bytes) -> None:
    assert "not understood" in line("p/b/detections", payload)
    assert line("x", payload)


def test_watch_refuses_impossible_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["watch", "--port", "0"]) == 2
    assert "port" in capsys.readouterr().err
