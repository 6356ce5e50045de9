"""Every key that is marked `live` reaches the component that it is about when the configuration is read again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config import Config
from edge_daemon.config.catalogue import entries
from edge_daemon.testing.machine import board_health


def told_of_disk(buoy: Any) -> bool:
    buoy.board.reading = board_health(disk_free_mb=5000.0)
    return any("5000 MB of disk space left" in reason for reason in buoy.daemon.health.document().reasons)


def latitude(buoy: Any) -> float | None:
    position = buoy.daemon.components.reporter._origin.position
    return None if position is None else float(position.latitude)


def longitude(buoy: Any) -> float | None:
    position = buoy.daemon.components.reporter._origin.position
    return None if position is None else float(position.longitude)


def courier(buoy: Any) -> Any:
    return buoy.daemon.components.publisher._courier


def rules(buoy: Any) -> Any:
    """The rules by which the next window is judged."""
    buoy.daemon.turn()
    return buoy.daemon.components.scoring._pipeline._finder.rules


def schedule(buoy: Any) -> Any:
    return buoy.daemon.components.schedule._schedule


EFFECTS: dict[str, tuple[object, Callable[[Any], object], object]] = {
    "clips.max_age_days": (2.0, lambda buoy: buoy.daemon.components.store.rules.max_age_s, 172_800.0),
    "clips.max_total_mb": (7.0, lambda buoy: buoy.daemon.components.store.rules.max_bytes, 7_000_000),
    "clips.min_free_mb": (9.0, lambda buoy: buoy.daemon.components.store.rules.min_free_bytes, 9_000_000),
    "clips.margin_s": (3.5, lambda buoy: buoy.daemon.components.cutter._recorder._margin, 7000),
    "clips.max_length_s": (12.0, lambda buoy: buoy.daemon.components.cutter._recorder._max_length, 24_000),
    "detection.threshold": (0.91, lambda buoy: rules(buoy).threshold, 0.91),
    "detection.threshold_low": (0.11, lambda buoy: rules(buoy).threshold_low, 0.11),
    "detection.min_windows": (7, lambda buoy: rules(buoy).min_windows, 7),
    "detection.min_rise_hz": (25.0, lambda buoy: rules(buoy).min_rise_hz, 25.0),
    "detection.context_s": (120.0, lambda buoy: rules(buoy).context_s, 120.0),
    "detection.merge_gap_s": (1.25, lambda buoy: rules(buoy).merge_gap_s, 1.25),
    "detection.refractory_s": (4.0, lambda buoy: rules(buoy).refractory_s, 4.0),
    "device.latitude": (42.5, latitude, 42.5),
    "device.longitude": (-70.5, longitude, -70.5),
    "effort.publish_interval_s": (60.0, lambda buoy: buoy.daemon.components.periods._length_ns, 60 * 10**9),
    "effort.keep_days": (3.0, lambda buoy: buoy.daemon.components.expiry.keep_days, 3.0),
    "health.interval_s": (17.0, lambda buoy: buoy.daemon._reporter._collector.section.interval_s, 17.0),
    "health.disk_warning_mb": (6000.0, told_of_disk, True),
    "history.keep_days": (2.0, lambda buoy: buoy.daemon.components.history.keep_s, 172_800.0),
    "history.max_mb": (3.0, lambda buoy: buoy.daemon.components.history.max_bytes, 3_000_000),
    "presence.publish_interval_s": (60.0, lambda buoy: buoy.daemon.components.tally_periods._length_ns, 60 * 10**9),
    # the rule is read with the file by `edge-daemon presence`: a daemon has only to know that nothing waits
    "presence.least_score": (0.5, lambda buoy: buoy.daemon.config.presence.least_score, 0.5),
    "presence.least_effort": (0.25, lambda buoy: buoy.daemon.config.presence.least_effort, 0.25),
    "presence.detected_calls": (3, lambda buoy: buoy.daemon.config.presence.detected_calls, 3),
    "presence.detected_within_min": (9.0, lambda buoy: buoy.daemon.config.presence.detected_within_min, 9.0),
    "log.level": ("error", lambda _buoy: logging.getLogger("edge_daemon").level, logging.ERROR),
    "mqtt.drain_rate": (3.0, lambda buoy: courier(buoy)._delivery._bucket.rate, 3.0),
    "mqtt.drain_order": ("newest", lambda buoy: courier(buoy)._settings.drain_order, "newest"),
    "mqtt.bytes_per_hour": (123_456, lambda buoy: courier(buoy)._wire.budget.limit, 123_456),
    "position.max_age_s": (7.0, lambda buoy: buoy.daemon.components.receiver.track.max_age_s, 7.0),
    "position.max_speed_m_s": (3.0, lambda buoy: buoy.daemon.components.receiver._filter.max_speed_m_s, 3.0),
    "position.track_interval_s": (60.0, lambda buoy: buoy.daemon.components.track.section.track_interval_s, 60.0),
    "position.track_distance_m": (5.0, lambda buoy: buoy.daemon.components.track.section.track_distance_m, 5.0),
    "outbox.max_rows": (500, lambda buoy: buoy.daemon.components.outbox.limits.max_rows, 500),
    "outbox.max_age_days": (5.0, lambda buoy: buoy.daemon.components.outbox.limits.max_age_s, 432_000.0),
    "outbox.commit_interval_s": (9.0, lambda buoy: buoy.daemon.components.outbox.limits.commit_within_s, 9.0),
}
"""Key → its new value, where that must show, and what must show there."""


CYCLE = {"mode": "cycle", "on_minutes": 5.0, "off_minutes": 5.0}
SCHEDULES: dict[str, tuple[dict[str, object], dict[str, object], Callable[[Any], object], object]] = {
    "schedule.mode": (CYCLE, {"mode": "always"}, lambda buoy: type(schedule(buoy)).__name__, "Always"),
    "schedule.on_minutes": (CYCLE, CYCLE | {"on_minutes": 7.0}, lambda buoy: schedule(buoy).on_s, 420),
    "schedule.off_minutes": (CYCLE, CYCLE | {"off_minutes": 9.0}, lambda buoy: schedule(buoy).off_s, 540),
    "schedule.daily": (
        {"mode": "daily", "daily": ["00:00-12:00"]},
        {"mode": "daily", "daily": ["04:00-05:00"]},
        lambda buoy: schedule(buoy)._spans,
        ((14_400, 18_000),),
    ),
}
"""Key → the section before and after, where that must show, and what must show there."""


def test_every_live_key_has_an_effect_that_is_looked_at() -> None:
    live = {".".join(entry.path) for entry in entries() if entry.live}
    assert len(live) > 10
    assert EFFECTS.keys() | SCHEDULES.keys() == live


@pytest.mark.parametrize("key", EFFECTS)
def test_a_live_key_takes_effect(make_buoy: Callable[..., Any], tmp_path: Path, key: str) -> None:
    # a pipe that nobody makes: its receiver waits, and the keys of it are there
    receiver = {"position": {"source": "nmea", "nmea_path": tmp_path / "gps"}} if key.startswith("position.") else {}
    buoy = make_buoy(mqtt=True, device={"latitude": 1.0, "longitude": 2.0}, **receiver)
    value, effect, expected = EFFECTS[key]
    document = buoy.config.model_dump()
    section, name = key.split(".")
    document[section][name] = value
    buoy.daemon._read = lambda: Config.model_validate(document)
    assert effect(buoy) != expected
    buoy.daemon._reload()
    buoy.settle(lambda: effect(buoy) == expected)


@pytest.mark.parametrize("key", SCHEDULES)
def test_another_schedule_takes_effect(make_buoy: Callable[..., Any], key: str) -> None:
    before, after, effect, expected = SCHEDULES[key]
    buoy = make_buoy(schedule=before)
    buoy.daemon._read = lambda: Config.model_validate(buoy.config.model_dump() | {"schedule": after})
    assert effect(buoy) != expected
    buoy.daemon._reload()
    assert effect(buoy) == expected


def test_rules_change_within_a_call_and_no_sample_is_lost(make_buoy: Callable[..., Any], sample: Any) -> None:
    buoy = make_buoy()
    buoy.play(sample)
    document = buoy.config.model_dump()
    document["detection"] |= {"threshold": 0.999, "threshold_low": 0.2, "context_s": 0.0}
    buoy.daemon._read = lambda: Config.model_validate(document)
    buoy.until(14.2)  # in the second call
    assert buoy.daemon.components.scoring._pipeline.open_from is not None
    buoy.daemon._reload()
    buoy.until(25.0)
    document["detection"] |= {"threshold": None, "threshold_low": None, "context_s": None}
    buoy.daemon._reload()
    buoy.played()
    buoy.finish()
    found = buoy.detections()
    assert [round(one["begin_s"]) for one in found] == [5, 28, 38]
    thresholds = [one["threshold"] for one in found]
    assert thresholds == [thresholds[0]] * 3
    assert thresholds[0] < 0.9
    effort = buoy.effort()
    assert set(effort.gaps) <= {"tail"}
    assert effort.listened_s == pytest.approx(45.0, abs=2.5)


def test_rules_that_do_not_suit_the_model_change_nothing(make_buoy: Callable[..., Any]) -> None:
    buoy = make_buoy()
    document = buoy.config.model_dump()
    document["detection"] |= {"threshold_low": 0.99}  # above the model's own threshold
    document["health"] |= {"interval_s": 17.0}
    buoy.daemon._read = lambda: Config.model_validate(document)
    before = rules(buoy)
    buoy.daemon._reload()
    assert rules(buoy) == before
    assert buoy.daemon.config.health.interval_s == 60.0
    assert any("threshold_low" in problem for problem in buoy.daemon.health.config_problems)
