"""What `config check` tries, one by one: what works, what does not, and what it then says to do."""

from __future__ import annotations

import os
import socket
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.audio.capture.device import AudioStream, DeviceInfo, Sink, StreamRequest
from edge_daemon.checks import folders as folder_check
from edge_daemon.checks import run
from edge_daemon.checks.backend import try_backend
from edge_daemon.checks.broker import _delivered, hint_for
from edge_daemon.checks.broker_trial import tried_topics
from edge_daemon.checks.clock import try_clock
from edge_daemon.checks.device import try_device
from edge_daemon.checks.position import try_position
from edge_daemon.checks.run import Check, check_start, checks, checkup, offline
from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config, load_text
from edge_daemon.errors import AudioError, BackendError, ConfigError, ConfigValueError
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.testing.machine import MemoryKernelClock
from edge_daemon.testing.sound_card import MemoryDriver


def config_of(text: str) -> Config:
    return load_text(b"version: 1\n" + text.encode(), {}).config


def only(name: str, text: str) -> Verdict:
    """The verdict of one check, its errors included."""
    (verdict,) = checkup(config_of(text), [check for check in checks({}) if check.name == name])
    return verdict


def test_a_check_that_fails_is_a_verdict_and_the_others_go_on() -> None:
    def broken(_config: Config) -> Verdict:
        raise BackendError("It is broken.", "Mend it.")

    def unreadable(_config: Config) -> Verdict:
        raise PermissionError(13, "Permission denied", "/x")

    rows = [Check("x", None, broken), Check("y", None, unreadable), Check("z", None, try_clock)]
    found = list(checkup(Config(), rows))
    assert found[0] == Verdict("x", "failed", "It is broken.", "Mend it.")
    assert found[1] == Verdict("y", "failed", "/x: Permission denied")
    assert found[2].name == "clock"


# model and backend


def test_the_shipped_model_is_good(without_kernel: Path) -> None:
    verdict = only("model", "")
    assert verdict.state == "ok"
    assert ", threshold 0." in verdict.text
    assert try_backend(Config()).text.startswith("onnx computes a window in ")


def test_what_does_not_suit_the_model_is_told_with_its_key(tmp_path: Path) -> None:
    hop = only("model", "detection: {hop_s: 0.50005}")
    assert hop.state == "failed"
    assert hop.text == "detection.hop_s is 0.50005 s, which is not a whole number of samples at the model's 2000 Hz."
    assert hop.hint == "The nearest possible hop is 0.5 s."
    low = only("model", "detection: {threshold_low: 1.0}")
    assert low.text.startswith("detection.threshold_low is 1, above the model's threshold")
    (tmp_path / "m.onnx").write_bytes(b"nonsense")
    for file in ("m.onnx", "absent.onnx"):
        verdict = only("model", f"model: {{path: {tmp_path}/{file}}}")
        assert verdict.state == "failed"
        assert str(tmp_path / file) in verdict.text
        assert only("backend", f"model: {{path: {tmp_path}/{file}}}").state == "skipped"


def test_a_backend_that_does_not_start_fails_although_a_fallback_would_run() -> None:
    verdict = only("backend", "backend: {name: loihi}")  # the model is not one for Loihi
    assert verdict.state == "failed"
    assert "cannot run the model right_whale" in verdict.text
    assert verdict.hint.startswith("The daemon would run on onnx.")
    alone = only("backend", "backend: {name: loihi, fallback: }")
    assert alone.state == "failed"
    assert alone.hint


# device

CARD = DeviceInfo(0, "hydrophone", 2, 16_000, is_default=True)


class Card(MemoryDriver):
    """Gives one block as soon as it is opened."""

    def __init__(self, samples: np.ndarray | None) -> None:  # type: ignore[type-arg]
        super().__init__([CARD])
        self.samples = samples

    def open(self, request: StreamRequest, sink: Sink) -> AudioStream:  # type: ignore[override]
        stream = super().open(request, sink)
        if self.samples is not None:
            self.feed(self.samples)
        return stream


def sine(amplitude: float) -> np.ndarray:  # type: ignore[type-arg]
    return (amplitude * np.sin(2 * np.pi * 250 * np.arange(1600) / 16_000)).astype(np.float32)


def device(driver: MemoryDriver, text: str = "audio: {block_ms: 100, stall_s: 0.3}") -> Verdict:
    by_hand = partial(try_device, driver=driver, listen_s=0.1)
    (verdict,) = checkup(config_of(text), [Check("device", None, by_hand)])
    return verdict


