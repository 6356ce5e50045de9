"""`python -m train crossval`: judge a recipe on folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from train.cli.data_options import open_data, open_noise
from train.cli.device_option import with_device
from train.cli.recipe_options import chosen_recipe, with_network_options


@click.command()
@with_network_options
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--folds", "count", default=5, show_default=True, type=click.IntRange(2))
@click.option("--split", default="random", show_default=True, type=click.Choice(["random", "blocked"]))
@click.option("--only", multiple=True, type=int, help="Train only these folds (from 0).")
@with_device
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
    device: str,
) -> None:
    """Judge a recipe on folds. Each fold is a result file; existing ones are kept.

    Of a mixture the clips are cut into folds, and every fold learns from its recordings too.
    """
    import numpy as np

    from train.checkpoint import single_thread, to_json
    from train.crossval import cross_validate
    from train.data.mixture.build import CLIPS
    from train.device import chosen_device
    from train.part import Part

    single_thread()
    opened, chosen = open_data(data), chosen_recipe(data, network, recipe, settings, epochs, seed, noise)
    clips = np.flatnonzero(np.array(opened.kinds or ()) == CLIPS)
    found = cross_validate(
        chosen,
        Part.of(opened, chosen.others),
        opened.order,
        opened.group,
        count,
        split,
        output,
        data=opened.name,
        judged=clips if len(clips) else None,
        only=only,
        noise=open_noise(noise, opened),
        device=chosen_device(device),
        report=click.echo,
    )
    click.echo(to_json(found))
