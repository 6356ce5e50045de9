"""The whole configuration: one section per concern, in the order in which the example file shows them."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator

from edge_daemon.config.audio import AudioSection
from edge_daemon.config.backend import BackendSection
from edge_daemon.config.clips import ClipsSection
from edge_daemon.config.clock import ClockSection
from edge_daemon.config.deployment import DeploymentSection
from edge_daemon.config.detection import DetectionSection
from edge_daemon.config.device import DeviceSection
from edge_daemon.config.effort import EffortSection
from edge_daemon.config.health import HealthSection
from edge_daemon.config.history import HistorySection
from edge_daemon.config.hydrophone import HydrophoneSection
from edge_daemon.config.log import LogSection
from edge_daemon.config.model import ModelSection
from edge_daemon.config.mqtt import MqttSection
from edge_daemon.config.orders import OrdersSection
from edge_daemon.config.outbox import OutboxSection
from edge_daemon.config.page import PageSection
from edge_daemon.config.position import PositionSection
from edge_daemon.config.presence import PresenceSection
from edge_daemon.config.schedule import ScheduleSection
from edge_daemon.config.section import Section, key, refusal
from edge_daemon.config.storage import StorageSection

CURRENT_VERSION = 1


class Config(Section):
    """Everything that can be set. `Config()` is valid and holds the defaults."""

    version: Literal[1] = key(CURRENT_VERSION, "Version of this file's format; older files are migrated")
    device: DeviceSection = key(None, "Who reports, and from where", factory=DeviceSection)
    position: PositionSection = key(None, "How the device knows where it is", factory=PositionSection)
    deployment: DeploymentSection = key(
        None, "Facts of the deployment, for tables that go to others", factory=DeploymentSection
    )
    audio: AudioSection = key(None, "Where the sound comes from", factory=AudioSection)
    hydrophone: HydrophoneSection = key(
        None, "Calibration, for received levels in dB re 1 µPa", factory=HydrophoneSection
    )
    model: ModelSection = key(None, "Which network listens", factory=ModelSection)
    backend: BackendSection = key(None, "What runs the network", factory=BackendSection)
    detection: DetectionSection = key(
        None, "When scores become an event; empty keys use the model's operating point", factory=DetectionSection
    )
    schedule: ScheduleSection = key(None, "When to listen", factory=ScheduleSection)
    mqtt: MqttSection = key(None, "The MQTT broker", factory=MqttSection)
    orders: OrdersSection = key(None, "Signed orders from shore", factory=OrdersSection)
    storage: StorageSection = key(None, "Where data is kept across restarts", factory=StorageSection)
    outbox: OutboxSection = key(None, "Unsent detections", factory=OutboxSection)
    clips: ClipsSection = key(None, "The sound of each event", factory=ClipsSection)
    effort: EffortSection = key(None, "Record of what was listened to and what was lost", factory=EffortSection)
    history: HistorySection = key(None, "What was found and told, kept on the board", factory=HistorySection)
    presence: PresenceSection = key(None, "Tallies, and what counts as a day with whales", factory=PresenceSection)
    health: HealthSection = key(None, "Health reports and the watchdog", factory=HealthSection)
    page: PageSection = key(None, "A page on the board, for a person with a phone nearby", factory=PageSection)
    clock: ClockSection = key(None, "How samples are tied to UTC", factory=ClockSection)
    log: LogSection = key(None, "The log", factory=LogSection)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.effort.band_levels and not self.hydrophone.calibrated:
            raise refusal(
                "effort.band_levels",
                "needs a calibrated hydrophone",
                "Give hydrophone.sensitivity_db and adc_full_scale_v.",
            )
        if self.mqtt.excerpt_kb is not None and not self.clips.enabled:
            raise refusal("mqtt.excerpt_kb", "needs clips, because it sends parts of them", "Set clips.enabled: true.")
        if self.orders.enabled and not self.orders.public_keys:
            raise refusal("orders.public_keys", "is empty, so nobody could give an order", "Add a public key.")
        return self


def json_schema() -> dict[str, Any]:
    """JSON Schema of the configuration file, for editors that check while one types."""
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "edge-daemon configuration"
    schema["required"] = ["version"]
    _allow_empty_sections(schema)
    _allow_references(schema)
    return schema


def _allow_empty_sections(schema: dict[str, Any]) -> None:
    """A section whose keys are all comments reads as null, and means its defaults."""
    for section in (schema, *schema["$defs"].values()):
        for name, field in section.get("properties", {}).items():
            if "$ref" in field:
                reference = {"$ref": field.pop("$ref")}
                section["properties"][name] = {"anyOf": [reference, {"type": "null"}], **field}


_ABOUT = ("title", "description", "default", "live", "unit")
"""What a key's schema says of the key, not of its values."""


def _allow_references(schema: dict[str, Any]) -> None:
    """A value of any type may be a reference, `${ENV:NAME}`: it is replaced before it is checked."""
    reference = {"type": "string", "pattern": r"^\$\{[A-Za-z]+:[^}]+\}$"}
    for section in (schema, *schema["$defs"].values()):
        for name, field in section.get("properties", {}).items():
            section_reference = "$ref" in str(field.get("anyOf", ""))
            if section_reference or field.get("type") in ("array", "object") or _takes(field, "string"):
                continue
            about = {word: field.pop(word) for word in _ABOUT if word in field}
            alternatives = field.get("anyOf", [field])
            section["properties"][name] = {"anyOf": [*alternatives, reference], **about}


def _takes(field: dict[str, Any], kind: str) -> bool:
    alternatives = field.get("anyOf", [field])
    return any(one.get("type") == kind and not {"enum", "const", "pattern"} & one.keys() for one in alternatives)
