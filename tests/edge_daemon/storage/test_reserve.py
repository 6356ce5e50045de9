"""Room is kept where there is plenty, and given away once."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_daemon.storage.reserve import RESERVE_BYTES, Reserve
from edge_daemon.testing.machine import ManualTime


def test_room_is_kept_and_given(tmp_path: Path) -> None:
    time = ManualTime()
    reserve = Reserve(tmp_path / "reserve", time)
    reserve.release()  # nothing yet
    reserve.tick()
    status = (tmp_path / "reserve").stat()
    assert (status.st_size, status.st_mode & 0o777) == (RESERVE_BYTES, 0o600)
    assert status.st_blocks * 512 >= RESERVE_BYTES  # room, and not a hole
    reserve.release()
    assert not (tmp_path / "reserve").exists()
    reserve.tick()
    assert not (tmp_path / "reserve").exists()  # it looks now and then
    time.advance(601)
    reserve.tick()
    assert (tmp_path / "reserve").exists()


def test_a_nearly_full_disk_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = SimpleNamespace(f_bavail=4 * RESERVE_BYTES // 4096 - 1, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: room)
    Reserve(tmp_path / "reserve", ManualTime()).tick()
    assert not (tmp_path / "reserve").exists()


def test_it_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "reserve").symlink_to(tmp_path / "elsewhere")
    Reserve(tmp_path / "reserve", ManualTime()).tick()
    assert (tmp_path / "elsewhere").stat().st_size == 0
