"""Bad configurations through the whole program: one clear sentence with key and line, exit code 2, no traceback.

Two kinds. What is wrong in the file itself is told by the loader: its examples stand in
`tests/edge_daemon/config/test_bad.py` and go through the command line here. What only shows when the daemon reaches for
what the file names (a model, a credential, a folder, a sound card) is tried on the real program, each in a process.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_daemon.cli import invoke
from edge_daemon.model.model_file import default_model_path

IN_THE_FILE = runpy.run_path(str(Path(__file__).parents[1] / "edge_daemon" / "config" / "test_bad.py"))["BAD"]
COMMANDS = (["run"], ["config", "check"], ["config", "show"])


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """`run` sets up the program's log, which other tests want as it was."""
    logger = logging.getLogger("edge_daemon")
    before = (list(logger.handlers), logger.propagate, logger.level)
    yield
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


@pytest.mark.parametrize(("text", "key", "line", "column", "part"), IN_THE_FILE, ids=range(len(IN_THE_FILE)))
def test_wrong_in_the_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    key: str,
    line: int,
    column: int,
    part: str,
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    file = tmp_path / "c.yaml"
    file.write_text(text)
    for command in COMMANDS:
        assert invoke([*command, str(file)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        lines = [told.removeprefix("edge-daemon: ") for told in err.splitlines()]
        mine = [told for told in lines if told.startswith(f"{file}:{line}:{column}: {key or 'the file'} ")]
        assert len(mine) == 1, err
        # a command by hand looks for credentials beside the file, too
        by_hand = part.replace("systemd did not pass it on", "does not exist")
        assert part in mine[0] or by_hand in mine[0]


@dataclass
class Bad:
    """A configuration that is wrong about the world.

    Attributes:
        key: path of the key that is to blame.
        sections: what is in the file, beside what all have; `{}` is the scratch folder.
        part: regular expression that the sentence must match.
        prepare: makes what the file names.
    """

    key: str
    sections: dict[str, dict[str, Any]]
    part: str
    prepare: Callable[[Path], object] = field(default=lambda _folder: None)


def copy_of_model(folder: Path, damage: int) -> None:
    content = bytearray(default_model_path().read_bytes())
    content[damage] ^= 0x40
    (folder / "m.onnx").write_bytes(content)


def secret(folder: Path, mode: int = 0o600) -> None:
    (folder / "secret").write_text("s")
    (folder / "secret").chmod(mode)


def certificates(folder: Path) -> None:
    for name in ("one", "other"):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
        subprocess.run(
            [*command, "-keyout", f"{name}.key", "-out", f"{name}.crt"], cwd=folder, check=True, capture_output=True
        )


BROKER = {"host": "localhost"}
NOT_THERE = r"/nowhere/at/all.*(does not exist|[Nn]o such file)"
ABOUT_THE_WORLD = {
    "no model": Bad("model.path", {"model": {"path": "/nowhere/at/all.onnx"}}, NOT_THERE),
    "model is a folder": Bad("model.path", {"model": {"path": "{}"}}, "(not a file|directory|folder)"),
    "model is a text": Bad(
        "model.path", {"model": {"path": "{}/m"}}, "model", lambda folder: (folder / "m").write_text("hello")
    ),
    "model is empty": Bad(
        "model.path", {"model": {"path": "{}/m"}}, "model", lambda folder: (folder / "m").write_text("")
    ),
    "model is cut short": Bad(
        "model.path",
        {"model": {"path": "{}/m"}},
        "model",
        lambda folder: (folder / "m").write_bytes(default_model_path().read_bytes()[:50_000]),
    ),
    "model has a rotten bit": Bad(
        "model.path", {"model": {"path": "{}/m.onnx"}}, "model", lambda folder: copy_of_model(folder, 60_000)
    ),
    "no such backend": Bad("backend.name", {"backend": {"name": "quantum"}}, "no backend named 'quantum'.*onnx"),
    "no such fallback": Bad(
        "backend.fallback", {"backend": {"name": "event", "fallback": "quantum"}}, "no backend named 'quantum'.*onnx"
    ),
    "no such option": Bad("backend.options", {"backend": {"options": {"wings": 2}}}, "wings"),
    "hop beyond the window": Bad("detection.hop_s", {"detection": {"hop_s": 3.0}}, "window"),
    "hop between samples": Bad("detection.hop_s", {"detection": {"hop_s": 0.33333}}, "samples"),
    "low threshold above the model's": Bad(
        "detection.threshold_low", {"detection": {"threshold_low": 1.0}}, "above.*threshold"
    ),
    "event longer than the longest": Bad(
        "detection.max_length_s", {"detection": {"min_windows": 100, "max_length_s": 2.0}}, "100 windows"
    ),
    "no password file": Bad(
        "mqtt.password_file", {"mqtt": {**BROKER, "username": "u", "password_file": "/nowhere/at/all"}}, NOT_THERE
    ),
    "password file is a folder": Bad(
        "mqtt.password_file", {"mqtt": {**BROKER, "username": "u", "password_file": "{}"}}, "(not a file|directory)"
    ),
    "password for everybody": Bad(
        "mqtt.password_file",
        {"mqtt": {**BROKER, "username": "u", "password_file": "{}/secret"}},
        "every user.*chmod 600",
        lambda folder: secret(folder, 0o644),
    ),
    "password is no text": Bad(
        "mqtt.password_file",
        {"mqtt": {**BROKER, "username": "u", "password_file": "{}/secret"}},
        "not UTF-8",
        lambda folder: (secret(folder), (folder / "secret").write_bytes(b"\xff\xfe\xfd")),
    ),
    "credential without systemd": Bad(
        "mqtt.password_credential",
        {"mqtt": {**BROKER, "username": "u", "password_credential": "mqtt-password"}},
        "mqtt-password.*systemd.*LoadCredential",
    ),
    "no authority": Bad(
        "mqtt.tls.ca_file", {"mqtt": {**BROKER, "tls": {"enabled": True, "ca_file": "/nowhere/at/all"}}}, NOT_THERE
    ),
    "authority is no certificate": Bad(
        "mqtt.tls.ca_file",
        {"mqtt": {**BROKER, "tls": {"enabled": True, "ca_file": "{}/secret"}}},
        "no certificate.*PEM",
        secret,
    ),
    "no certificate": Bad(
        "mqtt.tls.certificate_file",
        {"mqtt": {**BROKER, "tls": {"enabled": True, "certificate_file": "/nowhere/at/all", "key_file": "{}/one.key"}}},
        NOT_THERE,
        certificates,
    ),
    "no key": Bad(
        "mqtt.tls.key_file",
        {"mqtt": {**BROKER, "tls": {"enabled": True, "certificate_file": "{}/one.crt", "key_file": "/nowhere/at/all"}}},
        NOT_THERE,
        certificates,
    ),
    "key of another certificate": Bad(
        "mqtt.tls.certificate_file",
        {"mqtt": {**BROKER, "tls": {"enabled": True, "certificate_file": "{}/one.crt", "key_file": "{}/other.key"}}},
        "not a certificate and its key",
        certificates,
    ),
    "storage below a file": Bad(
        "storage.folder",
        {"storage": {"folder": "{}/secret/state"}},
        "(not a folder|[Nn]ot a directory)",
        secret,
    ),
    "storage is a file": Bad("storage.folder", {"storage": {"folder": "{}/secret"}}, "not a folder", secret),
    "storage where nobody may make one": Bad(
        "storage.folder", {"storage": {"folder": "/proc/edge-daemon"}}, "cannot be written"
    ),
    "pipe is a file": Bad("audio.pipe", {"audio": {"pipe": "{}/secret"}}, "not a named pipe.*mkfifo", secret),
    "pipe is a folder": Bad("audio.pipe", {"audio": {"pipe": "{}"}}, "not a (named )?pipe.*mkfifo"),
}


def write(folder: Path, bad: Bad) -> Path:
    """The configuration, with all that is not to blame in order."""
    (folder / "state").mkdir()
    os.mkfifo(folder / "hydrophone")
    bad.prepare(folder)
    document: dict[str, Any] = {
        "version": 1,
        "audio": {"source": "pipe", "pipe": "{}/hydrophone", "rate": 2000},
        "storage": {"folder": "{}/state"},
        "clips": {"min_free_mb": 0.0},
    }
    for name, section in bad.sections.items():
        document[name] = {**document.get(name, {}), **section}
    file = folder / "c.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False).replace("{}", str(folder)))
    return file


def line_of(file: Path, key: str) -> int:
    """Line on which the key stands; of a section whose key is not given, 0."""
    parts = key.split(".")
    depth = 0
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.startswith("  " * depth + parts[depth] + ":"):
            depth += 1
            if depth == len(parts):
                return number
    return 0


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_daemon", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it was not refused: {err[-2000:]}")
    return process.returncode, out, err


def is_one_clear_sentence(file: Path, key: str, part: str, code: int, err: str) -> None:
    assert "Traceback" not in err, err
    assert code == 2, err
    told = [line for line in err.splitlines() if re.match(rf"(edge-daemon: )?{re.escape(str(file))}:\d+", line)]
    assert len(told) == 1, err
    match = re.match(rf"(?:edge-daemon: )?{re.escape(str(file))}:(\d+):\d+: {re.escape(key)} (.+)", told[0])
    assert match is not None, err
    assert int(match[1]) == line_of(file, key), err
    text = " ".join(err[err.index(told[0]) :].split())
    assert re.search(part, text), err


@pytest.mark.slow
@pytest.mark.timeout(30)  # what is not refused goes on for ever
@pytest.mark.parametrize("name", ABOUT_THE_WORLD)
def test_wrong_about_the_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    bad = ABOUT_THE_WORLD[name]
    file = write(tmp_path, bad)
    code = invoke(["run", str(file)])
    is_one_clear_sentence(file, bad.key, bad.part, code, capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model has a rotten bit", "no password file", "storage below a file"])
def test_the_program_ends_with_code_2(tmp_path: Path, name: str) -> None:
    bad = ABOUT_THE_WORLD[name]
    file = write(tmp_path, bad)
    code, out, err = finish(start("run", str(file)))
    assert out == ""
    is_one_clear_sentence(file, bad.key, bad.part, code, err)


def refusal(file: Path, err: str) -> str:
    """What `run` says, hint included, without the place."""
    match = re.search(rf"^(?:edge-daemon: )?{re.escape(str(file))}:\d+:\d+: (.+)$", err, re.MULTILINE)
    assert match is not None, err
    return match[1]


def failures(out: str) -> list[str]:
    """What `config check --json` reports as failed, each with its hint."""
    verdicts = json.loads(out)["verdicts"]
    return [f"{verdict['text']} {verdict['hint']}".rstrip() for verdict in verdicts if verdict["state"] == "failed"]


@pytest.mark.parametrize("text", [row[0] for row in IN_THE_FILE], ids=range(len(IN_THE_FILE)))
def test_start_and_check_agree_on_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))  # else `check` looks beside the file
    file = tmp_path / "c.yaml"
    file.write_text(text)
    assert invoke(["run", str(file)]) == 2
    started = capsys.readouterr()
    assert invoke(["config", "check", str(file)]) == 2
    assert capsys.readouterr() == started
    assert invoke(["config", "check", "--json", str(file)]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert len(problems) == len(started.err.splitlines())
    assert all(problem["text"] in started.err for problem in problems)


@pytest.mark.slow
@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", ABOUT_THE_WORLD)
def test_start_and_check_agree_about_the_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    file = write(tmp_path, ABOUT_THE_WORLD[name])
    assert invoke(["run", str(file)]) == 2
    refused = refusal(file, capsys.readouterr().err)
    assert invoke(["config", "check", "--json", str(file)]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert refused in failures(out)
    assert invoke(["config", "check", str(file)]) == 1
    assert refused in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_start_and_check_agree_on_several_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two things are wrong: the start tells the first, and `config check` both."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    rng, seen = random.Random(14), 0
    while seen < 10:
        one, other = (ABOUT_THE_WORLD[name] for name in rng.sample(sorted(ABOUT_THE_WORLD), 2))
        checks = {key.split(".")[0].replace("detection", "model") for key in (one.key, other.key)}
        if len(checks) == 1:
            continue  # one check tells the first that it finds
        seen += 1
        folder = tmp_path / str(seen)
        folder.mkdir()
        one.prepare(folder)
        file = write(folder, Bad("", {**one.sections, **other.sections}, "", other.prepare))
        assert invoke(["run", str(file)]) == 2
        refused = refusal(file, capsys.readouterr().err)
        assert invoke(["config", "check", "--json", str(file)]) == 1
        failed = failures(capsys.readouterr().out)
        assert refused in failed
        for bad in (one, other):
            assert any(text.startswith(f"{bad.key} ") and re.search(bad.part, text) for text in failed), (bad, failed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "key", "part"),
    [
        ({"rate": 1_000_000}, "audio.rate", "1000000 Hz"),
        ({"rate": 16_000, "channel": 60}, "audio.channel", "channel"),
    ],
)
def test_impossible_of_the_sound_card(
    microphone: Any, tmp_path: Path, settings: dict[str, int], key: str, part: str
) -> None:
    """A card that is there and cannot do what is asked is a refusal, with what it can do."""
    microphone.start()
    bad = Bad(key, {"audio": {"source": "soundcard", "pipe": None, "rate": None, "device": "vmic", **settings}}, part)
    folder = tmp_path / "bad"
    folder.mkdir()
    file = write(folder, bad)
    code, _, err = finish(start("run", str(file), env=microphone.environment))
    is_one_clear_sentence(file, key, part, code, err)
    _, out, _ = finish(start("config", "check", "--json", str(file), env=microphone.environment))
    assert refusal(file, err) in failures(out)


@pytest.mark.slow
def test_prometheus_port_that_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra `prometheus`")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bad = Bad("health.prometheus_port", {"health": {"prometheus_port": taken.getsockname()[1]}}, "in use")
        file = write(tmp_path, bad)
        code, _, err = finish(start("run", str(file)))
        _, out, _ = finish(start("config", "check", "--json", str(file)))
    is_one_clear_sentence(file, bad.key, bad.part, code, err)
    running = "If the daemon is running, it uses the port: stop it before you check."
    assert f"{refusal(file, err)} {running}" in failures(out)


@pytest.mark.parametrize("what", ["absent", "folder", "no text"])
def test_no_configuration_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    file = tmp_path / "c.yaml"
    if what == "folder":
        file.mkdir()
    elif what == "no text":
        file.write_bytes(b"\xff\xfe\x00")
    for command in COMMANDS:
        assert invoke([*command, str(file)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert str(file) in err
