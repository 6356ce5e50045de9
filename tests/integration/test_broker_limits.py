"""Publishing to brokers that limit, refuse, hide or misbehave: mosquitto as far as it goes, and one of our own."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.checks.broker import try_broker
from edge_daemon.checks.verdict import Verdict
from edge_daemon.clock.time_source import SystemTime
from edge_daemon.config import Config
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.mqtt.publisher import Publisher
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage.folder_lock import lock_folder
from tests.integration.conftest import publishing
from tests.integration.nasty_broker import NastyBroker

pytestmark = pytest.mark.slow

TOPICS = Topics("edge_daemon", "buoy-07")
ACL = "user buoy\ntopic readwrite edge_daemon/buoy-07/{}\nuser shore\ntopic read #\n"
DEVICE = {"id": "buoy-07"}
QUICK = {
    "reconnect_first_s": 0.05,
    "reconnect_longest_s": 0.2,
    "connect_timeout_s": 5.0,
    "acknowledge_timeout_s": 2.0,
    "drain_rate": 10_000.0,
}
Until = Callable[..., None]
MakeMosquitto = Callable[..., Any]


@pytest.fixture
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused topic is tried again after a moment."""
    from edge_daemon.mqtt import refusals
    from edge_daemon.system.backoff import Backoff

    monkeypatch.setattr(refusals, "PAUSES", Backoff(0.2, 1.0, jitter=0.0))


def secured(broker: Any, folder: Path, **keys: object) -> MqttSection:
    """Settings for mosquitto."""
    secret = folder / "password"
    secret.write_text("right")
    secret.chmod(0o600)
    tls = {"enabled": True, "ca_file": str(broker.folder / "ca.crt")}
    own = {"port": broker.port, "username": "buoy", "password_file": str(secret), "tls": tls}
    return MqttSection.model_validate(QUICK | own | keys)


def plain(broker: NastyBroker, **keys: object) -> MqttSection:
    """Settings for our own."""
    return MqttSection.model_validate(QUICK | {"host": "127.0.0.1", "port": broker.port} | keys)


def put(outbox: Outbox, publisher: Publisher | None, name: str, topic: str, size: int = 10) -> None:
    priority = 2 if topic.endswith("detections") else 1
    outbox.put(Message(name, topic, name.encode().ljust(size, b"."), topic.rsplit("/", 1)[1], priority, 1))
    if publisher is not None:
        publisher.wake()


def seen(file: Path, topic: str) -> set[str]:
    lines = file.read_text().splitlines()
    return {line.split()[2].rstrip(".") for line in lines if line.startswith(topic)}


@pytest.mark.parametrize("protocol", ["auto", "mqtt311"])
def test_mosquitto_with_a_maximum_packet_size(
    make_mosquitto: MakeMosquitto, outbox: Outbox, until: Until, tmp_path: Path, protocol: str
) -> None:
    broker, file = make_mosquitto(settings="max_packet_size 2000\n"), tmp_path / "seen"
    broker.start()
    broker.subscribe("edge_daemon/#", file)
    until(lambda: "Sending SUBACK to shore" in (broker.folder / "broker.log").read_text())
    for number in range(13):
        put(outbox, None, f"d{number}", TOPICS.detections, 5000 if number == 6 else 500)
    with publishing(secured(broker, tmp_path, protocol=protocol), outbox) as publisher:
        until(lambda: len(seen(file, TOPICS.detections)) == 12, 60)
        until(lambda: publisher.report().unsendable != ())
        (told,) = publisher.report().unsendable
        assert (told.topic, told.count, told.largest_bytes, told.kept) == (TOPICS.detections, 1, 5038, True)
        until(lambda: outbox.report().depth == 1)
        if protocol == "auto":
            assert publisher.report().connections == 1
            publisher.publish_excerpt(b"x" * 5000)
            publisher.publish_excerpt(b"y" * 50)
            until(lambda: seen(file, TOPICS.excerpts))
            assert publisher.report().connections == 1


