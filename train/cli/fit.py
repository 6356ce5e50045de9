"""`python -m train fit`: train one network."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from train.cli.data_options import open_aside, open_data, open_noise
from train.cli.recipe_options import chosen_recipe, with_network_options


@click.command()
@with_network_options
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the checkpoint.  [default: runs/NETWORK]")
@click.option(
    "--hold-out",
    default="random:5:0",
    show_default=True,
    help="SPLIT:FOLDS:NUMBER, the part kept for judging and calibration; recordings:NUMBER, a fold of a mixture; `none`"
    " to learn from everything.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="Folder of cross-validation results with this recipe; calibrates a network that learned from everything.",
)
@click.option(
    "--calibration-method",
    default="platt",
    show_default=True,
    type=click.Choice(["platt", "isotonic"]),
    help="A logistic curve, or any rising curve, which needs thousands of held-out windows.",
)
def fit(
    data: str,
    network: str,
    recipe: Path | None,
    settings: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    noise: str | None,
    output: Path | None,
    hold_out: str,
    calibration: Path | None,
    calibration_method: Any,
) -> None:
    """Train one network and write it as a checkpoint. Run it again to continue where it stopped."""
    from train.checkpoint import single_thread
    from train.release import fit_checkpoint

    single_thread()
    chosen = chosen_recipe(data, network, recipe, settings, epochs, seed, noise)
    output = output or Path("runs") / chosen.network
    fold = hold_out.removeprefix("recordings:")
    opened, aside = (open_data(data), None) if fold == hold_out else open_aside(data, fold)
    document = fit_checkpoint(
        opened,
        chosen,
        output,
        hold_out=hold_out,
        aside=aside,
        calibration=calibration,
        method=calibration_method,
        noise=open_noise(noise, opened),
        command=shlex.join(["python", "-m", "train", *sys.argv[1:]]),
        report=click.echo,
    )
    click.echo(f"{output}: {json.dumps(document.metrics)}")
    click.echo(f"Export it with: python -m export {output} --output model.onnx")
