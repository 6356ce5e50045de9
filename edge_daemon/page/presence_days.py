"""Presence on the board: hours by days, a day at a time, so that a year takes no more memory than a day."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from edge_daemon.effort.listened import heard_spans, open_spans
from edge_daemon.page.board_history import has_history, open_board
from edge_daemon.presence.calendar import calendar_rows
from edge_daemon.presence.periods import DAY_NS, HOUR_NS, JudgedCall, PresenceRule, judge
from edge_daemon.storage.connection import unreadable

MOST_DAYS = 366


def board_calendar(folder: Path, days: int, now_ns: int, rule: PresenceRule) -> list[list[Any]]:
    """Rows for the calendar, of the last whole days, today among them.

    Args:
        folder: the daemon's.
        days: how many, 1 to `MOST_DAYS`.
        now_ns: UTC.
        rule: what counts.

    Raises:
        StorageError: history or effort cannot be read.
    """
    today = now_ns // DAY_NS
    path = folder / "effort.db"
    rows: list[list[Any]] = []
    if not has_history(folder):
        return rows
    with open_board(folder) as history, closing(open_spans(path)) as effort:
        for day in range(today - days + 1, today + 1):
            begin_ns, end_ns = day * DAY_NS, (day + 1) * DAY_NS
            try:
                heard = list(heard_spans(effort, begin_ns, end_ns))
            except sqlite3.Error as error:
                raise unreadable(path, "effort ledger", error) from error
            rows += calendar_rows(judge(_calls(history, begin_ns, end_ns), heard, HOUR_NS, rule))
    return rows


def _calls(history: sqlite3.Connection, since_ns: int, until_ns: int) -> Iterator[JudgedCall]:
    """Without the documents, which are long."""
    rows = history.execute(
        "SELECT begin_utc_ns, score FROM entry WHERE kind = 'detection' AND begin_utc_ns >= ? AND begin_utc_ns < ?",
        (since_ns, until_ns),
    )
    for at_ns, score in rows:
        yield JudgedCall(at_ns, score if isinstance(score, float) else 0.0)