def test_a_device_that_sounds_is_good_and_given_back() -> None:
    driver = Card(sine(0.25))
    assert device(driver) == Verdict("device", "ok", "'hydrophone' opens: channel 1, 16000 Hz, sound of -15.1 dBFS rms")
    assert driver.stream is not None
    assert driver.stream.closed
    # int16 comes as integers, and is scaled
    whole = Card((sine(0.25) * 32_768).astype(np.int16))
    assert "-15.1 dBFS" in device(whole, "audio: {sample_format: int16, rate: 16000}").text
    assert whole.requests[0] == StreamRequest(None, rate=16_000, sample_format="int16", block=4000)


@pytest.mark.parametrize(
    ("samples", "state", "text", "hint"),
    [
        (None, "failed", "delivers no sound", "running"),
        (np.zeros(1600, np.float32), "warning", "a dead input", "audio.channel"),
        (sine(1.5), "warning", "the sound clips", "gain"),
    ],
)
def test_a_device_that_opens_may_still_be_no_hydrophone(
    samples: np.ndarray | None,  # type: ignore[type-arg]
    state: str,
    text: str,
    hint: str,
) -> None:
    verdict = device(Card(samples))
    assert verdict.state == state
    assert text in verdict.text
    assert hint in verdict.hint


def test_a_device_that_does_not_open_says_what_to_do() -> None:
    absent = device(Card(None), "audio: {device: other}")
    assert absent.text == "There is no sound input called 'other'. These were found: 0 'hydrophone'."
    assert absent.hint == "Check the cable and audio.device. `edge-daemon devices` lists the inputs."
    refused = device(Card(None), "audio: {channel: 3}")
    assert refused.text == "audio.channel cannot be used: 'hydrophone' has 2 input channels."
    taken = Card(None)
    taken.failure = AudioError("'hydrophone' can't be opened: Device unavailable.")
    assert device(taken).hint == "If the daemon is running, it uses the device: stop it before you check."
    assert device(MemoryDriver()).text == "There is no sound input."


def test_pipes(tmp_path: Path) -> None:
    fifo = tmp_path / "p"
    text = f"audio: {{source: pipe, rate: 8000, pipe: {fifo}}}"
    assert only("device", text).hint == f"Create it: mkfifo {fifo}"
    os.mkfifo(fifo)
    assert only("device", text).state == "ok"
    assert only("device", "audio: {source: pipe, rate: 8000}").state == "skipped"


# broker


def online(acknowledged: int) -> MqttReport:
    """The report of a link on which so many messages were delivered."""
    counts = dict.fromkeys(("attempts", "connections", "sent", "rejected", "in_flight", "bytes_last_hour"), 0)
    nothing = dict.fromkeys(("state_s", "last_failure", "last_rejection"))
    flags = dict.fromkeys(("held_by_budget", "downgraded"), False)
    told = {"state": "online", "broker": "localhost:1883", "protocol": "mqtt5", "acknowledged": acknowledged}
    return MqttReport.model_validate(told | counts | nothing | flags)


@pytest.mark.parametrize(
    ("limit", "form", "state"),
    [(8192, "json", "warning"), (8192, "compact", "ok"), (500_000, "json", "ok"), (None, "json", "ok")],
)
def test_a_slow_link_is_advised_the_compact_form(limit: int | None, form: str, state: str) -> None:
    config = Config.model_validate({"mqtt": {"bytes_per_hour": limit, "form": form}})
    tried = len(tried_topics(config))
    verdict = _delivered(config, online(tried))
    assert verdict.state == state
    assert ("6 calls an hour" in verdict.text) == (state == "warning")
    assert _delivered(config, online(tried - 1)).state == "failed"


