"""A read-only place is told apart from one without permission, with what to do about it, in log and health."""

from __future__ import annotations

import errno
import logging
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.checks.run import check_start
from edge_daemon.config import load_text
from edge_daemon.errors import StorageError
from edge_daemon.storage.database import Database
from edge_daemon.storage.read_only import why_read_only
from edge_daemon.testing.machine import ManualTime


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that says it is on a read-only file system, and behaves so."""
    real = os.statvfs

    def statvfs(path: Any) -> os.statvfs_result:
        found = list(real(path))
        found[8] |= os.ST_RDONLY
        return os.statvfs_result(found)

    def refuse(*_args: Any, **_more: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    return tmp_path


def test_a_writable_place_needs_no_reason(tmp_path: Path) -> None:
    assert why_read_only(tmp_path / "not" / "yet") == ""


def test_under_systemd_the_drop_in_is_named(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    assert why_read_only(read_only / "x") == f"{read_only} is on a read-only file system: check the card (dmesg)."
    monkeypatch.setenv("INVOCATION_ID", "1")
    assert "ReadWritePaths=" in why_read_only(read_only / "x")


def test_health_says_it(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOCATION_ID", "1")
    path = read_only / "state" / "outbox.db"
    database = Database(path, "CREATE TABLE t (x)", version=1, time=ManualTime(), rng=random.Random(0))
    with pytest.raises(StorageError):
        database.transact(lambda _connection: None)
    reason = database.report().reason
    assert "Read-only file system" in reason
    assert "ReadWritePaths=" in reason


def test_the_log_says_it_at_the_start(
    read_only: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("INVOCATION_ID", "1")
    text = (
        f"version: 1\naudio: {{source: pipe, rate: 2000}}\nmqtt: {{enabled: false}}\nstorage: {{folder: {read_only}}}\n"
    )
    with caplog.at_level(logging.WARNING, "edge_daemon"):
        check_start(load_text(text.encode(), {}))
    (record,) = caplog.records
    assert record.message.startswith("nothing can be stored in storage.folder")
    assert "ReadWritePaths=" in record.message
