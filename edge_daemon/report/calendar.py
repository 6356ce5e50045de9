"""The calendar's effort: which share of each hour was listened to, for a picture of hours by days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_daemon.presence.periods import HOUR_NS, PresenceRule, Result, judge
from edge_daemon.report.entry import Listened

MOST_DAYS = 1500
"""A calendar of more days is no picture."""


def hourly_effort(recordings: Sequence[Listened], rule: PresenceRule) -> list[tuple[int, float, Result]]:
    """Hours since 1970 UTC in which something was listened to, in order, with share and result where nothing is found.

    Recordings without a time of day have no place here; where they span more than `MOST_DAYS`, there is none at all.

    Args:
        recordings: in any order; hydrophones that heard the same hour count once.
        rule: how much effort an hour without calls needs.
    """
    spans = [span for recording in recordings for span in _heard(recording)]
    if not spans or max(end for _, end in spans) - min(begin for begin, _ in spans) > MOST_DAYS * 24 * HOUR_NS:
        return []
    hours = judge([], spans, HOUR_NS, rule)
    return [
        (hour.begin_ns // HOUR_NS, round(hour.effort_s / 3600, 3), hour.result) for hour in hours if hour.effort_s > 0
    ]


def _heard(recording: Listened) -> Iterator[tuple[int, int]]:
    """What was analysed of a recording, UTC in ns."""
    if recording.start_utc_ns is None:
        return
    for begin_s, length_s, ahead_s in recording.spans():
        at = begin_s
        for gap in recording.lost:
            first, last = max(gap.begin_s, begin_s), min(gap.begin_s + gap.length_s, begin_s + length_s)
            if first < last:
                yield _utc(recording.start_utc_ns, at + ahead_s), _utc(recording.start_utc_ns, first + ahead_s)
                at = last
        yield _utc(recording.start_utc_ns, at + ahead_s), _utc(recording.start_utc_ns, begin_s + length_s + ahead_s)


def _utc(start_ns: int, seconds: float) -> int:
    return start_ns + round(seconds * 1e9)
