"""Section `page`: a page on the board itself, for a person with a phone nearby."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import field_validator, model_validator

from edge_daemon.config.mqtt import plain_credential, plain_host
from edge_daemon.config.section import ConfigPath, Section, key, refusal

LONGEST_SOCKET = 107
"""Bytes in the path of a Unix socket, as the kernel has it."""


class PageSection(Section):
    """`edge-daemon page`: live, presence and device in a browser, served by a process of its own."""

    enabled: bool = key(
        False, "Tell `edge-daemon page` what is heard, while somebody looks; costs nothing while nobody does"
    )
    address: str = key(
        "127.0.0.1", "Address to listen at; 0.0.0.0 for all networks, with a password only", min_length=1,
        max_length=253,
    )  # fmt: skip
    port: int = key(8766, "Port", ge=0, le=65_535)
    hosts: list[str] = key(
        None, "Names by which browsers call the board, beside its addresses and its host name, without the port",
        factory=lambda: ["localhost"], max_length=32,
    )  # fmt: skip
    password_file: ConfigPath | None = key(
        None, "File that holds the page's password; must not be readable by others (chmod 600)"
    )
    password_credential: str | None = key(
        None, "systemd credential that holds the password (LoadCredential=NAME:…)", min_length=1, max_length=255
    )
    session_hours: float = key(24.0, "After so long the password is asked for again", unit="h", gt=0, le=720)
    socket: ConfigPath = key(
        Path("/run/edge-daemon/page.sock"), "Socket by which the daemon tells the page's process what it hears"
    )

    @field_validator("address")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        return plain_host(value)

    @field_validator("password_credential")
    @classmethod
    def _is_a_credential(cls, value: str | None) -> str | None:
        return None if value is None else plain_credential(value)

    @field_validator("socket")
    @classmethod
    def _fits(cls, value: Path) -> Path:
        if len(str(value).encode()) > LONGEST_SOCKET:
            raise refusal("", f"must be a path of at most {LONGEST_SOCKET} bytes, as a socket's", "Use a shorter one.")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.password_file is not None and self.password_credential is not None:
            raise refusal("password_credential", "is given together with password_file", "Keep one of the two.")
        if not self.protected and not self.on_loopback:
            raise refusal(
                "address",
                f"is {self.address}, where others can reach the page, but there is no password",
                "Give password_credential or password_file, or keep 127.0.0.1 and use an SSH tunnel.",
            )
        return self

    @property
    def protected(self) -> bool:
        """Whether the page asks for a password."""
        return self.password_file is not None or self.password_credential is not None

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ip_address(self.address).is_loopback
        except ValueError:
            return self.address == "localhost"
