"""Excerpts of a running daemon arrive after their detections, where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("asked", [True, False])
def test_arrives_after_its_detection_where_asked_for(make_buoy: Callable[..., Any], sample: Any, asked: bool) -> None:
    buoy = make_buoy(mqtt=True, broker={"excerpt_kb": 20} if asked else {})
    buoy.settle(lambda: buoy.daemon.components.publisher.report().state == "online")
    buoy.play(sample)
    buoy.played()
    buoy.until(buoy.seconds + 5.0)
    topics = buoy.daemon.components.topics
    buoy.settle(lambda: len(buoy.broker.payloads(topics.detections)) == 5)

    def heard() -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in buoy.broker.payloads(topics.excerpts)]

    if not asked:
        assert heard() == []
        return
    for _ in range(200):  # simulated time passes, the publisher's thread does not wait for it
        if len(heard()) == 5:
            break
        buoy.until(buoy.seconds + 0.5)
    told = [json.loads(payload) for payload in buoy.broker.payloads(topics.detections)]
    assert [one["id"] for one in heard()] == [one["id"] for one in told][-len(heard()) :]
    assert len(heard()) >= 1
    assert {one["clip"] for one in heard()} <= {one["clip"] for one in told}
