"""Home Assistant discovery: retained messages by which it shows the device and its sensors by itself.

One message per sensor on `{discovery}/{component}/{device}/{sensor}/config` (Home Assistant, "MQTT discovery").
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from edge_daemon import __version__
from edge_daemon.mqtt.topics import Topics


@dataclass(frozen=True, slots=True)
class _Sensor:
    id: str
    name: str
    topic: str
    template: str
    unit: str = ""
    device_class: str = ""
    diagnostic: bool = True


def discovery(topics: Topics, prefix: str, name: str = "") -> list[tuple[str, bytes]]:
    """Topic and payload of all discovery messages.

    Args:
        topics: of this device.
        prefix: discovery prefix set in Home Assistant.
        name: of the device for people; its id if empty.
    """
    device = {
        "identifiers": [f"edge_daemon_{topics.device}"],
        "name": name or topics.device,
        "manufacturer": "edge-daemon",
        "model": "Right-whale detector",
        "sw_version": __version__,
    }
    availability = {"availability_topic": topics.status}
    messages = []
    for sensor in _sensors(topics):
        payload: dict[str, object] = {
            "name": sensor.name,
            "unique_id": f"edge_daemon_{topics.device}_{sensor.id}",
            "state_topic": sensor.topic,
            "value_template": sensor.template,
            "device": device,
            **({} if sensor.topic == topics.detections else availability),
        }
        if sensor.unit:
            payload["unit_of_measurement"] = sensor.unit
        if sensor.device_class:
            payload["device_class"] = sensor.device_class
        if sensor.diagnostic:
            payload["entity_category"] = "diagnostic"
        messages.append((f"{prefix}/sensor/{_id(topics.device)}/{sensor.id}/config", _bytes(payload)))
    online: dict[str, object] = {
        "name": "Online",
        "unique_id": f"edge_daemon_{topics.device}_online",
        "state_topic": topics.status,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "device": device,
    }
    messages.append((f"{prefix}/binary_sensor/{_id(topics.device)}/online/config", _bytes(online)))
    return messages


def _sensors(topics: Topics) -> list[_Sensor]:
    found, health = topics.detections, topics.health
    return [
        _Sensor(
            "last_detection", "Last detection", found, "{{ value_json.begin_utc }}", "", "timestamp", diagnostic=False
        ),
        _Sensor("last_score", "Last score", found, "{{ value_json.peak_score }}", diagnostic=False),
        _Sensor("state", "State", health, "{{ value_json.state }}"),
        _Sensor("outbox", "Unsent messages", health, "{{ value_json.outbox.depth }}"),
        _Sensor("temperature", "Temperature", health, "{{ value_json.board.temperature_c }}", "°C", "temperature"),
        _Sensor("disk_free", "Free disk", health, "{{ value_json.board.disk_free_mb }}", "MB", "data_size"),
        _Sensor("cpu", "Processor", health, "{{ value_json.board.cpu_percent }}", "%"),
    ]


def _id(device: str) -> str:
    """The device's id with the signs that discovery topics allow."""
    return device.replace(".", "_")


def _bytes(payload: dict[str, object]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
