"""Writes config.example.yaml anew, for a key or its description has changed: `python systemd/make_example.py`."""

from __future__ import annotations

from pathlib import Path

from edge_daemon.config.profile import PROFILES
from edge_daemon.config.template import template

EXAMPLE = Path(__file__).with_name("config.example.yaml")


def example() -> str:
    """The file's text: every key with its description, and the values of the profile `buoy`."""
    values = {("device", "id"): "buoy-01", **PROFILES["buoy"]}
    return template(values, "Example configuration of edge-daemon, profile buoy.")


if __name__ == "__main__":
    EXAMPLE.write_text(example(), encoding="utf-8")
