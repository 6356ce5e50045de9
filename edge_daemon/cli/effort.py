"""`edge-daemon effort`: what was listened to and what was missed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.say import say
from edge_daemon.cli.state_folder import configured, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from edge_daemon.effort.table import Entries

_DAY_NS = 86_400 * 1_000_000_000


@click.command()
@click.option(
    "--database", type=click.Path(path_type=Path), help="The daemon's effort.db.  [default: its state folder's]"
)
@click.option("--config", "file", type=click.Path(path_type=Path), help="Take the folder from a configuration file.")
@click.option("--since", metavar="TIME", help="Start, ISO 8601, UTC if no zone is given.  [default: the first]")
@click.option("--until", metavar="TIME", help="End, in the same form.  [default: the last]")
@click.option("--csv", "as_csv", is_flag=True, help="Print every span as CSV.")
@click.option("--bands", is_flag=True, help="Print the band levels of every minute as CSV, dB re 1 µPa.")
def effort(
    database: Path | None, file: Path | None, since: str | None, until: str | None, as_csv: bool, bands: bool
) -> None:
    """Print what was listened to, day by day, and what was missed and why.

    Band levels exist if `effort.band_levels` is set and the hydrophone is calibrated. They cover decidecade bands
    (ISO 18405) from 10 Hz up to half the model's rate, one column each, over the seconds of sound given.
    """
    from contextlib import closing

    from edge_daemon.effort.band_table import read_minutes, write_minutes_csv
    from edge_daemon.effort.summary import write_csv
    from edge_daemon.effort.table import open_ledger, read_spans

    since_ns = -(2**63) if since is None else parse_utc(since, "--since")
    until_ns = 2**63 - 1 if until is None else parse_utc(until, "--until")
    path = database or (default_ledger() if file is None else configured(file).storage.effort_path)
    with closing(open_ledger(path)) as connection:
        entries = read_spans(connection, since_ns, until_ns)
        if bands:
            write_minutes_csv(read_minutes(connection, entries, since_ns, until_ns), sys.stdout)
            return
    if as_csv:
        write_csv(entries, sys.stdout)
        return
    if not entries:
        say("Nothing was listened to in that time.")
        return
    ends = [moment for _, span in entries for moment in (span.begin_utc_ns, span.end_utc_ns)]
    first_ns = min(ends) if since is None else since_ns
    last_ns = max(ends) if until is None else until_ns

    from rich.console import Console

    console = Console()
    for table in tables(entries, first_ns, last_ns):
        console.print(table)


def default_ledger() -> Path:
    """The ledger in the state folder that systemd names, or in the usual one."""
    return state_folder(None) / "effort.db"


def parse_utc(text: str, option: str) -> int:
    """Nanoseconds since 1970 of an ISO 8601 time or date; UTC unless it says otherwise.

    Raises:
        UsageError: unreadable.
    """
    from edge_daemon.clock.utc import nanoseconds
    from edge_daemon.errors import UsageError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "Write it like 2026-03-29 or 2026-03-29T12:00:00Z."
        raise UsageError(f"{option} {text!r} is not a time.", hint) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return nanoseconds(moment)


def tables(entries: Entries, since_ns: int, until_ns: int) -> Iterator[Table]:
    """One table of days with the whole beneath, and one of gaps by cause, for [since, until), UTC in ns."""
    from rich.table import Table

    from edge_daemon.effort.summary import summarise

    days = Table("day (UTC)", title="Effort", title_justify="left")
    for heading in ("listened", "lost", "clock set by", "unaccounted", "listened %"):
        days.add_column(heading, justify="right")
    whole = summarise(entries, since_ns, until_ns, "")
    rows = [
        summarise(part, max(day * _DAY_NS, since_ns), min((day + 1) * _DAY_NS, until_ns), "")
        for day, part in sorted(by_day(entries, since_ns, until_ns).items())
    ]
    for row in [*rows, whole] if len(rows) > 1 else rows:
        if row is whole:
            days.add_section()
        days.add_row(
            "all" if row is whole else row.begin_utc[:10],
            duration(row.listened_s),
            duration(row.lost_s),
            duration(row.clock_correction_s),
            duration(row.unaccounted_s),
            f"{100 * row.listened_s / row.period_s:.2f}",
        )
    yield days
    if whole.gaps:
        causes = Table("cause", title="Gaps", title_justify="left")
        for heading in ("count", "length", "samples"):
            causes.add_column(heading, justify="right")
        for gap in whole.gaps:
            causes.add_row(gap.cause, str(gap.count), duration(gap.seconds), str(gap.samples))
        yield causes


def by_day(entries: Entries, since_ns: int, until_ns: int) -> dict[int, Entries]:
    """The spans of each UTC day (days since 1970) that has any, within [since, until), UTC in ns.

    A clock that began in 1970 makes for decades of days without a session; then days without one are left out.
    """
    days: dict[int, Entries] = {}
    listening: set[int] = set()
    for session, span in entries:
        begin_ns, end_ns = sorted((span.begin_utc_ns, span.end_utc_ns))
        begin_ns, end_ns = max(begin_ns, since_ns), min(end_ns, until_ns)
        for day in range(begin_ns // _DAY_NS, (end_ns - 1) // _DAY_NS + 1):
            days.setdefault(day, []).append((session, span))
            if span.start is not None:
                listening.add(day)
    return days if len(days) <= 1000 else {day: days[day] for day in listening}


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 3661.5 → "1:01:01.5"; negative with a sign in front."""
    tenths = round(abs(seconds) * 10)
    sign = "-" if seconds < 0 and tenths else ""
    return f"{sign}{tenths // 36_000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"
