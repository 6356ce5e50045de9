"""`edge-daemon model raster`: a picture of the network at work on one window of a recording."""

from __future__ import annotations

from pathlib import Path

import click

from edge_daemon.cli.model_option import MODEL
from edge_daemon.cli.say import say


@click.command(short_help="Draw how the network responds to one window.")
@click.argument("recording", type=click.Path(path_type=Path), metavar="FILE.wav")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="PICTURE.png", help="Picture."
)
@click.option("--model", type=MODEL, metavar="FILE", help="Model: a file or a name [default: right_whale].")
@click.option("--at", type=click.FloatRange(0), metavar="S", help="Time of the window [default: the highest score].")
@click.option("--channel", type=click.IntRange(1), default=1, show_default=True, help="Channel, counted from 1.")
def raster(recording: Path, output: Path, model: Path | None, at: float | None, channel: int) -> None:
    """Draw what the network sees, which neurons fire when, and the output neurons' membranes, for one window."""
    from contextlib import closing

    from edge_daemon.detection.detector import DetectorSettings, open_detector
    from edge_daemon.report.raster import draw, trace_window

    settings = DetectorSettings() if model is None else DetectorSettings(model)
    with closing(open_detector(settings)) as detector:
        shown = trace_window(detector, recording, at, channel - 1)
    draw(detector.model, shown, f"{detector.model.metadata.name} on {recording.name}", output)
    say(f"{output}: the window at {shown.begin_s:.2f} s, score {shown.score:.3f}")
