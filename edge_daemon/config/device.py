"""Section `device`: who reports, and from where."""

from __future__ import annotations

import re
import socket
from typing import Self

from pydantic import field_validator, model_validator

from edge_daemon.config.section import Section, key, refusal


def host_name() -> str:
    """This machine's name, cut down to what a topic may hold."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname().split(".")[0])[:64].strip(".") or "edge-daemon"


class DeviceSection(Section):
    """The device's identity and its position."""

    id: str = key(
        None,
        "Name of this device in topics and detections; must be unique in the fleet. Default: the host's name",
        factory=host_name,
        min_length=1,
        max_length=64,
    )
    name: str = key("", "Name for people, shown in Home Assistant and in reports", max_length=128)
    latitude: float | None = key(
        None, "Position if position.source is `fixed`, north positive (WGS 84)", unit="°", ge=-90, le=90, live=True
    )
    longitude: float | None = key(
        None, "Position if position.source is `fixed`, east positive (WGS 84)", unit="°", ge=-180, le=180, live=True
    )

    @field_validator("id")
    @classmethod
    def _fits_a_topic(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", value):
            raise refusal(
                "", f"may have only letters, digits, dot, dash and underscore, not {value!r}", "It is part of topics."
            )
        return value

    @model_validator(mode="after")
    def _whole_position(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            given, absent = ("longitude", "latitude") if self.latitude is None else ("latitude", "longitude")
            raise refusal(given, f"is given without {absent}", f"Give both or neither: add `{absent}`.")
        return self
