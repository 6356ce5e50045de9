"""Whatever stands where a file should, reading it comes to an end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edge_daemon.system.regular_file import NotRegularError, content


def test_a_file_and_its_begin(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert content(tmp_path / "file") == b"abc"
    assert content(tmp_path / "link", 2) == b"ab"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "socket", "link to a pipe"])
def test_nothing_else_is_read_or_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    with pytest.raises(NotRegularError, match="is not a file"):
        content(path)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        content(tmp_path / "x")
