"""What is read of a ledger a little at a time is what is in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_daemon.effort.listened import heard_spans, missed_by_cause, open_spans
from edge_daemon.effort.table import SCHEMA
from edge_daemon.errors import StorageError

SPANS = [
    (1, 0, 0, 100, None, 0, 100),
    (1, 1, 100, 50, "xrun", 100, 150),
    (1, 2, 150, 50, None, 150, 200),
    (2, 0, None, 0, "not_running", 200, 5_000_000_200),
    (2, 1, 0, 10, "xrun", 5_000_000_200, 5_000_000_300),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "effort.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, 'synchronised')", SPANS)
        connection.commit()
    return path


def test_what_was_heard_is_cut_at_the_edges(ledger: Path) -> None:
    with closing(open_spans(ledger)) as connection:
        assert sorted(heard_spans(connection, 50, 180)) == [(50, 100), (150, 180)]
        assert list(heard_spans(connection, 200, 10**12)) == []


def test_what_was_missed_is_summed_by_cause(ledger: Path) -> None:
    with closing(open_spans(ledger)) as connection:
        assert missed_by_cause(connection, 0) == [("not_running", 5.0, 1), ("xrun", pytest.approx(150e-9), 2)]
        assert missed_by_cause(connection, 150) == [("not_running", 5.0, 1), ("xrun", pytest.approx(100e-9), 1)]


def test_without_a_ledger_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="There is no effort ledger"):
        open_spans(tmp_path / "effort.db")
