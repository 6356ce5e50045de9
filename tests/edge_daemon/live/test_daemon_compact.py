"""A daemon that packs its documents says the same as one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from edge_daemon.documents.compact import unpacked
from edge_daemon.history.history import open_history
from edge_daemon.history.table import HistoryFilter, select


def test_all_goes_out_on_one_topic_and_is_what_the_history_has(make_buoy: Callable[..., Any], sample: Any) -> None:
    buoy = make_buoy(mqtt=True, broker={"thumbnails": True, "form": "compact"})
    buoy.settle(lambda: buoy.daemon.components.publisher.report().state == "online")
    buoy.play(sample)
    buoy.played()
    buoy.until(buoy.seconds + 5.0)
    topics = buoy.daemon.components.topics

    def heard() -> list[tuple[str, bytes]]:
        return [one for payload in buoy.broker.payloads(topics.packed) for one in unpacked(topics.packed, payload)]

    def about(topic: str) -> list[bytes]:
        return [payload for name, payload in heard() if name == topic]

    buoy.settle(lambda: len(about(topics.detections)) == 5 and about(topics.health))
    assert {topic for topic, _ in buoy.broker.received} == {topics.packed, topics.status}
    shown = [json.loads(payload)["id"] for payload in about(topics.thumbnails)]
    assert shown == [json.loads(payload)["id"] for payload in about(topics.detections)]
    buoy.finish()
    with open_history(buoy.config.storage.history_path) as connection:
        kept = [entry.document.encode() for entry in select(connection, HistoryFilter())]
    assert sorted(about(topics.detections)) == sorted(kept)
    longest = max(len(payload) for payload in buoy.broker.payloads(topics.packed) if payload[:1] == b"\x02")
    assert longest < 250
