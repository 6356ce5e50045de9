"""The station's configuration: one file, by the same rules as the daemon's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import field_validator, model_validator

from edge_daemon.config.deployment import DeploymentSection
from edge_daemon.config.mqtt import MqttSection, TlsSection, plain_host, plain_topic
from edge_daemon.config.orders import public_keys
from edge_daemon.config.presence import PresenceRuleSection
from edge_daemon.config.section import ConfigPath, Section, key, refusal
from edge_daemon.shore.alert_settings import AlertsSection


class BrokerSection(Section):
    """The broker that the devices publish to."""

    host: str = key("localhost", "Broker's name or address", min_length=1, max_length=253)
    port: int | None = key(None, "Broker's port. Empty: 8883 with TLS, 1883 without", ge=1, le=65_535)
    protocol: Literal["auto", "mqtt5", "mqtt311"] = key("auto", "`auto`: MQTT 5, or 3.1.1 if the broker refuses it")
    prefix: str = key("edge_daemon", "First part of all topics, as the devices have it", min_length=1, max_length=128)
    client_id: str = key(
        "edge-daemon-shore", "Name of our session at the broker; another for each station", min_length=1, max_length=128
    )
    username: str | None = key(None, "User name for the broker", min_length=1, max_length=256)
    password_file: ConfigPath | None = key(
        None, "File that holds the password; must not be readable by others (chmod 600)"
    )
    password_credential: str | None = key(
        None, "systemd credential that holds the password (LoadCredential=NAME:…)", min_length=1, max_length=255
    )
    keepalive_s: int = key(60, "Keep-alive interval", unit="s", ge=5, le=3600)
    connect_timeout_s: float = key(15.0, "Give up a connection attempt after this long", unit="s", ge=1, le=300)
    session_days: int = key(
        30, "For how long the broker keeps what comes while the station is away, if it allows so much", unit="d", ge=1,
        le=3650,
    )  # fmt: skip
    share: str | None = key(
        None, "Stations with the same word here share the messages between them (MQTT 5). Empty: each gets all",
        min_length=1, max_length=64,
    )  # fmt: skip
    tls: TlsSection = key(None, "Encryption", factory=TlsSection)

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        return plain_host(value)

    @field_validator("prefix", "share")
    @classmethod
    def _fits_a_topic(cls, value: str | None) -> str | None:
        return None if value is None else plain_topic(value)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.password_file is not None and self.password_credential is not None:
            raise refusal("password_credential", "is given together with password_file", "Keep one of the two.")
        for name in ("password_file", "password_credential"):
            if getattr(self, name) is not None and self.username is None:
                raise refusal(name, "is given without username", "Add `username`.")
        if self.share is not None and self.protocol == "mqtt311":
            raise refusal("share", "needs MQTT 5", "Set `protocol: mqtt5`, or remove `share`.")
        return self

    def connection(self) -> MqttSection:
        """What the MQTT client of the house takes."""
        names = (
            *("host", "port", "protocol", "prefix", "client_id", "username", "password_file", "password_credential"),
            *("keepalive_s", "connect_timeout_s", "tls"),
        )
        return MqttSection.model_validate({name: getattr(self, name) for name in names})


class DatabaseSection(Section):
    """Where everything is kept."""

    file: ConfigPath = key(Path("/var/lib/edge-daemon-shore/shore.db"), "SQLite's file; created if absent")
    url: str | None = key(
        None, "PostgreSQL's address in place of a file: postgresql://USER:PASSWORD@HOST/DATABASE", max_length=2000
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"postgresql(\+psycopg)?://", value):
            raise refusal("", "must begin with postgresql://", "For SQLite give `file`.")
        return value

    @property
    def address(self) -> str:
        """As the database library wants it."""
        if self.url is None:
            return f"sqlite:///{self.file}"
        return re.sub(r"^postgresql://", "postgresql+psycopg://", self.url)


class WebSection(Section):
    """The pages."""

    address: str = key("127.0.0.1", "Address to listen at; 0.0.0.0 for all networks", min_length=1, max_length=253)
    port: int = key(8765, "Port", ge=0, le=65_535)
    hosts: list[str] = key(
        None, "Names by which browsers call the station, as they stand in the address bar, without the port",
        factory=lambda: ["localhost", "127.0.0.1", "[::1]"], max_length=32,
    )  # fmt: skip
    certificate_file: ConfigPath | None = key(None, "Certificate for HTTPS, PEM. Empty: HTTP")
    key_file: ConfigPath | None = key(None, "Its key, PEM")
    behind_proxy: bool = key(
        False, "A proxy on this machine speaks HTTPS to browsers: believe its X-Forwarded-For and -Proto"
    )
    public: bool = key(False, "Show fleet and presence, without sound, to everybody who can reach the port")
    session_hours: float = key(12.0, "After so long without a request a user must log in again", unit="h", gt=0, le=720)
    tiles: str | None = key(
        None, "Map tiles to draw positions on: https://HOST/…/{z}/{x}/{y}.png. Empty: a plain graticule", max_length=500
    )

    @field_validator("address")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        return plain_host(value)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            given, absent = ("certificate_file", "key_file")
            if self.certificate_file is None:
                given, absent = absent, given
            raise refusal(given, f"is given without {absent}", f"Give both or neither: add `{absent}`.")
        return self


class KeepSection(Section):
    """For how long things are kept; detections, verdicts and effort for ever."""

    health_days: int = key(400, "Health documents, and replies to orders", unit="d", ge=1, le=36_500)
    sound_days: int = key(400, "Excerpts of sound", unit="d", ge=1, le=36_500)


class OrdersSeenSection(Section):
    """Orders to devices: signed elsewhere, shown here, and handed to the broker for users who may order."""

    public_keys: list[str] = key(
        None,
        "Public keys of those who give orders, as in the devices' own configuration; needs the package PyNaCl. Empty: "
        "signatures are not checked here, and no order is sent from the page",
        factory=list,
        max_length=8,
    )

    @field_validator("public_keys")
    @classmethod
    def _are_keys(cls, value: list[str]) -> list[str]:
        return public_keys(value)


class DeviceDeployment(DeploymentSection):
    """What tables for archives say of a device's deployment; what is empty here stays empty there."""

    device: str = key("", "Id of the device", min_length=1, max_length=64)
    model_rate: int | None = key(None, "Samples per second that its model hears at", unit="Hz", ge=100, le=1_000_000)
    recording_rate: int | None = key(None, "Samples per second of its recorder", unit="Hz", ge=100, le=1_000_000)

    @model_validator(mode="after")
    def _is_of_a_device(self) -> Self:
        if not self.device:
            raise refusal("device", "is required")
        return self


