"""In compact form all documents leave on one topic, a detection with its picture; in JSON nothing changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.documents.compact import decode, unpacked
from edge_daemon.mqtt.packing import MOST_WAITING, PackedOutbox, Packing
from edge_daemon.mqtt.rate_limits import HourBudget, ping_bytes
from edge_daemon.mqtt.topic_aliases import TopicAliases
from edge_daemon.mqtt.topics import Topics
from edge_daemon.outbox.message import Message
from edge_daemon.testing.machine import ManualTime

TOPICS = Topics("edge_daemon", "buoy-7")
DETECTION, PICTURE = '{"schema":"edge_daemon.detection/1"}', '{"schema":"edge_daemon.thumbnail/1"}'


def message(number: int, payload: str = f"{DETECTION}\n{PICTURE}") -> Message:
    return Message(f"id-{number}", TOPICS.detections, payload.encode(), "detection", 2, number)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[PackedOutbox]:
    made = PackedOutbox(tmp_path / "outbox.db", time=ManualTime(0), rng=random.Random(1))
    yield made
    made.close()


def test_a_detection_brings_its_picture(outbox: PackedOutbox) -> None:
    outbox.packing = Packing(TOPICS, "compact")
    outbox.put(message(1))
    [sent] = outbox.take(10)
    assert (sent.id, sent.topic, sent.kind, sent.priority) == ("id-1", "edge_daemon/buoy-7/packed", "detection", 2)
    assert unpacked(sent.topic, sent.payload) == [
        (TOPICS.detections, DETECTION.encode()),
        (TOPICS.thumbnails, PICTURE.encode()),
    ]


def test_where_detections_wait_the_pictures_go_behind_them(outbox: PackedOutbox) -> None:
    outbox.packing = Packing(TOPICS, "compact")
    for number in range(MOST_WAITING + 3):
        outbox.put(message(number))
    sent = outbox.take(100, "oldest_first")
    documents = [decode(one.payload) for one in sent]
    assert documents == [
        *[[DETECTION, PICTURE]] * (MOST_WAITING + 1),
        *[[DETECTION]] * 2,
        *[[PICTURE]] * 2,
    ]
    assert [one.id for one in sent[-2:]] == [f"thumbnail-id-{MOST_WAITING + 1}", f"thumbnail-id-{MOST_WAITING + 2}"]


@pytest.mark.parametrize("packing", [None, Packing(TOPICS, "json")])
def test_as_json_nothing_changes(outbox: PackedOutbox, packing: Packing | None) -> None:
    outbox.packing = packing
    sent = message(1, DETECTION)
    outbox.put(sent)
    assert outbox.take(10) == [sent]
    assert Packing(TOPICS).packed(TOPICS.health, b"{}") == (TOPICS.health, b"{}")


def test_home_assistant_and_the_compact_form_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="which Home Assistant cannot read"):
        MqttSection.model_validate({"form": "compact", "home_assistant": {"enabled": True}})


def test_the_first_topics_of_a_connection_get_numbers() -> None:
    aliases = TopicAliases(2)
    assert aliases.peek("a") == ("a", True)
    assert [aliases.use(topic) for topic in ("a", "b", "c", "a", "b", "c")] == [
        *(("a", 1), ("b", 2), ("c", None)),
        *(("", 1), ("", 2), ("c", None)),
    ]
    assert (aliases.peek("a"), aliases.peek("c")) == (("", True), ("c", False))
    assert TopicAliases(0).use("a") == ("a", None)


def test_one_of_each_report_passes_an_hour_however_much_is_spent() -> None:
    budget = HourBudget(1000)
    budget.spend(915, 0, "detection")
    assert not budget.allows("detection", 10, 0)
    for kind in ("tally", "effort", "health"):
        assert budget.allows(kind, 15, 0)
        budget.spend(15, 0, kind)
        assert not budget.allows(kind, 15, 0)
    assert not budget.allows("thumbnail", 15, 0)


def test_health_takes_no_more_than_its_part() -> None:
    budget, sent = HourBudget(10_000), 0
    for minute in range(60):
        if budget.allows("health", 150, minute * 60 * 10**9):
            budget.spend(150, minute * 60 * 10**9, "health")
            sent += 150
    assert sent == 1000 - 1000 % 150 == 900


@pytest.mark.parametrize(
    ("limit", "keepalive_s", "used"), [(None, 60, 60), (500_000, 60, 60), (8192, 60, 1249), (8192, 1800, 1800)]
)
def test_keeping_alive_takes_a_twentieth_of_the_budget_at_most(limit: int | None, keepalive_s: int, used: int) -> None:
    section = MqttSection.model_validate({"bytes_per_hour": limit, "keepalive_s": keepalive_s})
    assert section.effective_keepalive_s == used
    if limit is not None:
        assert 3600 / used * ping_bytes(tls=True) <= 0.05 * limit
