"""Files that a key of the configuration names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_daemon.errors import ConfigValueError
from edge_daemon.system.named_file import open_named


def told(path: Path, hint: str = "") -> str:
    with pytest.raises(ConfigValueError) as caught, open_named("model.path", path, hint):
        pytest.fail("it was opened")
    assert caught.value.key == "model.path"
    return str(caught.value)


def test_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with open_named("model.path", tmp_path / "f") as file:
        assert file.read() == b"abc"
    assert file.closed


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert told(tmp_path / "f", "Copy it.") == f"model.path names {tmp_path}/f, which does not exist. Copy it."
    assert told(tmp_path) == f"model.path names {tmp_path}, which is not a file."
    assert told(fifo) == f"model.path names {fifo}, which is not a file."  # and is not waited for
    assert told(tmp_path / ("x" * 300)).endswith("which cannot be read: File name too long.")
    assert told(tmp_path / "a\0b").endswith("which cannot be read: embedded null byte.")


def test_an_error_while_reading_is_told_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with (
        pytest.raises(ConfigValueError, match=r"names .*/f, which cannot be read: Input/output error\."),
        open_named("model.path", tmp_path / "f"),
    ):
        raise OSError(5, "Input/output error")