@pytest.mark.parametrize("limit", ["max_qos 0", "retain_available false", "max_qos 0\nretain_available false"])
def test_mosquitto_without_quality_or_retained_messages(
    make_mosquitto: MakeMosquitto, outbox: Outbox, until: Until, tmp_path: Path, limit: str
) -> None:
    broker, file = make_mosquitto(settings=f"{limit}\n"), tmp_path / "seen"
    broker.start()
    broker.subscribe("edge_daemon/#", file)
    until(lambda: "Sending SUBACK to shore" in (broker.folder / "broker.log").read_text())
    with publishing(secured(broker, tmp_path), outbox) as publisher:
        until(lambda: publisher.report().state == "online")
        for number in range(8):
            put(outbox, publisher, f"d{number}", TOPICS.detections)
        until(lambda: outbox.report().depth == 0)
        assert len(seen(file, TOPICS.detections)) == 8
        report = publisher.report()
        assert report.maximum_qos == (0 if "max_qos" in limit else 2)
        assert report.retain_available == ("retain" not in limit)


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_mosquitto_that_denies_a_topic_until_it_is_mended(
    make_mosquitto: MakeMosquitto, outbox: Outbox, until: Until, tmp_path: Path, protocol: str, quick_pauses: None
) -> None:
    broker, file = make_mosquitto(settings="acl_file FOLDER/acl\n"), tmp_path / "seen"
    acl = broker.folder / "acl"
    acl.write_text(ACL.format("status") + "user buoy\ntopic readwrite edge_daemon/buoy-07/effort\n")
    acl.chmod(0o700)
    broker.start()
    broker.subscribe("edge_daemon/#", file)
    until(lambda: "Sending SUBACK to shore" in (broker.folder / "broker.log").read_text())
    with publishing(secured(broker, tmp_path, protocol=protocol), outbox) as publisher:
        until(lambda: publisher.report().state == "online")
        for number in range(8):
            put(outbox, publisher, f"d{number}", TOPICS.detections)
        put(outbox, publisher, "e", TOPICS.effort)
        until(lambda: seen(file, TOPICS.effort) == {"e"})
        until(lambda: publisher.report().refused != ())
        (refused,) = publisher.report().refused
        assert refused.topic == TOPICS.detections
        assert outbox.report().depth >= 8
        acl.write_text(ACL.format("#"))
        broker.reload()
        until(lambda: outbox.report().depth == 0, 60)
        until(lambda: seen(file, TOPICS.detections) == {f"d{number}" for number in range(8)})
        assert publisher.report().refused == ()


def test_two_boards_with_one_name_see_each_other(
    make_mosquitto: MakeMosquitto, outbox: Outbox, until: Until, tmp_path: Path
) -> None:
    broker = make_mosquitto()
    broker.start()
    settings = secured(broker, tmp_path, client_id="the-same")
    other = Outbox(tmp_path / "other.db", time=SystemTime(), rng=random.Random(3))
    with closing(other), publishing(settings, outbox) as one, publishing(settings, other):
        until(lambda: one.report().brief_last_hour >= 3, 60)


def test_a_broker_that_names_the_reason_of_a_take_over(
    nasty_broker: NastyBroker, outbox: Outbox, until: Until, tmp_path: Path
) -> None:
    other = Outbox(tmp_path / "other.db", time=SystemTime(), rng=random.Random(3))
    settings = plain(nasty_broker)
    with closing(other), publishing(settings, outbox) as one, publishing(settings, other):
        until(lambda: one.report().taken_over_last_hour >= 2)


def test_two_closes_without_an_answer_are_no_verdict_for_good(
    nasty_broker: NastyBroker, outbox: Outbox, until: Until
) -> None:
    nasty_broker.close_next = 2
    with publishing(plain(nasty_broker), outbox) as publisher:
        until(lambda: publisher.report().state == "online")
        assert publisher.report().downgraded
        nasty_broker.cut()
        until(lambda: publisher.report().connections == 2 and publisher.report().state == "online")
        assert publisher.report().protocol == "mqtt5"
    assert nasty_broker.levels == [5, 5, 4, 5]


def test_a_broker_of_3_1_1_that_closes_on_5_is_used_with_3_1_1(
    nasty_broker: NastyBroker, outbox: Outbox, until: Until
) -> None:
    nasty_broker.close_levels = {5}
    with publishing(plain(nasty_broker), outbox) as publisher:
        for connections in (1, 2, 3):
            until(lambda connections=connections: publisher.report().connections == connections)
            put(outbox, publisher, f"d{connections}", TOPICS.detections)
            until(lambda: outbox.report().depth == 0)
            nasty_broker.cut()
    assert nasty_broker.levels[:7] == [5, 5, 4, 5, 4, 5, 4]


def test_a_broker_of_3_1_1_that_throws_away_is_found_out(
    nasty_broker: NastyBroker, outbox: Outbox, until: Until, quick_pauses: None
) -> None:
    nasty_broker.dropping = {TOPICS.detections}
    for number in range(8):
        put(outbox, None, f"d{number}", TOPICS.detections)
    with publishing(plain(nasty_broker, protocol="mqtt311"), outbox) as publisher:
        until(lambda: publisher.report().refused != ())
        assert outbox.report().depth == 8
        nasty_broker.dropping = set()
        until(lambda: outbox.report().depth == 0, 60)
    assert len(set(nasty_broker.payloads("detections"))) == 8


@pytest.mark.parametrize(
    "fault",
    ["cuts_on_subscribe", pytest.param("answers_subscriptions", marks=pytest.mark.long)],  # half a minute
)
def test_a_broker_that_cannot_be_asked_is_believed_and_that_is_told(
    nasty_broker: NastyBroker, outbox: Outbox, until: Until, fault: str
) -> None:
    setattr(nasty_broker, fault, fault == "cuts_on_subscribe")
    with publishing(plain(nasty_broker, protocol="mqtt311"), outbox) as publisher:
        put(outbox, publisher, "d", TOPICS.detections)
        until(lambda: outbox.report().depth == 0, 40)
        until(lambda: "does not let us ask" in (publisher.report().doubt or ""))


