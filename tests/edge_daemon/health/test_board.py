"""The board: what /proc and /sys say, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.health.board import CpuShare, LinuxBoard, throttling

S = 1_000_000_000


def test_throttling_bits() -> None:
    assert throttling(0x0) == ((), ())
    assert throttling(0x50005) == (("under-voltage", "throttled"),) * 2
    assert throttling(0x80000) == ((), ("soft temperature limit",))


def test_board_reads_the_files_of_a_pi(tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    firmware = tmp_path / "sys/devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("20002\n")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/statm").write_text("30000 20000 100 1 0 2000 0\n")
    (tmp_path / "proc/loadavg").write_text("0.42 0.30 0.10 1/100 123\n")
    reading = LinuxBoard(tmp_path / "not" / "there", root=tmp_path).read()
    assert reading.temperature_c == 48.3
    assert reading.throttling == ("frequency capped",)
    assert reading.throttled_since_boot == ("frequency capped",)
    assert reading.memory_mb == 81.9
    assert reading.load_1min == 0.42
    assert reading.disk_free_mb is not None
    assert reading.disk_free_mb > 0


def test_board_without_files_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "sys/class/thermal/thermal_zone0").mkdir(parents=True)
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").write_text("nonsense")
    reading = LinuxBoard(tmp_path, root=tmp_path).read()
    assert (reading.temperature_c, reading.memory_mb, reading.load_1min) == (None, None, None)
    assert (reading.throttling, reading.throttled_since_boot) == ((), ())


def test_board_here() -> None:
    reading = LinuxBoard(Path("/")).read()
    assert reading.memory_mb is not None
    assert 5 < reading.memory_mb < 100_000


def test_processor_time_is_a_share_of_the_time_since_the_reading_before() -> None:
    share = CpuShare()
    assert share.percent(0, 1.0) is None
    assert share.percent(50 * S, 1.5) == 1.0
    assert share.percent(50 * S, 1.6) is None  # no time has passed
    assert share.percent(51 * S, 2.1) == pytest.approx(50.0)
