"""`edge-daemon detections`: what was found, from the history on the board."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

from edge_daemon.cli.effort import parse_utc
from edge_daemon.cli.say import say
from edge_daemon.cli.state_folder import configured, state_folder
from edge_daemon.clock.utc import EPOCH

if TYPE_CHECKING:
    from edge_daemon.history.entry import HistoryEntry

T = TypeVar("T")

FORMATS = ("table", "csv", "jsonl", "raven")
_LINES_AT_ONCE = 500


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path), help="Take the folder from a configuration file.")
@click.option(
    "--database", type=click.Path(path_type=Path), help="The daemon's history.db.  [default: its state folder's]"
)
@click.option("--since", metavar="TIME", help="Start, ISO 8601, UTC if no zone is given.  [default: the first]")
@click.option("--until", metavar="TIME", help="End, in the same form.  [default: the last]")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Only those with this peak score or a higher one.")
@click.option("--delivered/--not-delivered", default=None, help="Only those that the broker has, or has not.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to write.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file.  [default: the terminal]")
@click.option("--copy-clips", type=click.Path(path_type=Path), metavar="DIR", help="Copy their clips into this folder.")
def detections(
    file: Path | None,
    database: Path | None,
    since: str | None,
    until: str | None,
    min_score: float | None,
    delivered: bool | None,
    form: str,
    output: Path | None,
    copy_clips: Path | None,
) -> None:
    """List what was found, whether it was delivered or not, and export it.

    Works beside the running daemon. Raven's table is of the clips: open them in its order.
    """
    from edge_daemon.history.history import open_history
    from edge_daemon.history.table import EARLIEST_NS, LATEST_NS, HistoryFilter, select
    from edge_daemon.storage.atomic_file import whole_file

    config = None if file is None else configured(file)
    path = database or state_folder(config) / "history.db"
    clips = (
        config.storage.clips_folder if config is not None and database is None else path.parent / "clips"
    ).resolve()
    wanted = HistoryFilter(
        since_ns=EARLIEST_NS if since is None else parse_utc(since, "--since"),
        until_ns=LATEST_NS if until is None else parse_utc(until, "--until"),
        least_score=min_score,
        delivered=delivered,
    )
    with open_history(path) as connection:
        with ExitStack() as files:
            out = sys.stdout if output is None else files.enter_context(whole_file(output))
            damaged: list[str] = []
            left_out = _write(form, select(connection, wanted), out, clips, damaged)
        if damaged:
            say(f"{len(damaged)} detections are damaged on the disk and are not in the output.", err=True)
        if left_out:
            say(f"{left_out} detections have no clip in {clips} and are not in the table.", err=True)
        if copy_clips is not None:
            _copy(select(connection, wanted), clips, copy_clips)


def _write(form: str, entries: Iterable[HistoryEntry], out: TextIO, clips: Path, damaged: list[str]) -> int:
    """Write entries one by one; returns how many have no clip where they should, and adds to `damaged`."""
    if form == "jsonl":
        for entry, _ in _readable(entries, json.loads, damaged):
            out.write(f"{entry.document}\n")
        return 0
    if form == "table":
        _write_table(entries, out)
        return 0
    from edge_daemon.detection.document import Detection

    if form == "csv":
        from edge_daemon.tables.detections_csv import DetectionsCsv

        table = DetectionsCsv(out)
        for _, found in _readable(entries, Detection.model_validate_json, damaged):
            table.add([found])
        return 0
    return _write_raven(entries, out, clips, damaged)


def _readable(
    entries: Iterable[HistoryEntry], read: Callable[[str], T], damaged: list[str]
) -> Iterator[tuple[HistoryEntry, T]]:
    """Entries with what their documents say; of those that rot has made unreadable the ids are added to `damaged`."""
    for entry in entries:
        try:
            yield entry, read(entry.document)
        except ValueError:
            damaged.append(entry.id)


def _write_table(entries: Iterable[HistoryEntry], out: TextIO) -> None:
    from edge_daemon.system.printable import printable

    lines: list[str] = []
    count = 0
    for entry in entries:
        if not count:
            lines.append(f"{'Begin (UTC)':23}  {'Length':>8}  {'Score':>5}  {'Sent':4}  {'Clock':14}  Clip")
        count += 1
        lines.append(_line(entry))
        if len(lines) >= _LINES_AT_ONCE:
            out.write(printable("\n".join(lines) + "\n"))
            lines.clear()
    lines.append(f"{count:,} detection{'' if count == 1 else 's'}." if count else "Nothing was found in that time.")
    out.write(printable("\n".join(lines) + "\n"))


@lru_cache(maxsize=4)
def _day(number: int) -> str:
    return f"{EPOCH + timedelta(days=number):%Y-%m-%d}"


def _line(entry: HistoryEntry) -> str:
    day, milliseconds = divmod(entry.begin_utc_ns // 1_000_000, 86_400_000)
    minutes, rest = divmod(milliseconds, 60_000)
    begin = f"{_day(day)} {minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
    seconds = (entry.end_utc_ns - entry.begin_utc_ns) / 1e9
    score = "" if entry.score is None else f"{entry.score:.3f}"
    sent = "yes" if entry.delivered else "no"
    return f"{begin}  {seconds:6.2f} s  {score:>5}  {sent:4}  {entry.clock:14}  {entry.clip or ''}".rstrip()


def _write_raven(entries: Iterable[HistoryEntry], out: TextIO, clips: Path, damaged: list[str]) -> int:
    """A table whose recordings are the clips, in order of time; returns how many have none."""
    import soundfile

    from edge_daemon.clips.clip import clip_begin
    from edge_daemon.detection.document import Detection
    from edge_daemon.tables.detections_raven_run import RavenRun

    table, left_out = RavenRun(out), 0
    for entry, found in _readable(entries, Detection.model_validate_json, damaged):
        path = None if entry.clip is None else clips / entry.clip
        begin_ns = None if entry.clip is None else clip_begin(entry.clip)
        try:
            seconds = None if path is None else soundfile.info(str(path)).duration
        except (OSError, RuntimeError):
            seconds = None
        if path is None or seconds is None or begin_ns is None:
            left_out += 1
            continue
        table.add([found.moved((entry.begin_utc_ns - begin_ns) / 1e9 - found.begin_s)], path, seconds)
    return left_out


def _copy(entries: Iterator[HistoryEntry], clips: Path, into: Path) -> None:
    """Copy clips that are there; say how many are not."""
    from edge_daemon.errors import StorageError

    copied = missing = 0
    for entry in entries:
        if entry.clip is None or not (clips / entry.clip).is_file():
            missing += 1
            continue
        try:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clips / entry.clip, into / Path(entry.clip).name)
        except OSError as error:
            raise StorageError(f"{entry.clip} cannot be copied to {into}: {error.strerror}.") from error
        copied += 1
    say(f"{copied} clips copied to {into}" + (f"; {missing} detections have none." if missing else "."), err=True)
