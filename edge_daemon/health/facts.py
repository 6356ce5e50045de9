"""Facts of a device, for pages: names and texts from its newest health document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def health_facts(document: Mapping[str, Any]) -> list[list[str]]:
    """Lines of name and text.

    Args:
        document: of health, as JSON has it; parts may be missing.
    """
    model, clock, outbox, board = (document.get(part) or {} for part in ("model", "clock", "outbox", "board"))
    facts: list[tuple[str, object, str]] = [
        ("program", f"edge-daemon {document['version']}", ""),
        ("running for", round(document["uptime_s"] / 3600, 1), " h"),
        ("model", f"{model['name']} {model['version']}" if model else None, ""),
        ("clock", clock.get("state"), ""),
        ("messages that wait", outbox.get("depth"), ""),
        ("disk space left", _rounded(board.get("disk_free_mb")), " MB"),
        ("processor", board.get("cpu_percent"), " % of a core"),
        ("memory", _rounded(board.get("memory_mb")), " MB"),
        ("temperature", board.get("temperature_c"), " °C"),
    ]
    return [[name, f"{value}{unit}"] for name, value, unit in facts if value is not None]


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
