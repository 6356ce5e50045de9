"""What a running daemon keeps: detections, tallies and health, delivered or not, with a broker or without."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge_daemon.history.history import open_history
from edge_daemon.history.table import HistoryFilter, select


def kept(buoy: Any, kind: Any) -> list[Any]:
    with open_history(buoy.config.storage.history_path) as connection:
        return list(select(connection, HistoryFilter(kind=kind)))


@pytest.mark.parametrize("mqtt", [True, False])
def test_detections_stay(make_buoy: Callable[..., Any], sample: Any, mqtt: bool) -> None:
    buoy = make_buoy(mqtt=mqtt)
    if mqtt:
        buoy.settle(lambda: buoy.daemon.components.publisher.report().state == "online")
    buoy.play(sample)
    buoy.played()
    buoy.until(buoy.seconds + 6.0)
    if mqtt:
        topic = buoy.daemon.components.topics.detections
        buoy.settle(lambda: len(buoy.broker.payloads(topic)) == 5)
    buoy.until(buoy.seconds + 6.0)
    buoy.finish()
    detections = kept(buoy, "detection")
    assert len(detections) == 5
    assert {one.delivered for one in detections} == {mqtt}
    assert all(one.contour and one.clip and one.score > 0.7 for one in detections)
    assert [json.loads(one.document)["id"] for one in detections] == [one.id for one in detections]
    assert [json.loads(one.document)["state"] for one in kept(buoy, "health")]


def test_a_tally_each_period(make_buoy: Callable[..., Any], sample: Any) -> None:
    # the buoy begins at ten past, by a hair before it
    buoy = make_buoy(mqtt=True, presence={"publish_interval_s": 60.0}, detection={"max_length_s": 5.0})
    buoy.settle(lambda: buoy.daemon.components.publisher.report().state == "online")
    buoy.play(sample)
    buoy.until(210.0)
    topic = buoy.daemon.components.topics.presence
    buoy.settle(lambda: len(buoy.broker.payloads(topic)) >= 3)
    _, first, second = (json.loads(payload) for payload in buoy.broker.payloads(topic)[:3])
    assert (first["begin_utc"][11:19], first["end_utc"][11:19]) == ("00:10:00", "00:11:00")
    assert first["detections"] == first["contours"] == 5
    assert sum(first["by_score"].values()) == 5
    assert first["highest_score"] > 0.9
    assert first["listened_s"] == pytest.approx(60.0, abs=0.2)
    assert (second["detections"], second["highest_score"]) == (0, None)
    buoy.finish()
    assert [json.loads(one.document) for one in kept(buoy, "tally")][1:3] == [first, second]