def test_broker_check_without_a_broker() -> None:
    assert only("broker", "mqtt: {enabled: false}").state == "skipped"
    verdict = only("broker", "mqtt: {host: 127.0.0.1, port: 1}")
    assert verdict == Verdict(
        "broker", "failed", "127.0.0.1:1: connection refused", "Check that the broker is running, and mqtt.port."
    )
    secret = only("broker", "mqtt: {username: u, password_file: /no/such}")
    assert secret.text == "mqtt.password_file names /no/such, which does not exist."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("the certificate of b:8883 is not trusted: certificate is not yet valid", "clock"),
        ("the certificate of b:8883 is not trusted: self-signed certificate in certificate chain", "ca_file"),
        ("the certificate of b:8883 is not trusted: Hostname mismatch, certificate is not valid for 'b'.", "mqtt.host"),
        ("no TLS with b:1883: record layer failure", "8883"),
        ("b is not known: Name or service not known", "mqtt.host"),
        ("b:1883 does not answer within 10 s", "firewall"),
        ("b:1883: network is unreachable", "network"),
        ("b:8883: the broker closed the connection without an answer", "tls.enabled"),
        ("b:1883: the broker refused us: not authorized", "mqtt.username"),
        ("something new", "mqtt"),
    ],
)
def test_each_failure_of_a_broker_has_its_advice(reason: str, words: str) -> None:
    assert words in hint_for(reason)


# folders


def test_folder_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def folders(path: Path, extra: str = "") -> Verdict:
        return only("folders", f"storage: {{folder: {path}}}\n{extra}")

    assert folders(tmp_path).state == "ok"
    assert folders(tmp_path / "a" / "b") == Verdict("folders", "ok", f"{tmp_path}/a/b can be created")
    assert not (tmp_path / "a").exists()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(folder_check, "free_mb", lambda _folder: 10.0)
    few = folders(tmp_path, "clips: {min_free_mb: 11}")
    assert few.state == "warning"
    assert "less than clips.min_free_mb (11)" in few.text
    assert folders(tmp_path, "clips: {min_free_mb: 11, enabled: false}").state == "ok"
    (tmp_path / "file").touch()
    assert (
        folders(tmp_path / "file").text == f"storage.folder names {tmp_path}/file, but {tmp_path}/file is not a folder."
    )
    unwritable = folders(Path("/proc/x"))
    assert unwritable.state == "failed"
    assert unwritable.hint.startswith("Create it and give it to the daemon's user")
    assert folders(tmp_path / ("a" * 300)).text.endswith("cannot be written: File name too long.")
    with pytest.raises(ConfigError, match=r"storage\.folder names .*File name too long"):
        check_start(load_text(f"version: 1\nstorage: {{folder: {tmp_path}/{'a' * 300}}}\n".encode(), {}), {})


def test_a_file_of_another_user_in_the_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "effort.db").touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "effort.db")
    verdict = only("folders", f"storage: {{folder: {tmp_path}}}")
    assert verdict.state == "failed"
    assert verdict.text.startswith(f"{tmp_path}/effort.db cannot be written by ")


# endpoint


def test_endpoint_check() -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra `prometheus`")
    assert only("endpoint", "").state == "skipped"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        verdict = only("endpoint", f"health: {{prometheus_port: {port}}}")
    assert verdict.state == "failed"
    assert verdict.text.startswith("health.prometheus_port cannot be used: ")
    assert f"port {port}" in verdict.text
    assert verdict.hint.endswith("If the daemon is running, it uses the port: stop it before you check.")
    assert only("endpoint", f"health: {{prometheus_port: {port}}}").state == "ok"


def test_an_endpoint_without_its_package_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_daemon.checks.endpoint.find_spec", lambda _name: None)
    loaded = load_text(b"version: 1\nmqtt: {enabled: false}\nhealth: {prometheus_port: 9100}\n", {})
    with pytest.raises(ConfigError) as caught:
        check_start(loaded, {})
    assert str(caught.value).startswith("-:3:27: health.prometheus_port needs the package prometheus-client")
    (verdict,) = checkup(loaded.config, [check for check in checks({}) if check.name == "endpoint"])
    assert str(caught.value).endswith(f"{verdict.text} {verdict.hint}")
    check_start(load_text(b"version: 1\nmqtt: {enabled: false}\n", {}), {})


# the list


def test_what_a_check_raises_is_refused_at_the_start_and_reported_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_config: Config) -> None:
        raise ConfigValueError("mqtt.port", "is wrong", "Mend it.")

    rows = (Check("good", None, try_clock), Check("bad", refuse, lambda _config: pytest.fail("it was refused")))
    monkeypatch.setattr(run, "checks", lambda _environment: rows)
    with pytest.raises(ConfigError) as caught:
        check_start(load_text(b"version: 1\nmqtt: {port: 7}\n", {}), {})
    assert str(caught.value) == "-:2:14: mqtt.port is wrong. Mend it."
    assert list(checkup(Config(), rows))[1] == Verdict("bad", "failed", "mqtt.port is wrong.", "Mend it.")


