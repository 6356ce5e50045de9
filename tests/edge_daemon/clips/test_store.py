"""Clips on disks that are sound, full, failing: bounds hold, failures are counted, nothing is raised."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.clips import guano
from edge_daemon.clips.clip import Clip, ClipRequest
from edge_daemon.clips.encoding import encode_clip
from edge_daemon.clips.files import ClipFiles, FolderClipFiles
from edge_daemon.clips.retention import Retention
from edge_daemon.clips.store import ClipStore
from edge_daemon.system.backoff import Backoff
from edge_daemon.testing.machine import ManualTime, MemoryClipFiles

WIDE = Retention(max_age_s=1e9, max_bytes=10**9, min_free_bytes=0)


def clip(number: int, samples: int = 2000) -> Clip:
    sound = np.random.default_rng(number).uniform(-0.5, 0.5, samples).astype(np.float32)
    request = ClipRequest(f"id{number}", 0, samples, 0, "synchronised", "buoy", "up_call", 0.9)
    return Clip(f"2026-01-01/{number:04d}.flac", sound, 2000, 0, request)


SIZE = len(encode_clip(clip(0)))  # about 6 kB each, give or take some bytes


def make(files: ClipFiles, rules: Retention, time: ManualTime | None = None) -> ClipStore:
    backoff = Backoff(10, 600, jitter=0)
    return ClipStore(files, rules, time=time or ManualTime(), rng=random.Random(0), backoff=backoff)


def test_stores_whole_files_dated_now(tmp_path: Path) -> None:
    time = ManualTime()
    store = make(FolderClipFiles(tmp_path / "clips"), WIDE, time)
    assert store.save(clip(1))
    [path] = [p for p in (tmp_path / "clips").rglob("*") if p.is_file()]
    assert path == tmp_path / "clips" / "2026-01-01" / "0001.flac"
    assert path.read_bytes() == encode_clip(clip(1))
    assert guano.read(path)["EdgeDaemon|Detection"] == "id1"
    assert path.stat().st_mtime_ns == time.utc_ns()
    assert (store.report().stored, store.report().dropped, store.report().reason) == (1, 0, "")


def test_the_total_stays_within_its_bound() -> None:
    files, time = MemoryClipFiles(10**9), ManualTime()
    rules = Retention(max_age_s=1e9, max_bytes=10 * SIZE, min_free_bytes=0)
    store = make(files, rules, time)
    for number in range(30):
        time.advance(1)
        assert store.save(clip(number))
        assert sum(map(len, files.contents.values())) <= rules.max_bytes
    assert sorted(files.contents)[-1] == "2026-01-01/0029.flac"
    assert len(files.contents) >= 8
    report = store.report()
    assert report.stored - report.deleted == len(files.contents)
    assert report.bytes == sum(map(len, files.contents.values()))


def test_the_floor_of_free_space_is_kept_by_deleting_the_oldest() -> None:
    files, time = MemoryClipFiles(20 * SIZE), ManualTime()
    store = make(files, Retention(max_age_s=1e9, max_bytes=10**9, min_free_bytes=10 * SIZE), time)
    for number in range(30):
        time.advance(1)
        assert store.save(clip(number))
        assert files.free_bytes() >= 10 * SIZE
    assert "2026-01-01/0029.flac" in files.contents


def test_when_others_fill_the_disk_clips_rest_and_what_is_there_stays() -> None:
    files, time = MemoryClipFiles(20 * SIZE), ManualTime()
    store = make(files, Retention(max_age_s=1e9, max_bytes=10**9, min_free_bytes=10 * SIZE), time)
    assert store.save(clip(0))
    files.others = 15 * SIZE
    assert not store.save(clip(1))
    assert list(files.contents) == ["2026-01-01/0000.flac"]
    assert store.report().resting
    assert "must leave" in store.report().reason
    files.others = 0
    assert not store.save(clip(2))  # still resting
    time.advance(10)
    assert store.save(clip(3))
    report = store.report()
    assert (report.stored, report.dropped, report.resting, report.reason) == (2, 2, False, "")


def test_a_failing_card_is_asked_less_and_less_and_never_raises() -> None:
    files, time = MemoryClipFiles(10**9), ManualTime()
    store = make(files, WIDE, time)
    files.broken = True
    asked = []
    for second in range(100):
        before = store._retry.attempts
        assert not store.save(clip(second, 10))
        if store._retry.attempts > before:
            asked.append(second)
        time.advance(1)
    assert asked == [0, 10, 30, 70]
    assert store.report().dropped == 100
    assert store.report().reason == "Clips cannot be stored: Input/output error."
    store.tick()
    files.broken = False
    time.advance(100)
    assert store.save(clip(1))


def test_the_old_go_when_it_is_time_to_look(tmp_path: Path) -> None:
    time = ManualTime()
    store = make(FolderClipFiles(tmp_path), Retention(max_age_s=86_400, max_bytes=10**9, min_free_bytes=0), time)
    assert store.save(clip(1))
    time.advance(86_401)
    store.tick()
    assert list(tmp_path.iterdir()) == []  # the empty day went too
    assert store.report().deleted == 1
    assert store.save(clip(2))
    store.tick()
    assert len(list(tmp_path.rglob("*.flac"))) == 1


def test_a_clock_that_does_not_know_the_time_deletes_nothing_for_its_age(tmp_path: Path) -> None:
    time, known = ManualTime(), [True]
    rules = Retention(max_age_s=86_400, max_bytes=10**9, min_free_bytes=0)
    files = FolderClipFiles(tmp_path)
    store = ClipStore(files, rules, time=time, rng=random.Random(0), dated=lambda: known[0])
    assert store.save(clip(1))
    known[0] = False
    time.step(40 * 365 * 86_400.0)  # a battery clock that has gone mad, and no network to set it
    time.advance(3601)
    store.tick()
    assert store.save(clip(2))
    assert len(files.list()) == 2
    time.step(-40 * 365 * 86_400.0)
    time.advance(86_401)
    known[0] = True
    store.tick()
    assert [file.name for file in files.list()] == [clip(2).name]  # dated in the future: it has no age


def test_leftovers_go_and_strangers_stay(tmp_path: Path) -> None:
    (tmp_path / "2025-01-01").mkdir()
    (tmp_path / "2025-01-01" / "half.flac.part").write_bytes(b"half")
    (tmp_path / "2025-01-01" / "notes.txt").write_text("mine")
    (tmp_path / "mine.flac").write_bytes(b"mine")
    store = make(FolderClipFiles(tmp_path), Retention(max_age_s=0, max_bytes=0, min_free_bytes=0))
    store.tick()
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["mine.flac", "notes.txt"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    files = FolderClipFiles(tmp_path)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        files.write("2026-01-01/a.flac", b"x", 0)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_free_space_is_that_of_the_disk_even_before_the_folder_is_there(tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    free = FolderClipFiles(tmp_path / "not" / "yet").free_bytes()
    assert free == pytest.approx(status.f_bavail * status.f_frsize, rel=0.2)


def test_a_real_disk_never_falls_below_the_floor(small_disk: Path) -> None:
    time = ManualTime()
    floor = 200_000
    store = make(FolderClipFiles(small_disk), Retention(max_age_s=1e9, max_bytes=10**9, min_free_bytes=floor), time)
    for number in range(120):  # 120 × 6 kB is more than the disk
        time.advance(1)
        assert store.save(clip(number))
        status = os.statvfs(small_disk)
        assert status.f_bavail * status.f_frsize >= floor - 8192  # a file takes whole pages, and its folder one
    assert store.report().deleted > 0
    assert store.report().dropped == 0
    assert (small_disk / "2026-01-01" / "0119.flac").exists()


def test_a_full_disk_without_a_floor_is_survived(small_disk: Path) -> None:
    time = ManualTime()
    (small_disk / "others").write_bytes(b"\0" * (512 * 1024 - 4096))  # one page is left, a clip takes two
    store = make(FolderClipFiles(small_disk), WIDE, time)
    for number in range(20):
        store.save(clip(number))
        time.advance(1000)
    assert (store.report().stored, store.report().dropped) == (0, 20)
    assert list(small_disk.rglob("*.part")) == []
    (small_disk / "others").unlink()
    assert store.save(clip(50))


def test_without_inodes_the_oldest_two_make_room() -> None:
    """There are bytes, but the disk takes no more files."""
    files, time = MemoryClipFiles(10**9), ManualTime()
    store = make(files, WIDE, time)
    files.most_files = 5
    for number in range(9):
        time.advance(1)
        assert store.save(clip(number))
        assert f"2026-01-01/{number:04d}.flac" in files.contents
    assert sorted(files.contents) == [f"2026-01-01/{number:04d}.flac" for number in (4, 5, 6, 7, 8)]
    assert (store.report().dropped, store.report().deleted) == (0, 4)
    assert store.report().bytes == sum(map(len, files.contents.values()))


def test_where_others_took_all_inodes_clips_rest() -> None:
    files = MemoryClipFiles(10**9)
    files.most_files = 0
    store = make(files, WIDE)
    assert not store.save(clip(1))
    assert store.report().reason == "Clips cannot be stored: No space left on device."
    assert store.report().resting
