"""The networks, one a file: `conv` (shipped), `mlp2d` and `mlp1d` (the study's), `frames`, `template` and `cnn`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from edge_daemon.errors import UsageError

NAMES = ("conv", "mlp2d", "mlp1d", "frames", "template", "cnn")


def build(name: str, input_shape: tuple[int, int], settings: dict[str, Any] | None = None) -> nn.Module:
    """An untrained network.

    Args:
        name: one of `NAMES`.
        input_shape: (bands, frames) of the features.
        settings: keyword arguments of the network's `build`, JSON values.

    Returns:
        A module from features float [N, bands, frames] (0…255) to evidence float [N, labels].

    Raises:
        UsageError: an unknown network, or a setting that it does not have or cannot take.
    """
    if name not in NAMES:
        raise UsageError(f"There is no network called {name!r}.", f"Choose one of {', '.join(NAMES)}.")
    module = import_module(f"train.networks.{name}")
    try:
        network: nn.Module = module.build(tuple(input_shape), **(settings or {}))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"The network {name} cannot be built with {settings}: {error}.",
            f"See the keyword arguments of train/networks/{name}.py's build.",
        ) from error
    return network
