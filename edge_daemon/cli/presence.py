"""`edge-daemon presence`: hours and days with whales, from what is on the board or from a replay's output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.effort import parse_utc
from edge_daemon.cli.say import say
from edge_daemon.cli.state_folder import configured, state_folder

if TYPE_CHECKING:
    from edge_daemon.cli.presence_sources import PresenceFacts
    from edge_daemon.config import Config
    from edge_daemon.presence.periods import PresencePeriod

COLUMNS = ("begin_utc", "end_utc", "effort_s", "calls", "validated", "result")


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--config", "file", type=click.Path(path_type=Path), help="Take folder, rule and deployment from this file."
)
@click.option(
    "--verdicts", type=click.Path(path_type=Path), help="A reviewer's verdicts, as the report page exports them."
)
@click.option("--since", metavar="TIME", help="Start, ISO 8601, UTC if no zone is given.  [default: the first]")
@click.option("--until", metavar="TIME", help="End, in the same form.  [default: the last]")
@click.option("--hourly", is_flag=True, help="Judge hours, not days.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--pars", type=click.Path(path_type=Path), metavar="DIR", help="Write NOAA's tables (PARS) into this folder."
)
@click.option(
    "--darwin-core",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write occurrence rows (OBIS) into this file.",
)
def presence(
    folder: Path | None,
    file: Path | None,
    verdicts: Path | None,
    since: str | None,
    until: str | None,
    hourly: bool,
    as_csv: bool,
    pars: Path | None,
    darwin_core: Path | None,
) -> None:
    """Print in which days whales were heard, and how long was listened.

    Without FOLDER it reads what the daemon keeps on the board; FOLDER is the output of `replay --scores`. A day is
    POSSIBLY_DETECTED from one detection on, DETECTED with a reviewer's verdict `call`, and NOT_AVAILABLE where nothing
    was found in less than half of it; section `presence` of the configuration changes the rule. Days are UTC's.
    """
    from edge_daemon.cli.presence_sources import from_board, from_replay, read_verdicts
    from edge_daemon.config import Config
    from edge_daemon.presence.periods import DAY_NS, HOUR_NS, PresenceRule, judge

    config = Config() if file is None else configured(file)
    said = {} if verdicts is None else read_verdicts(verdicts)
    since_ns = -(2**63) if since is None else parse_utc(since, "--since")
    until_ns = 2**63 - 1 if until is None else parse_utc(until, "--until")
    if folder is None:
        facts = from_board(state_folder(None if file is None else config), said, since_ns, until_ns)
    else:
        facts = from_replay(folder, said, since_ns, until_ns)
    rule = PresenceRule.from_config(config.presence)
    periods = judge(facts.calls, facts.heard, HOUR_NS if hourly else DAY_NS, rule)
    if as_csv:
        _print_csv(periods)
    else:
        _print_table(periods)
    if pars is not None and periods:
        _write_pars(pars, config, facts, judge(facts.calls, facts.heard, DAY_NS, rule))
    if darwin_core is not None and periods:
        _write_occurrences(darwin_core, config, facts, periods)


def _write_occurrences(path: Path, config: Config, facts: PresenceFacts, periods: Sequence[PresencePeriod]) -> None:
    from edge_daemon.presence.darwin_core import OCCURRENCE, occurrence_rows
    from edge_daemon.presence.pars import write_rows
    from edge_daemon.storage.atomic_file import whole_file

    with whole_file(path) as file:
        write_rows(file, OCCURRENCE, occurrence_rows(config.deployment, facts.analysis(config), periods))


def _print_csv(periods: Sequence[PresencePeriod]) -> None:
    from edge_daemon.presence.pars import time_text
    from edge_daemon.system.printable import CsvRows

    rows = CsvRows(sys.stdout)
    rows.writerow(COLUMNS)
    for one in periods:
        times = (time_text(one.begin_ns), time_text(one.end_ns))
        rows.writerow([*times, f"{one.effort_s:.1f}", one.calls, one.validated, one.result])


def _print_table(periods: Sequence[PresencePeriod]) -> None:
    from edge_daemon.cli.effort import duration
    from edge_daemon.presence.pars import time_text

    if not periods:
        say("Nothing was listened to in that time.")
        return
    say(f"{'Begin (UTC)':16}  {'Listened':>10}  {'Calls':>6}  {'Validated':>9}  Result")
    for one in periods:
        begin = time_text(one.begin_ns)[:16].replace("T", " ")
        say(f"{begin}  {duration(one.effort_s):>10}  {one.calls:>6}  {one.validated:>9}  {one.result}")


def _write_pars(folder: Path, config: Config, facts: PresenceFacts, days: Sequence[PresencePeriod]) -> None:
    from edge_daemon.errors import StorageError
    from edge_daemon.presence import pars
    from edge_daemon.presence.pars_check import problems
    from edge_daemon.storage.atomic_file import whole_file

    tables = pars.pars_tables(config.deployment, facts.analysis(config), days)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The folder {folder} cannot be created: {error.strerror}.") from error
    for name, (columns, rows) in tables.items():
        with whole_file(folder / f"{name}.csv") as file:
            pars.write_rows(file, columns, rows)
    say(f"Written to {folder}.", err=True)
    for sentence in [sentence for name, (_, rows) in tables.items() for sentence in problems(name, rows)]:
        say(f"  {sentence}", err=True)
