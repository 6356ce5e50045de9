"""`edge-daemon replay`: find calls in recordings."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_daemon.recordings import Recording
    from edge_daemon.replay import Summary
    from edge_daemon.replay_task import ReplayResult

_FORMATS = ("raven", "audacity", "csv", "jsonl")
_ROWS_BESIDE_FILES = 200
"""With --output the tables on disk hold everything; a screen need not."""


def _formats(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    chosen = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in chosen if name not in _FORMATS]
    if unknown or not chosen:
        raise click.BadParameter(f"{', '.join(unknown) or 'none'} given; there are {', '.join(_FORMATS)}.")
    return chosen


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILES or FOLDERS]...")
@click.option("--model", type=click.Path(path_type=Path), metavar="FILE", help="Model [default: the one inside].")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write tables there.")
@click.option(
    "--formats", callback=_formats, metavar="LIST", help=f"Which tables [default: {','.join(_FORMATS)}]; with --output."
)
@click.option("--scores", is_flag=True, help="Also write every window's score (scores.csv); with --output.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Score of a call [default: the model's].")
@click.option("--hop", type=float, default=0.5, show_default=True, metavar="S", help="Seconds from window to window.")
@click.option("--channel", type=click.IntRange(1), default=1, show_default=True, help="Channel, counted from 1.")
@click.option("--start", metavar="TIME", help="When the (one) recording began, ISO 8601 [default: from its name].")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Recordings at a time.")
@click.option("--batch", type=click.IntRange(1, 4096), default=8, show_default=True, help="Windows per inference.")
@click.option("--backend", default="onnx", show_default=True, metavar="NAME", help="What runs the network.")
@click.option("--device", default="replay", show_default=True, metavar="NAME", help="Device named in detections.")
def replay(
    paths: tuple[Path, ...],
    model: Path | None,
    output: Path | None,
    formats: tuple[str, ...] | None,
    scores: bool,
    threshold: float | None,
    hop: float,
    channel: int,
    start: str | None,
    jobs: int,
    batch: int,
    backend: str,
    device: str,
) -> int:
    """Find calls in recordings.

    Folders are searched with their sub-folders. Without files, the sample inside the package is replayed. Without
    --output nothing is written; a table of the detections is printed in any case.
    """
    if output is None and (scores or formats):
        raise click.UsageError("--scores and --formats say what to write; say where with --output DIR.")
    from edge_daemon.audio.starttime import parse_start
    from edge_daemon.bundle import default_model_path
    from edge_daemon.cli.detection_table import row, show
    from edge_daemon.cli.progress import progress
    from edge_daemon.replay import replay as replay_recordings
    from edge_daemon.replay_output import ReplayOutput
    from edge_daemon.replay_task import ReplaySettings

    recordings = _recordings(paths)
    if start is not None and len(recordings) > 1:
        raise click.UsageError(f"--start tells when one recording began, but there are {len(recordings)}.")
    settings = ReplaySettings(
        model=model or default_model_path(),
        hop_s=hop,
        threshold=threshold,
        channel=channel,
        start=None if start is None else parse_start(start),
        scores=scores,
        batch=batch,
        device=device,
        backend=backend,
    )
    rows: list[tuple[str, ...]] = []
    began = perf_counter()
    with ExitStack() as stack:
        # entered before the bar: what cannot be written is said before the work
        tables = (
            None if output is None else stack.enter_context(ReplayOutput(output, formats or _FORMATS, scores=scores))
        )
        bar = stack.enter_context(progress("Replaying", sum(recording.size for recording in recordings)))

        def each(result: ReplayResult) -> None:
            if result.error or result.problem:
                bar.say(f"skipped: {result.error}" if result.error else f"warning: {result.problem}")
            room = None if output is None else max(0, _ROWS_BESIDE_FILES - len(rows))
            rows.extend(row(detection) for detection in islice(result.detections(), room))

        summary = replay_recordings(recordings, settings, jobs=jobs, output=tables, watch=bar.watch, each=each)
    if rows:
        show(rows)
    if summary.detections > len(rows):
        click.echo(f"… and {summary.detections - len(rows)} more, in {output}")
    for line in _closing_lines(summary, perf_counter() - began, output):
        click.echo(line)
    return 1 if summary.failed else 0


def _recordings(paths: tuple[Path, ...]) -> list[Recording]:
    from edge_daemon.recordings import Recording, find_recordings

    if paths:
        return find_recordings(paths)
    from importlib import resources

    sample = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))
    click.echo("No files given: replaying the sample inside the package.\n")
    return [Recording(sample, name=sample.name, output=sample.stem, size=sample.stat().st_size)]


def _closing_lines(summary: Summary, took_s: float, output: Path | None) -> list[str]:
    from edge_daemon.cli.detection_table import clock_text

    done = summary.recordings - summary.failed
    speed = f"{summary.seconds / took_s:.0f} × real time" if took_s > 0 else "at once"
    lines = [
        f"{_count(summary.detections, 'detection')} in {_count(done, 'recording')},"
        f" {clock_text(summary.seconds)[:-3]} of sound ({summary.seconds / 3600:.2f} h), {speed}."
    ]
    if summary.failed:
        lines.append(f"{_count(summary.failed, 'recording')} could not be replayed.")
    if summary.without_utc:
        which = "The recording's name tells" if done == 1 else f"The names of {summary.without_utc} of them tell"
        lines.append(f"{which} no start time: times count from the beginning of the file (--start gives one).")
    lost = {cause: seconds for cause, seconds in summary.lost_s.items() if cause != "tail"}
    if lost:
        lines.append("Not analysed: " + ", ".join(f"{lost[cause]:.1f} s {cause}" for cause in sorted(lost)) + ".")
    if summary.unusable:
        lines.append(f"Without any sound (silent or constant): {_count(summary.unusable, 'window')}.")
    if output is not None:
        lines.append(f"Written to {output}.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
