"""Presence on the board: hours by days, a day at a time, so that a year takes no more memory than a day."""

from __future__ import annotations

import sqlite3
from array import array
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
    rows: list[list[Any]] = []
    if not has_history(folder):
        return rows
    today = now_ns // DAY_NS
    first_ns = (today - days + 1) * DAY_NS
    with open_board(folder) as history:
        listened_ns = _listened(folder / "effort.db", first_ns, days * 24)
        for day in range(days):
            begin_ns = first_ns + day * DAY_NS
            heard = [
                (begin_ns + hour * HOUR_NS, begin_ns + hour * HOUR_NS + min(HOUR_NS, listened_ns[day * 24 + hour]))
                for hour in range(24)
            ]
            rows += calendar_rows(judge(_calls(history, begin_ns, begin_ns + DAY_NS), heard, HOUR_NS, rule))
    return rows


def _listened(path: Path, since_ns: int, hours: int) -> array[int]:
    """How long was listened in each hour, ns; when in it does not matter to whom judges hours."""
    total = array("q", bytes(8 * hours))
    with closing(open_spans(path)) as effort:
        try:
            for begin_ns, end_ns in heard_spans(effort, since_ns, since_ns + hours * HOUR_NS):
                for hour in range((begin_ns - since_ns) // HOUR_NS, -(-(end_ns - since_ns) // HOUR_NS)):
                    edge_ns = since_ns + hour * HOUR_NS
                    total[hour] += max(0, min(end_ns, edge_ns + HOUR_NS) - max(begin_ns, edge_ns))
        except sqlite3.Error as error:
            raise unreadable(path, "effort ledger", error) from error
    return total


def _calls(history: sqlite3.Connection, since_ns: int, until_ns: int) -> Iterator[JudgedCall]:
    """Without the documents, which are long."""
    rows = history.execute(
        "SELECT begin_utc_ns, score FROM entry WHERE kind = 'detection' AND begin_utc_ns >= ? AND begin_utc_ns < ?",
        (since_ns, until_ns),
    )
    for at_ns, score in rows:
        yield JudgedCall(at_ns, score if isinstance(score, float) else 0.0)
