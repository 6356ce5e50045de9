"""`python -m train prepare`: an archive of features from labelled sound."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("data")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The .npz file to write.")
@click.option("--frontend", default="logmel", show_default=True, type=click.Choice(["logmel", "stft", "waveform"]))
@click.option("--call-label", multiple=True, help="Label, folder or annotation that means a call; others mean no call.")
@click.option("--negatives-per-call", default=2.0, show_default=True, type=click.FloatRange(0), help="For recordings.")
@click.option("--recordings", type=click.Path(path_type=Path), help="Folder of the recordings that were judged.")
@click.option("--channel", default=0, show_default=True, type=click.IntRange(0), help="Channel, counted from 0.")
@click.option("--seed", default=0, show_default=True, help="Seed for windows drawn from recordings.")
def prepare(
    data: str,
    output: Path,
    frontend: str,
    call_label: tuple[str, ...],
    negatives_per_call: float,
    recordings: Path | None,
    channel: int,
    seed: int,
) -> None:
    """Make an archive of features from labelled sound.

    DATA is the challenge's folder or zip file, a folder of labelled clips, recordings with Raven selection tables,
    reviewers' verdicts, noise:FOLDER or synthetic:n=4000,seed=1,snr=-6..12.
    """
    from train.data import Options
    from train.prepare import prepare as write

    options = Options(seed, call_label or None, negatives_per_call, recordings, channel)
    write(data, output, frontend, options=options, report=click.echo)
