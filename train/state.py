"""The state of an interrupted training: all that is needed to go on as if nothing had happened.

A state belongs to one run: one schedule, one recipe, the same windows to learn from. Going on with other windows would
put windows that the network has learned from into the part that judges it, so a state of another run is refused.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edge_daemon.errors import UsageError
from train.firing import LayerFiring

HINT = "Give another --output, or delete the folder."


@dataclass
class History:
    """What happened, an entry an epoch.

    Attributes:
        loss: mean training loss.
        validation_auc: AUC on the validation part (NaN without one).
        best_epoch: epoch whose weights were kept.
        spike_rates: spikes a neuron and step of each layer, of the averaged weights on training windows; empty where
            the network does not spike.
        silent: share of each layer's neurons that no such window made fire.
    """

    loss: list[float] = field(default_factory=list)
    validation_auc: list[float] = field(default_factory=list)
    best_epoch: int = -1
    spike_rates: list[list[float]] = field(default_factory=list)
    silent: list[list[float]] = field(default_factory=list)

    def add(self, fired: LayerFiring) -> None:
        """Note how often the layers fire after an epoch."""
        self.spike_rates.append(fired.rates)
        self.silent.append(fired.silent)


def keep(
    path: Path,
    run: dict[str, Any],
    epoch: int,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: History,
    best: dict[str, Tensor],
) -> None:
    """Write the state after an epoch, whole or not at all.

    Args:
        path: file; its folder is made if need be.
        run: JSON values that tell this run from others, by the name under which a person knows them.
        epoch: epochs that are done.
        network: as the last step left it.
        average: running average of its weights.
        optimiser: with its moments.
        progress: history so far.
        best: weights that are kept so far.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    state = {
        "epoch": epoch,
        "run": json.dumps(run),
        "network": network.state_dict(),
        "average": average.state_dict(),
        "best": best,
        "optimiser": optimiser.state_dict(),
        "progress": asdict(progress),
    }
    torch.save(state, fresh)
    fresh.replace(path)  # a crash leaves the old state or the new one, never half of one


def resume(
    path: Path,
    run: dict[str, Any],
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: History,
) -> tuple[int, dict[str, Tensor]]:
    """Read a state into network, average, optimiser and progress; arguments as in `keep`.

    Returns:
        Epochs that are done, and the weights that are kept so far.

    Raises:
        UsageError: the state belongs to another run, or does not say to which.
    """
    state = torch.load(path, weights_only=True, map_location="cpu")
    if "run" not in state:
        raise UsageError(f"{path} does not say which windows its network learned from.", HINT)
    stored, asked = json.loads(state["run"]), json.loads(json.dumps(run))
    other = [name for name in asked if stored.get(name) != asked[name]]
    if other:
        raise UsageError(f"{path} belongs to a run with another {', another '.join(other)}.", HINT)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    for name, value in state["progress"].items():
        setattr(progress, name, value)
    return int(state["epoch"]), state["best"]
