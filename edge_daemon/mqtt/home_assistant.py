"""Home Assistant discovery: retained messages by which it shows the device and its entities by itself.

One message per entity on `{discovery}/{component}/{device}/{entity}/config` (Home Assistant, "MQTT discovery"); an
empty one removes it. Templates are Jinja, run by Home Assistant; `this` is the entity as it stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from edge_daemon import __version__
from edge_daemon.mqtt.announcements import Announcement
from edge_daemon.mqtt.topics import Topics

FRESH_S = 900
"""A call that is older when it arrives comes from a backlog: no reason for an alarm, and no newer than the last."""

_BEGIN = "{% set begin = as_timestamp(value_json.begin_utc, 0) if value_json is defined else 0 %}"
_LAST = (
    _BEGIN + "{% if begin > as_timestamp(this.state, 0) %}{{ value_json.begin_utc }}"
    "{% elif as_timestamp(this.state, 0) > 0 %}{{ this.state }}{% else %}None{% endif %}"
)
_SCORE = (
    _BEGIN + "{% if begin >= as_timestamp(this.attributes.begin_utc, 0) and begin > 0 %}"
    "{{ (100 * value_json.peak_score) | round(1) }}{% else %}{{ this.state }}{% endif %}"
)
_SCORE_TIME = (
    _BEGIN + "{% if begin >= as_timestamp(this.attributes.begin_utc, 0) and begin > 0 %}"
    "{{ {'begin_utc': value_json.begin_utc} | tojson }}"
    "{% else %}{{ {'begin_utc': this.attributes.begin_utc} | tojson }}{% endif %}"
)
_PLACE = (
    "{% set place = value_json.position.place %}{% if place %}{{ {'latitude': place.latitude, 'longitude': "
    "place.longitude, 'gps_accuracy': place.fix.accuracy_m or 0} | tojson }}{% else %}{}{% endif %}"
)
_CALL = _BEGIN + "{% if begin > as_timestamp(now()) - " + str(FRESH_S) + " %}ON{% endif %}"


@dataclass(frozen=True, slots=True)
class _Entity:
    id: str
    name: str
    topic: str
    template: str
    unit: str = ""
    component: str = "sensor"
    more: dict[str, object] = field(default_factory=dict)


def discovery(topics: Topics, prefix: str, name: str = "", *, moves: bool = False) -> list[Announcement]:
    """Topic and payload of all discovery messages.

    Args:
        topics: of this device.
        prefix: discovery prefix set in Home Assistant.
        name: of the device for people; its id if empty.
        moves: it has a receiver of its position.
    """
    device = {
        "identifiers": [f"edge_daemon_{topics.device}"],
        "name": name or topics.device,
        "manufacturer": "edge-daemon",
        "model": "Right-whale detector",
        "sw_version": __version__,
    }
    messages = []
    for entity in [*_entities(topics), *(_moving(topics) if moves else ())]:
        payload: dict[str, object] = {
            "name": entity.name,
            "unique_id": f"edge_daemon_{topics.device}_{entity.id}",
            "state_topic": entity.topic,
            "value_template": entity.template,
            "device": device,
            **({"availability_topic": topics.status} if entity.topic == topics.health else {}),
            **({"unit_of_measurement": entity.unit} if entity.unit else {}),
            **entity.more,
        }
        messages.append((_topic(prefix, entity.component, topics.device, entity.id), _bytes(payload)))
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
    messages.append((_topic(prefix, "binary_sensor", topics.device, "online"), _bytes(online)))
    return messages


def _entities(topics: Topics) -> list[_Entity]:
    found, health = topics.detections, topics.health
    diagnostic: dict[str, object] = {"entity_category": "diagnostic"}
    score = {
        "state_class": "measurement",
        "json_attributes_topic": found,
        "json_attributes_template": _SCORE_TIME,
        "suggested_display_precision": 1,
    }
    problem = diagnostic | {"payload_on": "True", "payload_off": "False", "device_class": "problem"}
    sound_problem = "{{ value_json.input.sound.problem }}"
    return [
        _Entity("last_detection", "Last detection", found, _LAST, more={"device_class": "timestamp"}),
        _Entity("last_score", "Last score", found, _SCORE, "%", more=score),
        _Entity("call", "Call", found, _CALL, component="binary_sensor", more={"off_delay": 300}),
        _Entity("state", "State", health, "{{ value_json.state }}", more=diagnostic),
        _Entity("sound", "Hydrophone", health, "{{ value_json.input.sound.state }}", more=diagnostic),
        _Entity("sound_problem", "Hydrophone problem", health, sound_problem, component="binary_sensor", more=problem),
        _Entity("sound_reason", "Hydrophone's problem", health, "{{ value_json.input.sound.reason }}", more=diagnostic),
        _figure("level", "Sound level", health, "input.sound.level_dbfs", "dBFS"),
        _figure("outbox", "Unsent messages", health, "outbox.depth", "messages"),
        _figure("temperature", "Temperature", health, "board.temperature_c", "°C", "temperature"),
        _figure("disk_free", "Free disk", health, "board.disk_free_mb", "MB", "data_size"),
        _figure("cpu", "Processor", health, "board.cpu_percent", "%"),
    ]


def _moving(topics: Topics) -> list[_Entity]:
    """The device on the map, and how its receiver is."""
    health = topics.health
    tracker: dict[str, object] = {
        "source_type": "gps",
        "json_attributes_topic": health,
        "json_attributes_template": _PLACE,
    }
    diagnostic: dict[str, object] = {"entity_category": "diagnostic"}
    return [
        # without a state of its own, Home Assistant finds the zone by the attributes
        _Entity("place", "Place", health, "None", component="device_tracker", more=tracker),
        _Entity("position", "Position", health, "{{ value_json.position.state }}", more=diagnostic),
    ]


def _figure(name: str, title: str, topic: str, place: str, unit: str, device_class: str = "") -> _Entity:
    """A number in the health document."""
    more = {"state_class": "measurement", "entity_category": "diagnostic"}
    if device_class:
        more["device_class"] = device_class
    return _Entity(name, title, topic, f"{{{{ value_json.{place} }}}}", unit, more=dict(more))


def _topic(prefix: str, component: str, device: str, entity: str) -> str:
    """Where an entity is announced; the device's id with the signs that discovery topics allow."""
    return f"{prefix}/{component}/{device.replace('.', '_')}/{entity}/config"


def _bytes(payload: dict[str, object]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
