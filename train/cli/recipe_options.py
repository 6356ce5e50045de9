"""Options that choose a recipe, and the recipe that they choose; `fit` and `crossval` share them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_daemon.errors import UsageError

if TYPE_CHECKING:
    from train.recipe import Recipe

_OPTIONS = [
    click.option("--data", required=True, help="An archive, a folder of clips, or `synthetic`."),
    click.option("--network", default="conv", show_default=True, help="Name of a file in train/networks."),
    click.option("--recipe", type=click.Path(path_type=Path), help="JSON file in place of the network's own recipe."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a setting of the network."),
    click.option("--epochs", type=click.IntRange(1), help="Use instead of the recipe's."),
    click.option("--seed", type=int, help="Seed of training, fine-tuning and teachers."),
    click.option("--noise", help="Data set without calls, mixed into training pictures (3 of 10 by default)."),
]


def with_network_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with the options that `chosen_recipe` takes, and the data."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_recipe(
    data: str,
    network: str,
    recipe: Path | None,
    settings: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    noise: str | None,
) -> Recipe:
    """The recipe that the options describe.

    Raises:
        UsageError: the file cannot be read, or a setting is malformed.
    """
    from train.default_recipe import default_recipe
    from train.recipe import Recipe, untaught, with_noise, with_seed

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
