"""Thumbnails of a running daemon follow their detections, where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("asked", [True, False])
def test_one_for_each_call_where_asked_for(make_buoy: Callable[..., Any], sample: Any, asked: bool) -> None:
    buoy = make_buoy(mqtt=True, broker={"thumbnails": asked})
    buoy.settle(lambda: buoy.daemon.components.publisher.report().state == "online")
    buoy.play(sample)
    buoy.played()
    buoy.until(buoy.seconds + 5.0)
    topics = buoy.daemon.components.topics
    wanted = 5 if asked else 0
    buoy.settle(lambda: len(buoy.broker.payloads(topics.detections)) == 5)
    buoy.settle(lambda: len(buoy.broker.payloads(topics.thumbnails)) == wanted)
    detections = [json.loads(payload) for payload in buoy.broker.payloads(topics.detections)]
    assert all(one["call"] and one["contour"] for one in detections)
    shown = [json.loads(payload) for payload in buoy.broker.payloads(topics.thumbnails)]
    if asked:
        assert {one["id"] for one in shown} == {one["id"] for one in detections}
        assert all(len(payload) <= 700 for payload in buoy.broker.payloads(topics.thumbnails))
