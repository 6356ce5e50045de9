"""Stored results: a fold that is done is read in place of training it again, if it is the fold that is asked for.

A result answers one question: this recipe, on these windows, cut like this. Files that older versions wrote lack some
of what is compared here; what a file does not say is not held against it. JSON knows no NaN: a measure that is not a
number is stored as null and read as NaN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import UsageError
from train.recipe import Recipe

MEASURES = ("auc", "auc_float", "auc_training")
SAID = {
    "data": "data set",
    "split": "split",
    "folds": "number of folds",
    "fold": "fold",
    "point": "point of the grid",
    "data_digest": "data (its digest)",
    "noise_digest": "noise (its digest)",
}
"""What a result says about itself beside its recipe, and how a person calls it."""
HINT = "Give another --output, or delete the old results."


def read_result(path: Path) -> dict[str, Any]:
    """Read a fold's result.

    Args:
        path: JSON file of `train.crossval.run_fold`.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found | {key: float("nan") for key in MEASURES if found.get(key, 0) is None}
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a result that can be read: {error}", "Delete it; it is made again.") from error


def check_result(
    path: Path,
    found: Mapping[str, Any],
    recipe: Recipe,
    about: Mapping[str, Any],
    test: NDArray[np.int64] | None = None,
) -> None:
    """See that a stored result is the one that is asked for.

    Args:
        path: its file; the `.npz` beside it, where there is one, says which windows were judged.
        found: what `read_result` gave.
        recipe: that is asked for.
        about: data, split, fold, … that are asked for; keys of `SAID`.
        test: places of the windows that would be judged.

    Raises:
        UsageError: it is another one.
    """
    difference = recipe_difference(found.get("recipe"), recipe)
    if difference is not None:
        raise UsageError(f"{path} is the result of another recipe: {difference}.", HINT)
    for key, name in SAID.items():
        if key in found and key in about and found[key] != _json(about[key]):
            values = "" if key.endswith("digest") else f": {found[key]!r}, not {about[key]!r}"
            raise UsageError(f"{path} is the result of another {name}{values}.", HINT)
    margins = path.with_suffix(".npz")
    if test is not None and margins.exists():
        with np.load(margins, allow_pickle=False) as stored:
            place = stored["place"]
        if not np.array_equal(np.sort(place), np.sort(test)):
            raise UsageError(f"{path} was judged on other windows than this fold's.", HINT)


def recipe_difference(stored: Any, recipe: Recipe) -> str | None:
    """Where a stored recipe differs from another one, in words; None where they are the same.

    Args:
        stored: JSON values; fields that they lack have their defaults.
        recipe: to compare with.
    """
    if not isinstance(stored, dict):
        return "it does not say which"
    try:
        whole = Recipe.from_json(stored).to_json()
    except UsageError as error:
        return error.message.removesuffix(".")
    return _difference(_json(whole), _json(recipe.to_json()), "")


def _difference(stored: Any, asked: Any, place: str) -> str | None:
    if isinstance(stored, dict) and isinstance(asked, dict):
        for key in [*asked, *(key for key in stored if key not in asked)]:
            inside = f"{place}.{key}" if place else key
            if (key in stored) != (key in asked):
                return f"{inside} is {'set there' if key in stored else 'not set there'}"
            found = _difference(stored[key], asked[key], inside)
            if found is not None:
                return found
        return None
    if stored == asked:
        return None
    if isinstance(stored, dict) or isinstance(asked, dict):
        return f"{place} is {'set there' if stored is not None else 'not set there'}"
    return f"{place} is {stored!r} there, not {asked!r}"


def _json(value: Any) -> Any:
    """The value as it comes back from a JSON file (tuples as lists)."""
    return json.loads(json.dumps(value))