def test_a_broker_that_tells_no_limit_and_cuts(nasty_broker: NastyBroker, outbox: Outbox, until: Until) -> None:
    nasty_broker.longest = 2000
    for number in range(13):
        put(outbox, None, f"d{number}", TOPICS.detections, 5000 if number in (0, 6) else 500)
    with publishing(plain(nasty_broker), outbox) as publisher:
        until(lambda: len(set(nasty_broker.payloads("detections"))) == 11, 60)
        until(lambda: sum(one.count for one in publisher.report().unsendable) == 2, 60)
        assert outbox.report().depth >= 2


def test_a_mute_broker_shows(nasty_broker: NastyBroker, outbox: Outbox, until: Until) -> None:
    nasty_broker.acknowledging = False
    with publishing(plain(nasty_broker), outbox) as publisher:
        put(outbox, publisher, "d", TOPICS.detections)
        until(lambda: publisher.report().unacknowledged_last_hour >= 2, 30)
        assert (publisher.report().unanswered_s or 0) >= 4
        nasty_broker.acknowledging = True
        until(lambda: outbox.report().depth == 0, 30)
        until(lambda: publisher.report().unanswered_s is None)


def test_the_keep_alive_of_the_broker_is_kept(nasty_broker: NastyBroker, outbox: Outbox, until: Until) -> None:
    nasty_broker.properties = bytes([0x13, 0, 1])  # Server Keep Alive: 1 s
    with publishing(plain(nasty_broker, keepalive_s=60), outbox):
        until(lambda: nasty_broker.pings >= 2)


# config check does what the daemon does


def verdict(settings: MqttSection, folder: Path) -> Verdict:
    return try_broker(Config.model_validate({"mqtt": settings, "storage": {"folder": folder}, "device": DEVICE}), {})


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_config_check_says_that_nothing_can_arrive(
    make_mosquitto: MakeMosquitto, until: Until, tmp_path: Path, protocol: str
) -> None:
    broker = make_mosquitto(settings="acl_file FOLDER/acl\n")
    acl = broker.folder / "acl"
    acl.write_text(ACL.format("status") + "user buoy\ntopic readwrite edge_daemon/buoy-07/effort\n")
    acl.chmod(0o700)
    broker.start()
    settings = secured(broker, tmp_path, protocol=protocol)
    found = verdict(settings, tmp_path / "state")
    assert found.state == "failed"
    assert TOPICS.detections in found.text
    assert TOPICS.effort not in found.text
    acl.write_text(ACL.format("#"))
    broker.reload()
    until(lambda: verdict(settings, tmp_path / "state").state == "ok")
    log = (broker.folder / "broker.log").read_text()
    assert "as edge-daemon-buoy-07 (" in log
    assert "Will message specified" in log
    assert not (tmp_path / "state").exists()


def test_config_check_leaves_a_running_daemon_alone(make_mosquitto: MakeMosquitto, tmp_path: Path) -> None:
    broker = make_mosquitto()
    broker.start()
    lock = lock_folder(tmp_path / "state")
    assert lock is not None
    with lock:
        found = verdict(secured(broker, tmp_path), tmp_path / "state")
    assert found.state == "ok"
    assert "the daemon is running" in found.text
    log = (broker.folder / "broker.log").read_text()
    assert "edge-daemon-buoy-07" not in log
    assert "Received PUBLISH" not in log


@pytest.mark.parametrize(
    ("limit", "words"),
    [("max_packet_size 2000", "at most 2000 bytes"), ("retain_available false", "no retained"), ("max_qos 0", "")],
)
def test_config_check_tells_the_limits(make_mosquitto: MakeMosquitto, tmp_path: Path, limit: str, words: str) -> None:
    broker = make_mosquitto(settings=f"{limit}\n")
    broker.start()
    found = verdict(secured(broker, tmp_path), tmp_path / "state")
    assert found.state == ("warning" if words else "ok")
    assert words in found.text


def test_a_packet_that_memory_has_no_room_for_ends_the_connection(tmp_path: Path, until: Until) -> None:
    """A broker, or whoever may publish where it lets us read, sends 256 MB: the unit has 300."""
    with closing(NastyBroker()) as broker:
        settings = MqttSection.model_validate(QUICK | {"host": "127.0.0.1", "port": broker.port})
        outbox = Outbox(tmp_path / "outbox.db", time=SystemTime(), rng=random.Random(1))
        with publishing(settings, outbox) as publisher:
            until(lambda: publisher.report().state == "online")
            assert len(broker.levels) == 1
            broker.sessions[0].send(b"\x30\xff\xff\xff\x7f" + b"x" * 100)  # the begin of it
            until(lambda: len(broker.levels) == 2 and publisher.report().state == "online")
