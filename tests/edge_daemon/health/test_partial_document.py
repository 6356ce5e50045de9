"""A health document of what can be told; what cannot is said to be missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.partial_document import PartialDocument
from edge_daemon.testing.machine import board_health


def begun() -> PartialDocument:
    counted = HealthCounters(0).report(0)
    return PartialDocument(
        device="buoy-7", utc="2026-01-01T00:00:00.000000Z", version="0", uptime_s=0.0, state="ok", reasons=(),
        detections=0, windows=counted.windows, latency=counted.latency, gaps=counted.gaps,
    )  # fmt: skip


def fail() -> Any:
    raise OSError("the driver is gone")


@pytest.mark.parametrize(
    ("part", "report"),
    [
        ("board", fail),
        ("board", lambda: "hot"),
        ("board", lambda: board_health().model_copy(update={"memory_mb": "much"})),
        ("backend", lambda: {"chips": "many"}),
        ("backend", lambda: [1, 2]),
        ("clips", lambda: {"stored": object()}),
        ("input", lambda: InputHealth.model_construct(phase="listening", device=b"\xff")),  # type: ignore[arg-type]
        ("mqtt", lambda: {"state": "online"}),
        ("ambient_db", lambda: "loud"),
    ],
)
def test_what_cannot_be_told_is_left_out_and_said(part: str, report: Any) -> None:
    document = begun()
    document.add("ambient_db", lambda: 91.5)
    document.add(part, report)
    document.add("queues", lambda: {"sound": {"length": 1, "capacity": 2}})
    told = json.loads(document.document.to_json())
    assert told["ambient_db"] == (None if part == "ambient_db" else 91.5)
    assert told["queues"]["sound"]["capacity"] == 2
    assert not told[part]
    assert list(document.left_out) == [part]
    assert document.sentences() == [f"health of '{part}' cannot be told: {type(document.left_out[part]).__name__}"]


def test_what_can_be_told_is_told() -> None:
    document = begun()
    document.add("board", lambda: board_health(memory_mb=80.0))
    assert document.document.board == board_health(memory_mb=80.0)
    assert document.sentences() == []
