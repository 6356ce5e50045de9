"""Section `mqtt`: the broker, how to prove who we are, and how much may be sent.

Passwords never go into this file: they come from a file that only the daemon can read, or from a systemd credential.
"""

from __future__ import annotations

import math
import re
from ipaddress import IPv6Address
from typing import Literal, Self

from pydantic import field_validator, model_validator

from edge_daemon.config.section import ConfigPath, Section, key, refusal

PING_BYTES = 142
"""What one question whether the broker is still there takes, both ways, with TLS."""
PING_SHARE = 0.05


class TlsSection(Section):
    """Encryption of the connection. The broker's certificate is always checked."""

    enabled: bool = key(False, "Encrypt the connection")
    ca_file: ConfigPath | None = key(
        None, "Certificate authority that signed the broker's certificate. Empty: the system's"
    )
    certificate_file: ConfigPath | None = key(None, "This device's certificate, if the broker asks for one")
    key_file: ConfigPath | None = key(None, "Key of `certificate_file`; readable by the daemon only")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.certificate_file is not None and self.key_file is None:
            raise refusal("certificate_file", "is given without key_file", "A client certificate needs its key.")
        if self.key_file is not None and self.certificate_file is None:
            raise refusal("key_file", "is given without certificate_file", "A key needs its certificate.")
        for name in ("ca_file", "certificate_file"):
            if not self.enabled and getattr(self, name) is not None:
                raise refusal(name, "is given, but TLS is not enabled", "Set `enabled: true` under `tls`.")
        return self


class HomeAssistantSection(Section):
    """Announcement of the device to Home Assistant (MQTT discovery)."""

    enabled: bool = key(False, "Publish discovery messages, so that the device appears in Home Assistant automatically")
    prefix: str = key("homeassistant", "Discovery prefix set in Home Assistant", min_length=1, max_length=64)

    @field_validator("prefix")
    @classmethod
    def _fits_a_topic(cls, value: str) -> str:
        return plain_topic(value)


