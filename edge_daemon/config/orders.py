"""Section `orders`: whether anybody on shore may change something, and who."""

from __future__ import annotations

import re

from pydantic import field_validator

from edge_daemon.config.section import Section, key, refusal


class OrdersSection(Section):
    """Signed orders over MQTT, off unless they are asked for."""

    enabled: bool = key(False, "Take signed orders from the topic `orders`; needs the package PyNaCl")
    public_keys: list[str] = key(
        None,
        "Public keys (64 hexadecimal digits each) of those who may give orders; `edge-daemon orders keygen` makes one",
        factory=list,
        max_length=8,
    )
    groups: list[str] = key(
        None,
        "Groups that the device belongs to: orders for a group are for all of its devices",
        factory=list,
        max_length=16,
    )
    trial_s: float = key(
        600.0,
        "A change by an order is taken back unless windows were scored and the broker was reached within this time",
        unit="s",
        ge=5,
        le=86_400,
    )

    @field_validator("public_keys")
    @classmethod
    def _are_keys(cls, value: list[str]) -> list[str]:
        return public_keys(value)

    @field_validator("groups")
    @classmethod
    def _fit_a_topic(cls, value: list[str]) -> list[str]:
        for number, text in enumerate(value):
            if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,62}", text):
                raise refusal(f"{number}", f"may have only letters, digits, dot, dash and underscore, not {text!r}")
        return value


def public_keys(value: list[str]) -> list[str]:
    """Public keys of those who give orders, if they can be such.

    Raises:
        ValueError: one has not the form of a key.
    """
    for number, text in enumerate(value):
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise refusal(f"{number}", "must be 64 hexadecimal digits", "`edge-daemon orders keygen` prints them.")
    return value