def test_a_check_changes_nothing(tmp_path: Path) -> None:
    text = f"version: 1\nstorage: {{folder: {tmp_path}/state}}\nmqtt: {{enabled: false}}\n"
    check_start(load_text(text.encode(), {}), {})
    assert list(tmp_path.iterdir()) == []


def test_offline_nothing_is_tried_that_needs_a_network_or_a_device() -> None:
    """An update asks so before it switches: what must work on any machine, and what the start would refuse."""
    found = {check.name: check for check in offline(checks({}))}
    assert [name for name, check in found.items() if check.offline] == ["model", "backend", "orders"]
    good = list(checkup(Config(), list(found.values())))
    assert {verdict.name: verdict.state for verdict in good if verdict.name != "folders"} == {
        **dict.fromkeys(("model", "backend"), "ok"),
        **dict.fromkeys(("device", "broker", "position", "endpoint", "page", "orders", "clock"), "skipped"),
    }
    config = load_text(b"version: 1\nmqtt: {username: a, password_file: /nowhere}\n", {}).config
    (verdict,) = checkup(config, [found["broker"]])
    assert verdict.state == "failed"


def test_every_part_says_what_a_daemon_does_without_it() -> None:
    """One organ's lack must not close the ear: only a pipe that is no pipe leaves nothing to hear."""
    found = {check.name: check.without is not None for check in checks({}) if check.at_start is not None}
    assert [name for name, dispensable in found.items() if not dispensable] == ["device"]
    assert len(found) >= 6


def test_the_operators_guide_shows_what_is_printed() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "operator.md").read_text(encoding="utf-8")
    (shown,) = [part for part in guide.split("```") if "file     config.yaml is well-formed" in part]
    rows = [line.split()[1] for line in shown.splitlines() if not line.startswith(" " * 12) and len(line.split()) > 1]
    assert rows == ["file", *(check.name for check in checks({}))]
    broker, clock = only("broker", "mqtt: {port: 1}"), try_clock(Config(), MemoryKernelClock(False))
    for told in (broker.hint, clock.text, clock.hint, only("endpoint", "").text):
        assert told in shown


# position


def test_position_check(tmp_path: Path) -> None:
    assert only("position", "").state == "skipped"
    path = tmp_path / "gps"
    text = f"position: {{source: nmea, nmea_path: {path}}}"
    absent = only("position", text)
    assert (absent.state, absent.text) == ("failed", f"'{path}' can't be opened: No such file or directory.")
    os.mkfifo(path)
    silent = try_position(config_of(text), listen_s=0.05)
    assert (silent.state, silent.text) == ("warning", f"{path} answers, but it says nothing of the position")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        config = config_of(f"position: {{source: gpsd, gpsd_port: {port}}}")
        answers = {
            b'{"class":"TPV","mode":1}\n': ("warning", "the receiver has no fix"),
            b'{"class":"TPV","mode":3,"time":"2026-11-29T15:04:05Z","lat":0,"lon":0}\n': ("warning", "0° N 0° E"),
            b'{"class":"TPV","mode":3,"time":"2026-11-29T15:04:05Z","lat":42.35,"lon":-70.25,"eph":4.1}\n': (
                "ok",
                "3d fix, 42.35000 -70.25000, within 4 m",
            ),
            b"": ("failed", "ends the connection"),
        }
        for said, (state, word) in answers.items():

            def answer(said: bytes = said, state: str = state) -> None:
                connection, _ = server.accept()
                connection.recv(1000)  # the request
                connection.sendall(said)
                if state == "warning":
                    connection.recv(1)  # until the other side has closed
                connection.close()

            thread = threading.Thread(target=answer)
            thread.start()
            verdict = try_position(config, listen_s=0.3 if state == "warning" else 5.0)
            thread.join(5)
            assert verdict.state == state
            assert word in verdict.text


def test_nmea_needs_its_path() -> None:
    with pytest.raises(ConfigError, match=r"position\.nmea_path is missing"):
        config_of("position: {source: nmea}")


# clock


@pytest.mark.parametrize("synchronised", [True, False])
def test_clock_check(synchronised: bool) -> None:
    verdict = try_clock(Config(), MemoryKernelClock(synchronised, 1_500_000))
    if synchronised:
        assert verdict == Verdict("clock", "ok", "synchronised, within 0.0015 s")
    else:
        assert verdict.state == "warning"
        assert "timedatectl" in verdict.hint
