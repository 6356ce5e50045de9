"""What was announced once is taken back when it is announced no more."""

from __future__ import annotations

import json
from pathlib import Path

from edge_daemon.live.announcement_record import AnnouncementRecord
from edge_daemon.mqtt.home_assistant import discovery
from edge_daemon.mqtt.topics import Topics
from edge_daemon.testing.machine import ManualTime


def run(path: Path, device: str | None, *, reached: bool = True) -> list[tuple[str, bytes]]:
    """One life of a daemon, with Home Assistant on under this name, or off; what it announces."""
    wanted = [] if device is None else discovery(Topics("p", device), "homeassistant")
    record = AnnouncementRecord(path, wanted, ManualTime())
    record.tick()
    if reached:
        record.announced = lambda: True
        record.tick()
    return record.announcements


def removed(announcements: list[tuple[str, bytes]]) -> set[str]:
    return {topic for topic, payload in announcements if not payload}


def test_switching_off_takes_all_back_once(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    first = run(path, "buoy-7")
    assert removed(first) == set()
    assert removed(run(path, "buoy-7")) == set()
    assert removed(run(path, None)) == {topic for topic, _ in first}
    assert run(path, None) == []


def test_renaming_takes_the_old_name_back(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    first = run(path, "buoy-7")
    second = run(path, "buoy-8")
    assert removed(second) == {topic for topic, _ in first}
    assert len(second) == 2 * len(first)
    assert removed(run(path, "buoy-8")) == set()


def test_what_the_broker_did_not_hear_is_taken_back_later(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    first = run(path, "buoy-7", reached=False)
    run(path, "buoy-8", reached=False)
    second = {topic for topic, payload in run(path, None) if not payload}
    assert second >= {topic for topic, _ in first}
    assert len(second) == 2 * len(first)


def test_a_damaged_record_is_none(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    for content in (b"", b"{", b"{}", b"[1, null]", b"\xff", b'["a/+/config", "x"]'):
        path.write_bytes(content)
        assert run(path, None, reached=False) == []


def test_nobody_who_never_used_it_gets_a_file(tmp_path: Path) -> None:
    run(tmp_path / "record.json", None)
    assert list(tmp_path.iterdir()) == []


V0_1 = ("last_detection", "last_score", "state", "outbox", "temperature", "disk_free", "cpu")
"""Entities of version 0.1, which kept no record."""


def test_an_update_leaves_no_entity_of_version_0_1(tmp_path: Path) -> None:
    old = {f"homeassistant/sensor/buoy-7/{one}/config" for one in V0_1}
    old.add("homeassistant/binary_sensor/buoy-7/online/config")
    first = run(tmp_path / "record.json", "buoy-7")
    assert old <= {topic for topic, payload in first if payload}  # the same topics: what stood there is replaced
    assert old <= removed(run(tmp_path / "record.json", None))


def test_an_entity_that_a_later_version_announces_no_more_is_taken_back(tmp_path: Path) -> None:
    path, gone = tmp_path / "record.json", "homeassistant/sensor/buoy-7/wind/config"
    first = run(path, "buoy-7")
    path.write_text(json.dumps([gone, *(topic for topic, _ in first)]))
    assert removed(run(path, "buoy-7")) == {gone}
    assert removed(run(path, "buoy-7")) == set()