class MqttSection(Section):
    """Broker, credentials, reconnecting, and limits for slow links."""

    enabled: bool = key(True, "Publish over MQTT; if false, detections stay in the outbox and in clips")
    host: str = key("localhost", "Broker's name or address", min_length=1, max_length=253)
    port: int | None = key(None, "Broker's port. Empty: 8883 with TLS, 1883 without", ge=1, le=65_535)
    protocol: Literal["auto", "mqtt5", "mqtt311"] = key("auto", "`auto`: MQTT 5, or 3.1.1 if the broker refuses it")
    prefix: str = key("edge_daemon", "First part of all topics", min_length=1, max_length=128)
    client_id: str | None = key(None, "Client identifier. Empty: edge-daemon-DEVICE", min_length=1, max_length=128)
    username: str | None = key(None, "User name for the broker", min_length=1, max_length=256)
    password_file: ConfigPath | None = key(
        None, "File that holds the password; must not be readable by others (chmod 600)"
    )
    password_credential: str | None = key(
        None, "systemd credential that holds the password (LoadCredential=NAME:…)", min_length=1, max_length=255
    )
    keepalive_s: int = key(
        60,
        "Keep-alive interval; longer by itself where it would take more than a twentieth of bytes_per_hour",
        unit="s",
        ge=5,
        le=3600,
    )
    connect_timeout_s: float = key(15.0, "Give up a connection attempt after this long", unit="s", ge=1, le=300)
    acknowledge_timeout_s: float = key(
        60.0, "Reconnect after this long without an acknowledgement", unit="s", ge=2, le=3600
    )
    reconnect_first_s: float = key(1.0, "First pause before reconnecting", unit="s", ge=0.05, le=600)
    reconnect_longest_s: float = key(
        300.0, "Longest pause before reconnecting; pauses double up to it, with jitter", unit="s", ge=0.1, le=86_400
    )
    read_back: bool = key(
        True,
        "Where the broker does not say what it takes (MQTT 3.1.1, or QoS 0 only), count messages as delivered only "
        "after one was read back; the user then needs the right to read its own topics",
    )
    in_flight: int = key(20, "Most detections sent but not yet acknowledged", ge=1, le=1000)
    drain_rate: float = key(
        10.0,
        "Most detections sent per second, so that a backlog does not fill the link",
        unit="1/s",
        gt=0,
        le=10_000,
        live=True,
    )
    drain_order: Literal["newest", "oldest"] = key("oldest", "Which detections of a backlog are sent first", live=True)
    bytes_per_hour: int | None = key(
        None,
        "Byte budget for slow links; status and detections go first. Empty: no limit",
        unit="B/h",
        ge=1000,
        le=10_000_000_000,
        live=True,
    )
    form: Literal["json", "compact"] = key(
        "json",
        "How documents are sent. `compact` is for slow links: a call with its picture takes a seventh of the bytes; "
        "all go out on one topic, `…/packed`, which `edge-daemon watch` and `edge-daemon decode` read",
    )
    thumbnails: bool = key(
        False,
        "Also send a very small picture of each call: 0.6 kB as JSON, after detections and reports of effort; 0.06 kB "
        "in the compact form, with its detection",
    )
    excerpt_kb: int | None = key(
        None,
        "Also send each clip's sound, cut to this size, when nothing else is waiting. Empty: do not send",
        unit="kB",
        ge=2,
        le=1000,
    )
    tls: TlsSection = key(None, "Encryption", factory=TlsSection)
    home_assistant: HomeAssistantSection = key(None, "Home Assistant discovery", factory=HomeAssistantSection)

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        return plain_host(value)

    @field_validator("prefix")
    @classmethod
    def _fits_a_topic(cls, value: str) -> str:
        return plain_topic(value)

    @field_validator("password_credential")
    @classmethod
    def _is_a_credential(cls, value: str | None) -> str | None:
        return None if value is None else plain_credential(value)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.password_file is not None and self.password_credential is not None:
            raise refusal("password_credential", "is given together with password_file", "Keep one of the two.")
        for name in ("password_file", "password_credential"):
            if getattr(self, name) is not None and self.username is None:
                raise refusal(name, "is given without username", "Add `username`.")
        if self.form == "compact" and self.home_assistant.enabled:
            raise refusal(
                "form",
                "is compact, which Home Assistant cannot read",
                "Set `enabled: false` under `home_assistant`, or `form: json`.",
            )
        if self.reconnect_first_s > self.reconnect_longest_s:
            raise refusal("reconnect_first_s", f"is longer than reconnect_longest_s ({self.reconnect_longest_s:g} s)")
        return self

    @property
    def effective_keepalive_s(self) -> int:
        """The keep-alive that is used: with a byte budget so long that it takes a twentieth of it at most."""
        if self.bytes_per_hour is None:
            return self.keepalive_s
        least = math.ceil(3600 * PING_BYTES / (PING_SHARE * self.bytes_per_hour))
        return min(3600, max(self.keepalive_s, least))

    @property
    def effective_port(self) -> int:
        """The port that is used: the one given, else the usual one."""
        return self.port if self.port is not None else (8883 if self.tls.enabled else 1883)


def plain_host(value: str) -> str:
    """Refuse what is more than a host's name or address."""
    # none of these repeats the value: people write `user:password@host`
    only = "must be only a host name or an address"
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", value):
        raise refusal("", only, "Port, user and password have their own keys.")
    if ":" in value:
        try:
            IPv6Address(value)
        except ValueError:
            raise refusal(
                "", f"{only}; a colon stands in IPv6 addresses only", "The port has a key of its own."
            ) from None
    # RFC 1035, 2.3.4: labels of 1 to 63 octets; one empty label at the end is the root
    elif not all(1 <= len(label) <= 63 for label in value.removesuffix(".").split(".")):
        raise refusal("", only, "Use 1 to 63 characters between dots.")
    return value


def plain_credential(value: str) -> str:
    """Refuse what cannot be the name of a systemd credential."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
        raise refusal("", f"must be the plain name of a credential, not {value!r}")
    return value


def plain_topic(value: str) -> str:
    """Refuse what a topic cannot hold: wildcards, control characters, empty levels at the ends."""
    if re.search(r"[+#\x00-\x1f\x7f]", value) or value.startswith(("/", "$")) or value.endswith("/"):
        raise refusal("", f"is not a topic: {value!r}", "Do not use + or #, a / at either end, or a leading $.")
    return value
