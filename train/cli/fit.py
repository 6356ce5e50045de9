"""`python -m train fit`: train one network."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edge_daemon.errors import UsageError
from train.cli.data_options import open_aside, open_data, open_noise
from train.cli.device_option import with_device
from train.cli.recipe_options import chosen_recipe, with_network_options

OLD = "synthetic:n=1000,seed=7,snr=0..12"
"""What everybody has: the synthetic ocean."""
OPTIONS = {"settings": "set"}
"""Names of options that differ from their arguments'."""
MEANINGLESS_FROM = (
    "network", "recipe", "settings", "noise", "hold_out", "calibration", "calibration_method", "device",
)  # fmt: skip
"""Arguments that --from leaves nothing to say about."""


@click.command()
@with_network_options
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    help="Model file, name of one inside the package, or checkpoint that goes on learning, from an own site's verdicts,"
    " say, without forgetting.",
)
@click.option(
    "--old",
    default=OLD,
    show_default=True,
    help="With --from: data on which it must not become worse; what MODEL learned from, where you have it.",
)
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
@with_device
def fit(
    data: str,
    network: str,
    recipe: Path | None,
    settings: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    noise: str | None,
    start: str | None,
    old: str,
    output: Path | None,
    hold_out: str,
    calibration: Path | None,
    calibration_method: Any,
    device: str,
) -> None:
    """Train one network and write it as a checkpoint. Run it again to continue where it stopped."""
    from train.checkpoint import single_thread
    from train.device import chosen_device
    from train.release import fit_checkpoint
    from train.report import sentences

    single_thread()
    command = shlex.join(["python", "-m", "train", *sys.argv[1:]])
    if start is not None:
        asked = click.get_current_context().get_parameter_source
        for name in (
            "network",
            "recipe",
            "settings",
            "noise",
            "hold_out",
            "calibration",
            "calibration_method",
            "device",
        ):
            if asked(name) is not ParameterSource.DEFAULT:
                raise UsageError(
                    f"--{OPTIONS.get(name, name).replace('_', '-')} means nothing with --from.",
                    "MODEL says what the network is; leave it out.",
                )
        _tune(start, data, old, output or Path("runs/tuned"), epochs, seed, command)
        return
    chosen = chosen_recipe(data, network, recipe, settings, epochs, seed, noise)
    output = output or Path("runs") / chosen.network
    fold = hold_out.removeprefix("recordings:")
    chosen = chosen.of_fold(fold)
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
        command=command,
        device=chosen_device(device),
        report=click.echo,
    )
    for sentence in sentences(document, str(output)):
        click.echo(sentence, err=sentence.startswith("Warning"))


def _tune(start: str, data: str, old: str, output: Path, epochs: int | None, seed: int | None, command: str) -> None:
    """Go on from a model with new windows."""
    from train import fine_tuning
    from train.part import Part
    from train.report import sentences
    from train.start import start_from

    begun = start_from(Path(start))
    new, known = open_data(data), open_data(old)
    for name, opened in ((data, new), (old, known)):
        if opened.frontend != begun.document.frontend:
            raise UsageError(
                f"{name} has features of another front end than {start}.", "Prepare it with that front end."
            )
    usual = fine_tuning.SCHEDULE
    schedule = replace(usual, epochs=epochs or usual.epochs, seed=usual.seed if seed is None else seed)
    part = Part.of(new)
    network, figures = fine_tuning.tune(begun, part, Part.of(known), schedule=schedule, report=click.echo)
    document = fine_tuning.tuned_checkpoint(
        begun, network, figures, output, data=new.name, data_digest=part.digest, credit=new.credit, schedule=schedule,
        command=command,
    )  # fmt: skip
    for sentence in sentences(document, str(output)):
        click.echo(sentence, err=sentence.startswith("Warning"))
