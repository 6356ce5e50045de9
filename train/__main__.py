"""`python -m train`: prepare, fit, crossval, sweep, figures and sample from the command line."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edge_daemon.errors import EdgeDaemonError, UsageError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train spiking networks to hear right whales."""


def _recipe(
    data: str,
    network: str,
    recipe: Path | None,
    settings: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    noise: str | None,
) -> Any:
    from train.recipe import Recipe, default_recipe, untaught, with_noise, with_seed

    if recipe is not None:
        try:
            found = Recipe.from_json(json.loads(recipe.read_text(encoding="utf-8")))
        except (OSError, json.JSONDecodeError) as error:
            raise UsageError(
                f"{recipe} cannot be read: {error}", "It is a JSON file; the fields are those of train/recipe.py."
            ) from error
    else:
        found = default_recipe(network)
        if data.startswith("synthetic"):
            found = untaught(found)
    if epochs is not None:
        found = replace(found, schedule=replace(found.schedule, epochs=epochs))
    if seed is not None:
        found = with_seed(found, seed)
    if noise is not None:
        found = with_noise(found)
    return replace(found, settings={**found.settings, **dict(_setting(text) for text in settings)})


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is not a setting.", "Write --set name=value.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _open(spec: str) -> Any:
    from train.data import open as open_data

    data = open_data(spec)
    for note in data.notes:
        click.echo(f"{spec}: {note}", err=True)
    if data.features is None:
        raise UsageError(f"{spec} has no features.", "Prepare it with `python -m train prepare`.")
    return data


def _noise(spec: str | None, data: Any) -> Any:
    if spec is None:
        return None
    noise = _open(spec)
    calls = int(noise.labels.sum())
    if calls:
        raise UsageError(
            f"{spec} cannot be used as noise: {calls} of its windows contain a call.",
            "Give noise:FOLDER with sound without calls, or the network learns calls as noise.",
        )
    if noise.frontend != data.frontend:
        raise UsageError(
            f"{spec} and {data.name} have features from different front ends.",
            "Append the front end's name, such as noise:FOLDER#waveform.",
        )
    return noise.features


network_options = [
    click.option("--data", required=True, help="An archive, a folder of clips, or `synthetic`."),
    click.option("--network", default="conv", show_default=True, help="Name of a file in train/networks."),
    click.option("--recipe", type=click.Path(path_type=Path), help="JSON file in place of the network's own recipe."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a setting of the network."),
    click.option("--epochs", type=click.IntRange(1), help="Use instead of the recipe's."),
    click.option("--seed", type=int, help="Seed of training, fine-tuning and teachers."),
    click.option("--noise", help="Data set without calls, mixed into training pictures (3 of 10 by default)."),
]


def _with(options: list[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@main.command()
@_with(network_options)
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the checkpoint.  [default: runs/NETWORK]")
@click.option(
    "--hold-out",
    default="random:5:0",
    show_default=True,
    help="SPLIT:FOLDS:NUMBER, the part kept for judging and calibration; `none` to learn from everything.",
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
    chosen = _recipe(data, network, recipe, settings, epochs, seed, noise)
    output = output or Path("runs") / chosen.network
    opened = _open(data)
    document = fit_checkpoint(
        opened,
        chosen,
        output,
        hold_out=hold_out,
        calibration=calibration,
        method=calibration_method,
        noise=_noise(noise, opened),
        command=shlex.join(["python", "-m", "train", *sys.argv[1:]]),
        report=click.echo,
    )
    click.echo(f"{output}: {json.dumps(document.metrics)}")
    click.echo(f"Export it with: python -m export {output} --output model.onnx")


@main.command()
@_with(network_options)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--folds", "count", default=5, show_default=True, type=click.IntRange(2))
@click.option("--split", default="random", show_default=True, type=click.Choice(["random", "blocked"]))
@click.option("--only", multiple=True, type=int, help="Train only these folds (from 0).")
def crossval(
    data: str,
    network: str,
    recipe: Path | None,
    settings: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    noise: str | None,
    output: Path,
    count: int,
    split: Any,
    only: tuple[int, ...],
) -> None:
    """Judge a recipe on folds. Each fold is a result file; existing ones are kept."""
    from train.checkpoint import single_thread, to_json
    from train.crossval import cross_validate
    from train.loop import Part

    single_thread()
    opened, chosen = _open(data), _recipe(data, network, recipe, settings, epochs, seed, noise)
    found = cross_validate(
        chosen,
        Part(opened.features, opened.labels),
        opened.order,
        opened.group,
        count,
        split,
        output,
        data=opened.name,
        only=only,
        noise=_noise(noise, opened),
        report=click.echo,
    )
    click.echo(to_json(found))


@main.command()
@click.option("--grid", required=True, type=click.Path(path_type=Path), help="Grid file; see train/sweep.py.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes on this machine.")
@click.option("--dask", help="Address of a dask.distributed scheduler, in place of --jobs.")
def sweep(grid: Path, output: Path, jobs: int, dask: str | None) -> None:
    """Run a recipe over a grid of settings and print the table. Run it again to continue after an interruption."""
    from train import sweep as sweeping
    from train.tables import write_tables

    chosen = sweeping.Grid.read(grid)
    results = sweeping.sweep(chosen, output, jobs, dask, report=click.echo)
    click.echo(write_tables(chosen, results, output))


@main.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
def figures(results: Path) -> None:
    """Draw learning curves, ROC, precision-recall and reliability of a folder of cross-validation results."""
    from train.figures import draw_all

    for path in draw_all(results):
        click.echo(str(path))


@main.command()
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


@main.command()
@click.option("--output", type=click.Path(path_type=Path), help="Folder.  [default: the package's assets]")
def sample(output: Path | None) -> None:
    """Make the package's synthetic sample again, with the list of its calls."""
    from train.sample import ASSETS, write_sample

    sound, text = write_sample(output or ASSETS)
    click.echo(f"{sound} ({sound.stat().st_size / 1000:.0f} kB) and {text}")


def run() -> None:
    """Entry point: errors that the user can mend are one message, not a traceback."""
    try:
        main.main(standalone_mode=False)
    except EdgeDaemonError as error:
        click.echo(f"Error: {error.message}\n{error.hint}".rstrip(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. Run the same command to continue.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    run()
