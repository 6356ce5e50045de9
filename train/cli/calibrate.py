"""`python -m train calibrate`: scores that are true at sea, from recordings that were kept aside."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from edge_daemon.errors import UsageError


@click.command()
@click.argument("folds", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLD...")
@click.option(
    "--also",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Another checkpoint that gets the curve: the network that learned from everything by the same recipe.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Mixture whose `prevalence` says how often each kind is heard."
)
@click.option("--share", multiple=True, metavar="KIND=SHARE", help="Share of the time of a kind of recording instead.")
@click.option(
    "--calibration-method", default="platt", show_default=True, type=click.Choice(["platt", "isotonic"]), help="Curve."
)
def calibrate(
    folds: tuple[Path, ...],
    also: tuple[Path, ...],
    data: Path | None,
    share: tuple[str, ...],
    calibration_method: Any,
) -> None:
    """Calibrate checkpoints together by the recordings that each FOLD kept aside.

    FOLD is a checkpoint of `fit --hold-out recordings:N`. All of them, and those of `--also`, get the same curve.
    """
    from train.checkpoint import read_document, write_document
    from train.data.mixture.mixture import Mixture
    from train.held_out import HeldOut

    documents = {folder: read_document(folder) for folder in dict.fromkeys((*folds, *also))}
    recipes = {document.model_dump_json(include={"network", "settings", "frontend"}) for document in documents.values()}
    if len(recipes) > 1:
        raise UsageError("The checkpoints are not of one network with one front end.", "Calibrate each kind by itself.")
    prevalence = Mixture.read(data).prevalence if data is not None else {}
    if share:
        prevalence = dict(_share(text) for text in share)
    curve = HeldOut.together([HeldOut.read(folder) for folder in folds]).calibration(prevalence, calibration_method)
    command = shlex.join(["python", "-m", "train", *sys.argv[1:]])
    for folder, document in documents.items():
        steps = [step for step in document.command.split(" && ") if step and step != command]
        update = {"calibration": curve, "command": " && ".join([*steps, command])}
        write_document(folder, document.model_copy(update=update))
        click.echo(f"{folder}: {curve.note}")


def _share(text: str) -> tuple[str, float]:
    kind, _, share = text.partition("=")
    try:
        return kind, float(share)
    except ValueError as error:
        raise UsageError(f"--share {text} is not KIND=SHARE.", "Write, for instance, --share calls=0.1.") from error
