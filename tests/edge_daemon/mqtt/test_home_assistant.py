"""Home Assistant: discovery names topics and fields that exist."""

from __future__ import annotations

import json
from collections.abc import Callable

from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.document import (
    HealthDocument,
)
from edge_daemon.mqtt.home_assistant import discovery
from edge_daemon.mqtt.topics import Topics

MakeHealth = Callable[..., HealthDocument]


def test_discovery_names_topics_that_exist(make_health: MakeHealth) -> None:
    topics = Topics("p", "buoy.7")
    messages = dict(discovery(topics, "ha", "East buoy"))
    assert len(messages) == 8
    score = json.loads(messages["ha/sensor/buoy_7/last_score/config"])
    assert score["state_topic"] == "p/buoy.7/detections"
    assert score["device"]["name"] == "East buoy"
    online = json.loads(messages["ha/binary_sensor/buoy_7/online/config"])
    assert (online["state_topic"], online["payload_on"]) == ("p/buoy.7/status", "online")
    assert len({json.loads(payload)["unique_id"] for payload in messages.values()}) == 8
    document = json.loads(make_health(HealthCounters(0), 0).to_json())
    for payload in messages.values():
        sensor = json.loads(payload)
        if sensor["state_topic"] == topics.health:
            value = document
            for part in sensor["value_template"].strip("{ }").split(".")[1:]:
                value = value[part]
