"""Which broker a command speaks to: a configuration file's, with options instead of single keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_daemon.config.mqtt import MqttSection

_OPTIONS = (
    click.option(
        "--config", "file", type=click.Path(path_type=Path), help="Take the broker from a configuration file."
    ),
    click.option("--host", help="Broker (default: localhost)."),
    click.option("--port", type=int, help="Its port (default: 1883, with TLS 8883)."),
    click.option("--prefix", help="First part of the topics (default: edge_daemon)."),
    click.option("--ca-file", type=click.Path(path_type=Path), help="Encrypt, trusting this certificate authority."),
    click.option("--tls", is_flag=True, help="Encrypt, trusting the system's certificate authorities."),
    click.option("--username", help="User name."),
    click.option("--password-file", type=click.Path(path_type=Path), help="File with the password (chmod 600)."),
)


def broker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `BrokerChoice`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class BrokerChoice:
    """The options as they were given; None where one was not."""

    file: Path | None
    host: str | None
    port: int | None
    prefix: str | None
    ca_file: Path | None
    tls: bool
    username: str | None
    password_file: Path | None

    def settings(self) -> tuple[MqttSection, Mapping[str, str]]:
        """Section `mqtt` for it, and the environment in which its credentials are found.

        Raises:
            ConfigError: the configuration file cannot be used.
            UsageError: the options contradict each other.
        """
        from pydantic import ValidationError

        from edge_daemon.config import load
        from edge_daemon.config.mqtt import MqttSection
        from edge_daemon.errors import UsageError
        from edge_daemon.system.credentials import environment_by_hand

        environment = os.environ if self.file is None else environment_by_hand(self.file.parent, os.environ)
        settings = MqttSection() if self.file is None else load(self.file, environment).config.mqtt
        given: dict[str, Any] = {name: getattr(self, name) for name in ("host", "port", "prefix", "username")}
        given["password_file"] = self.password_file
        data = settings.model_dump() | {name: value for name, value in given.items() if value is not None}
        if self.password_file is not None:
            data["password_credential"] = None
        if self.ca_file is not None or self.tls:
            ca_file = {} if self.ca_file is None else {"ca_file": self.ca_file}
            data["tls"] = {**data["tls"], "enabled": True, **ca_file}
        try:
            return MqttSection.model_validate(data), environment
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"The broker's settings: {place} {first['msg']}.") from None

    @property
    def blamed(self) -> Mapping[str, str]:
        """Options that stand for keys, for `blaming_options`."""
        return {} if self.password_file is None else {"mqtt.password_file": "--password-file"}