class StationConfig(Section):
    """Everything that can be set. `StationConfig()` is valid and holds the defaults."""

    version: Literal[1] = key(1, "Version of this file's format")
    name: str = key("Shore station", "Name of the station, at the top of each page", min_length=1, max_length=128)
    mqtt: BrokerSection = key(None, "The MQTT broker", factory=BrokerSection)
    database: DatabaseSection = key(None, "Where everything is kept", factory=DatabaseSection)
    web: WebSection = key(None, "The pages", factory=WebSection)
    presence: PresenceRuleSection = key(
        None, "What counts as an hour or a day with whales, for all devices", factory=PresenceRuleSection
    )
    deployments: list[DeviceDeployment] = key(
        None, "Facts of deployments, for tables that go to archives", factory=list, max_length=20_000
    )
    orders: OrdersSeenSection = key(None, "Orders to devices", factory=OrdersSeenSection)
    keep: KeepSection = key(None, "For how long things are kept", factory=KeepSection)
    alerts: AlertsSection = key(None, "Who is warned of what", factory=AlertsSection)

    @model_validator(mode="after")
    def _one_deployment_each(self) -> Self:
        devices = [one.device for one in self.deployments]
        if len(set(devices)) < len(devices):
            raise refusal("deployments", "has two of one device", "Keep the one that is in the water.")
        return self
