"""Section `alerts` of the station's configuration: rules, and where alerts go."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from edge_daemon.config.mqtt import plain_topic
from edge_daemon.config.section import Section, key, refusal

Trouble = Literal["offline", "deaf", "disk", "clock"]


class AlertRule(Section):
    """When to warn: of calls, of a reviewer's verdict, or of trouble with a device."""

    name: str = key("", "Name of the rule, at the head of its alerts", min_length=1, max_length=64)
    when: Literal["calls", "verdict", "trouble"] = key(
        "calls", "`calls`: detections come; `verdict`: a reviewer says call; `trouble`: a device is not well"
    )
    devices: list[str] = key(
        None, "Names of devices; a * stands for any rest. Empty: all", factory=list, max_length=1000
    )
    together: bool = key(False, "Count the calls of all these devices together, not of each")
    calls: int = key(1, "So many calls", ge=1, le=10_000)
    least_score: float = key(0.0, "Calls with a lower peak score do not count", ge=0, le=1)
    within_min: float = key(60.0, "Time within which they must lie", unit="min", gt=0, le=10_080)
    late: bool = key(False, "Count calls that come more than late_min after they were heard, too")
    late_min: float = key(30.0, "From when on a call is late", unit="min", gt=0, le=100_000)
    trouble: list[Trouble] = key(
        None, "`offline`, `deaf` (no sound, or none that can be a hydrophone's), `disk` (nearly full), `clock` (lost)",
        factory=lambda: ["offline", "deaf", "disk", "clock"], max_length=4,
    )  # fmt: skip
    disk_mb: float = key(200.0, "Trouble `disk`: less room than this", unit="MB", ge=0, le=1e9)
    offline_min: float = key(10.0, "Trouble `offline`: for so long", unit="min", ge=0, le=100_000)
    pause_min: float = key(60.0, "After an alert the rule is silent for so long", unit="min", ge=0, le=100_000)
    to: list[str] = key(None, "Names of channels. Empty: all", factory=list, max_length=32)

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if not self.name:
            raise refusal("name", "is required")
        return self

    def concerns(self, device: str) -> bool:
        """Whether the rule is about this device."""
        patterns = (re.escape(one).replace(r"\*", ".*") for one in self.devices)
        return not self.devices or any(re.fullmatch(pattern, device) for pattern in patterns)


class AlertChannel(Section):
    """Where alerts go."""

    name: str = key("", "Name of the channel", min_length=1, max_length=64)
    kind: Literal["webhook", "mqtt", "apprise"] = key(
        "webhook", "`webhook`: POST of a JSON document; `mqtt`: the same to a topic; `apprise`: mail, SMS, chat (extra)"
    )
    url: str = key(
        "", "Webhook: http(s)://…; apprise: one of its addresses. May be a ${CREDENTIAL:NAME}", max_length=2000
    )
    topic: str = key("", "Kind `mqtt`: the topic, such as edge_daemon/alerts", max_length=256)

    @field_validator("topic")
    @classmethod
    def _fits_a_topic(cls, value: str) -> str:
        return plain_topic(value) if value else value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.name:
            raise refusal("name", "is required")
        if self.kind == "webhook" and not re.match(r"https?://", self.url):
            raise refusal("url", "must begin with http:// or https://")
        if self.kind == "apprise" and not self.url:
            raise refusal("url", "is required with kind `apprise`")
        if self.kind == "mqtt" and not self.topic:
            raise refusal("topic", "is required with kind `mqtt`")
        return self


class AlertsSection(Section):
    """Rules, and where alerts go."""

    rules: list[AlertRule] = key(None, "When to warn", factory=list, max_length=100)
    channels: list[AlertChannel] = key(None, "Where alerts go", factory=list, max_length=32)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for kind, named in (("channels", self.channels), ("rules", self.rules)):
            names = [one.name for one in named]
            if len(set(names)) < len(names):
                raise refusal(kind, "has two of one name", "Give each its own.")
        known = {channel.name for channel in self.channels}
        for number, rule in enumerate(self.rules):
            if unknown := [name for name in rule.to if name not in known]:
                raise refusal(f"rules.{number}.to", f"names {unknown[0]!r}, which is no channel")
        return self
