"""The times of recordings at `edge-daemon replay`: the options that tell them, and what the closing lines say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_daemon.audio.start_time import StartTime
    from edge_daemon.replay.run import Summary

_SHOWN = 20


def time_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--start` and `--timezone`."""
    command = click.option(
        "--timezone",
        metavar="ZONE",
        help="Zone of times that do not tell theirs: America/Halifax, -04:00, UTC+5:30 [default: UTC].",
    )(command)
    return click.option(
        "--start", metavar="TIME", help="When the (one) recording began, ISO 8601 [default: from its header or name]."
    )(command)


def given_start(start: str | None, timezone: str | None) -> StartTime | None:
    """The start that the user gave, if any.

    Raises:
        UsageError: one of the two is none.
    """
    from edge_daemon.audio.start_time import parse_start
    from edge_daemon.audio.time_zone import parse_zone

    zone = None if timezone is None else parse_zone(timezone)
    return None if start is None else parse_start(start, zone)


def time_lines(summary: Summary) -> list[str]:
    """Recordings without a time, zones that were assumed, times that are contradicted, and pauses."""
    from edge_daemon.cli.detection_table import clock_text

    lines = []
    done = summary.recordings - summary.failed
    if summary.without_utc:
        which = "The recording has" if done == 1 else _of_them(summary.without_utc, "has", "have")
        way_out = " (--start gives one)" if summary.recordings == 1 else ""
        lines.append(f"{which} no start time: times count from the beginning of the file{way_out}.")
    if summary.zone_assumed:
        whose = "The recording does" if done == 1 else _of_them(summary.zone_assumed, "does", "do")
        lines.append(f"{whose} not tell the time zone: UTC was assumed (--timezone sets another).")
    if summary.time_remarks:
        lines.append("Times that are contradicted or not believed:")
        lines += [f"  {remark}" for remark in summary.time_remarks[:_SHOWN]]
        if (more := len(summary.time_remarks) - _SHOWN) > 0:
            lines.append(f"  … and {more:,} more.")
    if summary.pauses:
        pauses = f"{summary.pauses:,} pause{'' if summary.pauses == 1 else 's'}"
        lines.append(f"Recorders made {pauses} within recordings, {clock_text(summary.pause_s)[:-3]} in all.")
    return lines


def _of_them(number: int, singular: str, plural: str) -> str:
    return f"{number:,} of the recordings {singular if number == 1 else plural}"
