"""`edge-daemon replay`: find calls in recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from edge_daemon.cli.model_option import MODEL
from edge_daemon.cli.replay_html import html_options, html_report
from edge_daemon.cli.replay_times import given_start, time_lines, time_options
from edge_daemon.cli.say import say
from edge_daemon.system.printable import escaped
from edge_daemon.tables.format import format_names

if TYPE_CHECKING:
    from edge_daemon.cli.progress import Progress
    from edge_daemon.config import Loaded
    from edge_daemon.replay.output import ReplayOutput
    from edge_daemon.replay.recordings import Findings
    from edge_daemon.replay.result import ReplayResult
    from edge_daemon.replay.run import Summary

_FORMATS = format_names()
_ROWS_BESIDE_FILES = 200
"""With --output the tables on disk hold everything; a screen need not."""
_FAILURES_SHOWN = 20


def _formats(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    chosen = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in chosen if name not in _FORMATS]
    if unknown or not chosen:
        raise click.BadParameter(f"{', '.join(unknown) or 'none'} given; choose from {', '.join(_FORMATS)}.")
    return chosen


def _options(_ctx: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE pairs; values are read as in the configuration file: numbers, true, false, text."""
    chosen: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{word!r} is not KEY=VALUE.")
        import yaml

        try:
            chosen[name] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise click.BadParameter(f"the value of {word!r} cannot be read.") from None
    return chosen


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILES or FOLDERS]...")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take model, backend, detection rules, hydrophone and device from this configuration of the daemon.",
)
@click.option("--model", type=MODEL, metavar="FILE", help="Model: a file or a name [default: right_whale].")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder for tables.")
@click.option(
    "--formats",
    callback=_formats,
    metavar="LIST",
    help=f"Some of {','.join(_FORMATS)} [default: all but audacity_boxes]; with --output.",
)
@click.option("--scores", is_flag=True, help="Also write every window's score (scores.csv); with --output.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Score of a call [default: the model's].")
@click.option("--hop", type=float, metavar="S", help="Seconds between windows [default: 0.5].")
@click.option("--channel", type=click.IntRange(1), default=1, show_default=True, help="Channel, counted from 1.")
@time_options
@click.option(
    "--join/--no-join",
    default=True,
    show_default=True,
    help="Hear recordings of one recorder that follow each other without a gap as one stream.",
)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Recordings in parallel.")
@click.option(
    "--dask",
    "cluster",
    metavar="ADDRESS",
    help="Replay on the workers of this dask scheduler (tcp://HOST:8786, or its scheduler file); they must see the"
    " recordings under the same paths.",
)
@click.option("--batch", type=click.IntRange(1, 4096), default=8, show_default=True, help="Windows per inference.")
@click.option(
    "--backend", metavar="NAME", help="Backend that runs the network [default: compiled if there, else onnx]."
)
@click.option(
    "--backend-option",
    "backend_options",
    multiple=True,
    callback=_options,
    metavar="KEY=VALUE",
    help="An option of the backend; can be given several times.",
)
@click.option("--device", metavar="NAME", help="Device named in detections [default: replay].")
@click.option("--strict", is_flag=True, help="Exit code 1 also if recordings have problems (problems.csv).")
@html_options
def replay(
    paths: tuple[Path, ...],
    config: Path | None,
    model: Path | None,
    output: Path | None,
    formats: tuple[str, ...] | None,
    scores: bool,
    threshold: float | None,
    hop: float | None,
    channel: int,
    start: str | None,
    timezone: str | None,
    join: bool,
    jobs: int,
    cluster: str | None,
    batch: int,
    backend: str | None,
    backend_options: dict[str, Any],
    device: str | None,
    strict: bool,
    html: Path | None,
    html_detections: int,
) -> int:
    """Find calls in recordings.

    Folders are searched with their sub-folders. Without files, the sample inside the package is replayed. Without
    --output nothing is written; a table of the detections is printed in any case. With --config detections are those
    that the daemon would have made; other options override the file.

    A run with --output keeps what it has finished if it is interrupted; run the same command to continue. The exit
    code is 1 if recordings could not be replayed; they are listed at the end, and in failures.csv. Recordings that were
    replayed but have a problem (a wrong header, damage, an end that is missing) are listed, too, and in problems.csv;
    with --strict they make the exit code 1.
    """
    if output is None and (scores or formats):
        raise click.UsageError("--scores and --formats say what to write; say where with --output DIR.")
    if cluster is not None and jobs > 1:
        raise click.UsageError("Use --jobs on this machine, or --dask with the workers of a cluster, not both.")
    from edge_daemon.cli.detection_table import row, show
    from edge_daemon.cli.interruption import interruptible
    from edge_daemon.cli.option_errors import blaming_options
    from edge_daemon.cli.progress import progress
    from edge_daemon.replay.run import replay as replay_recordings
    from edge_daemon.replay.settings import backend_for, settings_for

    found = _found(paths)
    recordings = found.recordings
    if start is not None and len(recordings) > 1:
        raise click.UsageError(f"--start is the start of one recording, but {len(recordings)} were given.")
    loaded = _load(config)
    daemon = None if loaded is None else loaded.config
    settings = settings_for(
        daemon,
        model=model,
        hop_s=hop,
        threshold=threshold,
        channel=channel,
        start=given_start(start, timezone),
        timezone=timezone,
        scores=scores or html is not None,  # the report draws them
        batch=batch,
        device=device,
        backend=backend_for(daemon, backend, backend_options),
    )
    rows: list[tuple[str, ...]] = []
    began = perf_counter()
    kept = "" if output is None else f"Finished recordings are kept in {output}: run the same command to continue."
    with ExitStack() as stack:
        stack.enter_context(interruptible(kept))
        if loaded is not None:
            stack.enter_context(loaded.locating_errors())
        options = (("detection.hop_s", "--hop", hop), ("detection.threshold", "--threshold", threshold))
        blamed = {key: option for key, option, given in options if loaded is None or given is not None}
        stack.enter_context(blaming_options(blamed))
        if output is not None:
            with suppress(OSError):  # whoever writes there says what is wrong
                output.mkdir(parents=True, exist_ok=True)  # the page may lie in it, too
        gather = stack.enter_context(html_report(html, html_detections, settings, daemon))
        # entered before the bar: what cannot be written is said before the work
        tables = None if output is None else stack.enter_context(_tables(output, formats, scores, found))
        bar = stack.enter_context(progress("Replaying", sum(recording.size for recording in recordings)))

        def each(result: ReplayResult) -> None:
            _warn(bar, result)
            gather(result)
            room = None if output is None else max(0, _ROWS_BESIDE_FILES - len(rows))
            rows.extend(row(detection) for detection in islice(result.detections(), room))

        summary = replay_recordings(
            recordings, settings, join=join, jobs=jobs, cluster=cluster, output=tables, watch=bar.watch, each=each
        )
        took_s = perf_counter() - began
    if rows:
        show(rows)
    if summary.detections > len(rows):
        say(f"… and {summary.detections - len(rows)} more, in {output}")
    for line in _closing_lines(summary, found, took_s, output):
        say(escaped(line))  # a line end in a file's name would make a line that looks like ours
    if html is not None:
        say(f"Report page: {html} ({html.stat().st_size / 1e6:.1f} MB).")
    return 1 if summary.failed or (strict and summary.with_defects) else 0


