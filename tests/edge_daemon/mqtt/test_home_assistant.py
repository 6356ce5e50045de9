"""Home Assistant: discovery names topics and fields that exist, and its templates say what is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.document import (
    HealthDocument,
)
from edge_daemon.mqtt.home_assistant import discovery
from edge_daemon.mqtt.topics import Topics

MakeHealth = Callable[..., HealthDocument]
TOPICS = Topics("p", "buoy.7")
NOW = datetime(2026, 3, 29, 13, 0, tzinfo=UTC)


def messages() -> dict[str, dict[str, Any]]:
    """What is announced, by entity."""
    found = {topic.split("/")[3]: json.loads(payload) for topic, payload in discovery(TOPICS, "ha", "East buoy")}
    assert len(found) == len(discovery(TOPICS, "ha"))
    return found


def test_discovery_names_topics_that_exist(make_health: MakeHealth) -> None:
    announced = dict(discovery(TOPICS, "ha", "East buoy"))
    assert len(announced) == 13
    score = json.loads(announced["ha/sensor/buoy_7/last_score/config"])
    assert score["state_topic"] == "p/buoy.7/detections"
    assert score["device"]["name"] == "East buoy"
    online = json.loads(announced["ha/binary_sensor/buoy_7/online/config"])
    assert (online["state_topic"], online["payload_on"]) == ("p/buoy.7/status", "online")
    assert len({json.loads(payload)["unique_id"] for payload in announced.values()}) == 13
    document = json.loads(make_health(HealthCounters(0), 0).to_json())
    for sensor in messages().values():
        if sensor["state_topic"] == TOPICS.health:
            value = document
            for part in sensor["value_template"].strip("{ }").split(".")[1:]:
                value = value[part]


def test_a_device_that_moves_is_on_the_map() -> None:
    announced = dict(discovery(TOPICS, "ha", "East buoy", moves=True))
    assert len(announced) == 15
    tracker = json.loads(announced["ha/device_tracker/buoy_7/place/config"])
    assert (tracker["json_attributes_topic"], tracker["source_type"]) == (TOPICS.health, "gps")
    template = pytest.importorskip("jinja2").Template(tracker["json_attributes_template"])
    place = {"latitude": 42.35, "longitude": -70.25, "fix": {"type": "3d", "accuracy_m": None, "age_s": 0.5}}
    shown = json.loads(template.render(value_json={"position": {"place": place}}).replace("'", '"'))
    assert shown == {"latitude": 42.35, "longitude": -70.25, "gps_accuracy": 0}
    assert template.render(value_json={"position": {"place": None}}) == "{}"
    assert "ha/device_tracker/buoy_7/place/config" not in dict(discovery(TOPICS, "ha"))


def test_every_number_has_a_unit_and_a_class_for_statistics() -> None:
    numbers = {name for name, one in messages().items() if "unit_of_measurement" in one}
    assert numbers == {"last_score", "level", "outbox", "temperature", "disk_free", "cpu"}
    assert {name for name, one in messages().items() if one.get("state_class") == "measurement"} == numbers
    assert messages()["outbox"]["unit_of_measurement"] == "messages"


def as_timestamp(value: object, default: float | None = None) -> float | None:
    """Home Assistant's function of this name."""
    try:
        return (value if isinstance(value, datetime) else datetime.fromisoformat(str(value))).timestamp()
    except ValueError:
        return default


class Entity:
    """An entity of Home Assistant: its state, by its template, message after message."""

    def __init__(self, name: str) -> None:
        self.config = messages()[name]
        self.state = "unknown"
        self.attributes: dict[str, object] = {}

    def take(self, begin_utc: str | None, score: float = 0.5) -> str:
        """The state after a detection has arrived."""
        document = {"begin_utc": begin_utc, "peak_score": score}
        if "json_attributes_template" in self.config:
            self.attributes = json.loads(self._render(self.config["json_attributes_template"], document))
        self.state = self._render(self.config["value_template"], document)
        return self.state

    def _render(self, template: str, document: dict[str, object]) -> str:
        jinja2 = pytest.importorskip("jinja2")
        environment = jinja2.Environment(autoescape=False)
        environment.globals.update(as_timestamp=as_timestamp, now=lambda: NOW)
        environment.filters["tojson"] = json.dumps
        this = SimpleNamespace(state=self.state, attributes=self.attributes)
        return str(environment.from_string(template).render(value_json=document, this=this)).strip()


def test_last_detection_never_runs_backwards() -> None:
    last, score = Entity("last_detection"), Entity("last_score")
    newest_first = [("12:59", 0.9), ("12:10", 0.5), ("11:00", 0.6), ("12:58", 0.7)]
    for minute, value in newest_first:
        assert last.take(f"2026-03-29T{minute}:00.250000Z", value) == "2026-03-29T12:59:00.250000Z"
        assert score.take(f"2026-03-29T{minute}:00.250000Z", value) == "90.0"
    assert last.take("2026-03-29T13:00:00.000000Z") == "2026-03-29T13:00:00.000000Z"
    assert score.take("2026-03-29T13:00:00.000000Z", 0.8) == "80.0"
    last.state = "2026-03-29T13:00:00+00:00"  # as Home Assistant keeps it
    assert last.take("2026-03-29T12:00:00.000000Z") == "2026-03-29T13:00:00+00:00"


def test_a_detection_without_a_time_changes_no_time() -> None:
    last = Entity("last_detection")
    assert last.take(None) == "None"
    assert last.take("2026-03-29T12:59:00.000000Z") == "2026-03-29T12:59:00.000000Z"
    assert last.take(None) == "2026-03-29T12:59:00.000000Z"


def test_a_call_is_on_for_fresh_calls_only() -> None:
    assert Entity("call").take("2026-03-29T12:50:00.000000Z") == "ON"
    assert Entity("call").take("2026-03-29T12:40:00.000000Z") == ""
    assert Entity("call").take(None) == ""
    assert messages()["call"]["off_delay"] > 0
