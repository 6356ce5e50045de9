"""The recipe with which a network is trained unless told otherwise."""

from __future__ import annotations

from dataclasses import replace

from edge_daemon.errors import UsageError
from train.augment import NOTHING, Augmentation
from train.loop import Training
from train.recipe import Recipe, Teacher


def default_recipe(name: str, epochs: int | None = None) -> Recipe:
    """The recipe with which a network of that name is trained unless told otherwise.

    Args:
        name: one of `train.networks.NAMES`.
        epochs: in place of the recipe's own number.
    """
    recipes = {
        "conv": Recipe(
            "conv",
            schedule=Training(epochs=16, rate=5e-3, distil=0.7),
            fine_tuning=Training(epochs=3, rate=5e-4, distil=0.7),
            teacher=Teacher("cnn", {"channels": [16, 32, 64, 64]}, Training(epochs=12), count=3),
        ),
        "cnn": Recipe("cnn", schedule=Training(epochs=20)),
        "frames": Recipe("frames", schedule=Training(epochs=20), fine_tuning=Training(epochs=3, rate=5e-4)),
        "template": Recipe("template", schedule=Training(epochs=8, rate=2e-2, weight_decay=1e-4), augmentation=NOTHING),
        # with snnTorch's own slope of 25 and no stem neither learns at all (AUC 0.50); `mlp2d` with slope 2 alone 0.81
        "mlp2d": Recipe(
            "mlp2d",
            {"slope": 2.0, "stem": "band_median"},
            schedule=Training(epochs=8, rate=5e-4),
            fine_tuning=Training(epochs=0),
        ),
        "mlp1d": Recipe(
            "mlp1d",
            {"slope": 2.0, "stem": "band_median"},
            schedule=Training(epochs=10, rate=5e-4),
            augmentation=Augmentation(time_shift=560, mask_bands=0, mask_frames=0, gain=0.0),
            fine_tuning=Training(epochs=0),
        ),
    }
    if name not in recipes:
        raise UsageError(f"There is no network called {name!r}.", f"Choose one of {', '.join(recipes)}.")
    recipe = recipes[name]
    return recipe if epochs is None else replace(recipe, schedule=replace(recipe.schedule, epochs=epochs))