def _warn(bar: Progress, result: ReplayResult) -> None:
    """Say at once what is wrong with a recording."""
    for defect in result.defects:
        bar.say(escaped(f"warning: {defect.sentence}"))
    if result.error:
        bar.say(escaped(f"skipped: {result.error}"))


def _load(config: Path | None) -> Loaded | None:
    if config is None:
        return None
    from edge_daemon.config import load_by_hand

    return load_by_hand(config)


def _tables(output: Path, formats: tuple[str, ...] | None, scores: bool, found: Findings) -> ReplayOutput:
    from edge_daemon.replay.output import ReplayOutput

    return ReplayOutput(output, formats, scores=scores, copies=found.copies)


def _found(paths: tuple[Path, ...]) -> Findings:
    from edge_daemon.replay.recording import Recording
    from edge_daemon.replay.recordings import Findings, search

    if paths:
        return search(paths)
    from importlib import resources

    sample = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))
    say("No files given: replaying the sample inside the package.\n")
    recording = Recording(str(sample), name=sample.name, output=sample.stem, size=sample.stat().st_size)
    return Findings([recording], [], Counter(), 0)


def _closing_lines(summary: Summary, found: Findings, took_s: float, output: Path | None) -> list[str]:
    from edge_daemon.cli.detection_table import clock_text
    from edge_daemon.cli.search_summary import search_lines
    from edge_daemon.cli.stream_lines import stream_lines

    done = summary.recordings - summary.failed
    fresh_s = summary.seconds - summary.taken_s
    speed = f"{fresh_s / took_s:.0f} × real time"
    if summary.taken:
        others = f", the others {speed}" if fresh_s else ""
        speed = f"{_count(summary.taken, 'recording')} taken over from an earlier run{others}"
    lines = [
        f"{_count(summary.detections, 'detection')} in {_count(done, 'recording')},"
        f" {clock_text(summary.seconds)[:-3]} of sound ({summary.seconds / 3600:.2f} h), {speed}."
    ]
    if summary.failures:
        lines.append(f"{_count(summary.failed, 'recording')} could not be replayed:")
        lines += _some(summary.failures, output and output / "failures.csv")
    if summary.defects:
        unread_s = sum(defect.lost_s for defect in summary.defects)
        unread = f"; {unread_s:,.1f} s of sound could not be read" if unread_s else ""
        lines.append(f"{_count(summary.with_defects, 'recording')} with problems{unread}:")
        lines += _some([defect.sentence for defect in summary.defects], output and output / "problems.csv")
    lines += time_lines(summary)
    lines += stream_lines(summary.plan)
    lost = {cause: seconds for cause, seconds in summary.lost_s.items() if cause != "tail"}
    if lost:
        lines.append("Not analysed: " + ", ".join(f"{lost[cause]:.1f} s {cause}" for cause in sorted(lost)) + ".")
    if summary.unusable:
        lines.append(f"Without any sound (silent or constant): {_count(summary.unusable, 'window')}.")
    if summary.not_rising:
        which, them = _count(summary.not_rising, "event"), "it" if summary.not_rising == 1 else "them"
        lines.append(f"No call rises in {which}: no detection was made of {them} (detection.min_rise_hz).")
    lines += search_lines(found)
    if output is not None:
        if summary.backends:
            lines.append(f"Scored by the backend {' and '.join(sorted(summary.backends))}.")
        lines.append(f"Written to {output}.")
    return lines


def _some(sentences: Sequence[str], table: Path | None) -> list[str]:
    """The first of them, and where the others are."""
    lines = [f"  {sentence}" for sentence in sentences[:_FAILURES_SHOWN]]
    if (more := len(sentences) - _FAILURES_SHOWN) > 0:
        lines.append(f"  … and {more:,} more" + ("." if table is None else f", in {table}."))
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
