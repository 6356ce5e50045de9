"""What runs for months leaves no names behind: Python's table of interned names never gives its room back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from edge_daemon.clips.files import FolderClipFiles
from edge_daemon.health.board import LinuxBoard


@contextmanager
def interning() -> Iterator[list[str]]:
    """Where `sys.intern` is called from; `pathlib` keeps the parts of its paths with it."""
    found: list[str] = []

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call" and argument is sys.intern:
            found.append(frame.f_code.co_filename)

    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_the_watch_sees_pathlib() -> None:
    with interning() as found:
        Path("a name that comes") / "and goes"
    assert len(found) == 2


def test_clips_come_and_go_without_interned_names(tmp_path: Path) -> None:
    files = FolderClipFiles(tmp_path / "clips")
    with interning() as found:
        files.write("2026-01-01/a.flac", b"sound", 0)
        files.delete("2026-01-01/a.flac")
    assert found == []
    assert list((tmp_path / "clips").iterdir()) == []


def test_the_board_is_read_without_interned_names(tmp_path: Path) -> None:
    (tmp_path / "sys/class/thermal/thermal_zone0").mkdir(parents=True)
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").write_text("48312\n")
    board = LinuxBoard(tmp_path, tmp_path)
    with interning() as found:
        reading = board.read()
    assert reading.temperature_c == 48.3
    assert found == []
