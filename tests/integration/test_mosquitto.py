"""Publishing to a real broker: TLS, passwords, certificates, restarts, last will."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from tests.integration.conftest import publishing

pytestmark = pytest.mark.slow

TOPIC = "edge_daemon/buoy-07/detections"
STATUS = "edge_daemon/buoy-07/status"


def section(broker: Any, secret: Path, **keys: object) -> MqttSection:
    """Settings for a quick reconnect."""
    tls = {"enabled": True, "ca_file": str(broker.folder / "ca.crt"), **keys.pop("tls", {})}  # type: ignore[dict-item]
    return MqttSection.model_validate(
        {
            "host": "localhost",
            "port": broker.port,
            "username": "buoy",
            "password_file": str(secret),
            "tls": tls,
            "reconnect_first_s": 0.05,
            "reconnect_longest_s": 0.3,
            "connect_timeout_s": 5.0,
            "acknowledge_timeout_s": 5.0,
            "drain_rate": 10_000.0,
            **keys,
        }
    )


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("right\n")
    file.chmod(0o600)
    return file


def put(outbox: Outbox, publisher: Publisher, number: int) -> None:
    outbox.put(Message(f"id-{number}", TOPIC, b"%d" % number, "detection", 1, number))
    publisher.wake()


def numbers(file: Path) -> list[int]:
    return [int(line.split()[2]) for line in file.read_text().splitlines() if line.startswith(TOPIC)]


def statuses(file: Path) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in file.read_text().splitlines() if line.startswith(STATUS)]


def online(publisher: Publisher) -> bool:
    return publisher.report().state == "online"


def test_detections_arrive_over_tls_and_leave_the_outbox(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None], tmp_path: Path
) -> None:
    broker, seen = make_mosquitto(), tmp_path / "seen"
    broker.start()
    broker.subscribe("edge_daemon/#", seen)
    with publishing(section(broker, secret), outbox) as publisher:
        until(lambda: online(publisher))
        until(lambda: statuses(seen)[-1:] in (["0 online"], ["1 online"]))
        for number in range(200):
            put(outbox, publisher, number)
        until(lambda: len(numbers(seen)) >= 200)
        until(lambda: outbox.report().depth == 0)
        assert numbers(seen) == list(range(200)) or sorted(numbers(seen)) == list(range(200))
        report = publisher.report()
        assert (report.protocol, report.last_failure) == ("mqtt5", None)
    until(lambda: statuses(seen)[-1] == "0 offline")


def test_broker_absent_at_start(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None]
) -> None:
    broker = make_mosquitto()
    with publishing(section(broker, secret), outbox) as publisher:
        put(outbox, publisher, 1)
        until(lambda: publisher.report().attempts >= 3)
        assert "connection refused" in (publisher.report().last_failure or "")
        broker.start()
        until(lambda: outbox.report().depth == 0)


def test_wrong_password_then_corrected(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None]
) -> None:
    broker = make_mosquitto()
    broker.start()
    secret.write_text("wrong")
    with publishing(section(broker, secret), outbox) as publisher:
        put(outbox, publisher, 1)
        until(lambda: "not authorized" in (publisher.report().last_failure or ""))
        assert outbox.report().depth == 1
        secret.write_text("right")
        until(lambda: outbox.report().depth == 0)


def test_broker_killed_mid_stream_and_everything_arrives_once_by_id(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None], tmp_path: Path
) -> None:
    broker, seen = make_mosquitto(), tmp_path / "seen"
    broker.start()
    broker.subscribe(TOPIC, seen)
    pause = threading.Event()
    with publishing(section(broker, secret), outbox) as publisher:
        until(lambda: online(publisher))
        database = broker.folder / "data" / "mosquitto.db"
        until(database.exists)  # the durable session outlives a SIGKILL only once it is on disk
        pause.wait(1.5)
        for number in range(300):
            put(outbox, publisher, number)
            pause.wait(0.005)
            if number in (100, 200):
                broker.kill()
            if number in (130, 260):
                broker.start()
        until(lambda: outbox.report().depth == 0)
        until(lambda: set(numbers(seen)) == set(range(300)))
        assert publisher.report().connections >= 3


def test_last_will_is_published_when_the_device_vanishes(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None], tmp_path: Path
) -> None:
    broker, seen = make_mosquitto(), tmp_path / "seen"
    broker.start()
    broker.subscribe(STATUS, seen)
    with publishing(section(broker, secret, reconnect_first_s=5.0, reconnect_longest_s=5.0), outbox) as publisher:
        until(lambda: statuses(seen)[-1:] in (["0 online"], ["1 online"]))
        client = publisher._link._client  # type: ignore[attr-defined]
        client.socket().shutdown(socket.SHUT_RDWR)  # the cable is cut: no DISCONNECT
        until(lambda: statuses(seen)[-1] == "0 offline")
        until(lambda: statuses(seen)[-1] == "0 online")


def test_unknown_authority_is_refused(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None]
) -> None:
    broker, other = make_mosquitto(), make_mosquitto()
    broker.start()
    settings = section(broker, secret, tls={"ca_file": str(other.folder / "ca.crt")})
    with publishing(settings, outbox) as publisher:
        until(lambda: "is not trusted" in (publisher.report().last_failure or ""))


def test_plain_connection_to_the_tls_port_fails_with_a_reason(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None]
) -> None:
    broker = make_mosquitto()
    broker.start()
    settings = section(broker, secret, tls={"enabled": False, "ca_file": None})
    with publishing(settings, outbox) as publisher:
        until(lambda: publisher.report().attempts >= 2)
        until(lambda: "without an answer" in (publisher.report().last_failure or ""))


def test_client_certificate(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None]
) -> None:
    broker = make_mosquitto(client_certificates=True)
    broker.start()
    with publishing(section(broker, secret), outbox) as publisher:
        until(lambda: publisher.report().last_failure is not None)
        assert not online(publisher)
    files = {"certificate_file": str(broker.folder / "client.crt"), "key_file": str(broker.folder / "client.key")}
    with publishing(section(broker, secret, tls=files), outbox) as publisher:
        put(outbox, publisher, 1)
        until(lambda: outbox.report().depth == 0)


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_both_protocols(
    make_mosquitto: Callable[..., Any], secret: Path, outbox: Outbox, until: Callable[..., None], protocol: str
) -> None:
    broker = make_mosquitto()
    broker.start()
    with publishing(section(broker, secret, protocol=protocol), outbox) as publisher:
        put(outbox, publisher, 1)
        until(lambda: outbox.report().depth == 0)
        assert publisher.report().protocol == protocol


class OldBroker(threading.Thread):
    """A broker that speaks MQTT 3.1.1 only: refuses other versions with CONNACK 1, acknowledges QoS 1."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.levels: list[int] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        while header := stream.read(1):
            length, shift = 0, 0
            while True:
                byte = stream.read(1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = stream.read(length)
            kind = header[0] >> 4
            if kind == 1:
                level = body[6]
                self.levels.append(level)
                connection.sendall(bytes([0x20, 2, 0, 0 if level == 4 else 1]))
                if level != 4:
                    return
            elif kind == 3 and header[0] & 6:
                at = 2 + int.from_bytes(body[:2], "big")
                connection.sendall(b"\x40\x02" + body[at : at + 2])
            elif kind == 14:
                return


def test_falls_back_to_3_1_1_with_an_old_broker(outbox: Outbox, until: Callable[..., None]) -> None:
    broker = OldBroker()
    broker.start()
    settings = MqttSection(host="127.0.0.1", port=broker.port, reconnect_first_s=0.05, reconnect_longest_s=0.1)
    try:
        with publishing(settings, outbox) as publisher:
            put(outbox, publisher, 1)
            until(lambda: outbox.report().depth == 0)
            assert publisher.report().protocol == "mqtt311"
        assert broker.levels[:2] == [5, 4]
    finally:
        broker.listener.close()


def test_garbage_instead_of_mqtt_is_a_failure_like_others(outbox: Outbox, until: Callable[..., None]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in (b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff\xff", b"\x20\x00", b"\x20\x02\x00"):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    settings = MqttSection(host="127.0.0.1", port=port, reconnect_first_s=0.05, reconnect_longest_s=0.1)
    with listener, publishing(settings, outbox) as publisher:
        until(lambda: not thread.is_alive())
        listener.close()
        until(lambda: "refused" in (publisher.report().last_failure or ""))
        assert publisher.report().connections == 0


def test_config_check_and_watch_against_a_real_broker(
    make_mosquitto: Callable[..., Any],
    secret: Path,
    outbox: Outbox,
    until: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from edge_daemon.checks.broker import try_broker
    from edge_daemon.cli import invoke
    from edge_daemon.config import Config

    broker = make_mosquitto()
    broker.start()
    settings = section(broker, secret)
    good = Config(mqtt=settings)
    assert try_broker(good, {}).text == f"localhost:{broker.port} accepts us (mqtt5, TLS, user buoy)"
    secret.write_text("wrong")
    refused = try_broker(good, {})
    assert refused.state == "failed"
    assert "not authorized" in refused.text
    assert "mqtt.username and the password" in refused.hint
    secret.write_text("right")
    without_authority = settings.model_copy(update={"tls": settings.tls.model_copy(update={"ca_file": None})})
    untrusted = try_broker(Config(mqtt=without_authority), {})
    assert "is not trusted" in untrusted.text
    assert "mqtt.tls.ca_file" in untrusted.hint
    without_tls = settings.model_copy(update={"tls": settings.tls.model_copy(update={"enabled": False})})
    plain = try_broker(Config(mqtt=without_tls), {})
    assert plain.state == "failed"
    assert "mqtt.tls.enabled: true" in plain.hint

    # a credential, which a service manager would hand over, is found beside the file that names it
    beside = secret.parent / "etc"
    beside.mkdir()
    (beside / "c.yaml").write_text(
        f"version: 1\nmqtt: {{host: localhost, port: {broker.port}, username: buoy, tls: {{enabled: true, "
        f"ca_file: {broker.folder}/ca.crt}}, password_credential: mqtt-password}}\n"
        f"audio: {{source: pipe, rate: 8000}}\nstorage: {{folder: {beside}}}\n"
    )
    (beside / "mqtt-password").write_text("right\n")
    (beside / "mqtt-password").chmod(0o600)
    assert invoke(["config", "check", str(beside / "c.yaml")]) == 0
    assert f"ok       broker   localhost:{broker.port} accepts us (mqtt5, TLS, user buoy)" in capsys.readouterr().out

    arguments = ["--port", str(broker.port), "--ca-file", str(broker.folder / "ca.crt"), "--username", "buoy"]
    arguments += ["--password-file", str(secret), "--json", "--count", "1", "--all"]
    results: list[int] = []
    subscriber = threading.Thread(target=lambda: results.append(invoke(["watch", *arguments])), daemon=True)
    with publishing(settings, outbox) as publisher:
        until(lambda: online(publisher))
        subscriber.start()  # the retained `online` is the message
        subscriber.join(20)
    assert results == [0]
    captured = capsys.readouterr()
    assert captured.out == "online\n"
    assert "Watching edge_daemon/+/#" in captured.err
