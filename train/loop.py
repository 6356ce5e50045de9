"""The training loop: from pictures and labels to a trained network, repeatably.

AdamW under a one-cycle learning rate; a running average of the weights is what is judged and kept (Polyak averaging);
training ends early when a validation part, which no gradient ever saw, stops improving. All randomness of an epoch is
derived from the seed and the epoch's number, so a run that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import cos, isfinite, isnan, pi
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from edge_daemon.errors import UsageError
from train import state
from train.augment import Augmentation, augment
from train.checkpoint import digest
from train.device import device_of
from train.firing import firing
from train.material import Material
from train.part import Part
from train.quantise import HINT, DivergedError, QuantisedNetwork

Report = Callable[[str], None]
FIRING_WINDOWS = 256
"""So many windows of an epoch tell how often each layer fires after it."""


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: passes over the training part.
        batch: windows a step.
        rate: greatest learning rate.
        warmup: share of the steps in which the rate rises to its greatest.
        weight_decay: on weights, not on biases, leaks or normalisation.
        label_smoothing: share of a label that is spread over all labels.
        class_weighting: both classes count the same in the loss, however rare one is.
        average: the running average's memory, in 0…1 a step; 0 keeps the last weights.
        clip: greatest norm of the gradient.
        patience: epochs without a better validation AUC until training ends; 0 never ends early.
        distil: share of the loss that is agreement with teachers.
        temperature: by which logits are divided for that agreement.
        seed: of all randomness.
    """

    epochs: int = 20
    batch: int = 64
    rate: float = 4e-3
    warmup: float = 0.2
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    class_weighting: bool = False
    average: float = 0.995
    clip: float = 1.0
    patience: int = 0
    distil: float = 0.0
    temperature: float = 2.0
    seed: int = 0

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step: up to the greatest rate along half a cosine, then down to nothing along another.

        Args:
            step: 0 … steps − 1.
            steps: of the whole training.

        Source: L. N. Smith and N. Topin, Super-convergence, 2019 (one cycle).
        """
        rise = self.warmup * steps
        if step < rise:
            return self.rate * (0.04 + 0.96 * (1 - cos(pi * step / rise)) / 2)
        return self.rate * (1 + cos(pi * (step - rise) / max(steps - rise, 1))) / 2


def fit(
    network: nn.Module,
    part: Part,
    schedule: Training,
    augmentation: Augmentation,
    *,
    validation: Part | None = None,
    worth: Callable[[nn.Module], float] | None = None,
    teachers: Sequence[nn.Module] = (),
    noise: NDArray[np.uint8] | None = None,
    folder: Path | None = None,
    belongs: str = "",
    report: Report | None = None,
) -> state.History:
    """Train a network in place.

    Args:
        network: features → evidence, on the device where it is to be trained; ends with the kept weights, in evaluation
            mode.
        part: what it learns from.
        schedule: how.
        augmentation: what is done to pictures.
        validation: what decides when to end; without it the last average is kept.
        worth: how good weights are, in place of the AUC on `validation`, which is then not asked.
        teachers: networks whose mean logits are imitated, in the share `schedule.distil`.
        noise: pictures without a call for augmentation.
        folder: where the state is kept after every epoch; if there is one already, training goes on from it.
        belongs: what else a state belongs to beside schedule and windows: the recipe.
        report: is told a line an epoch, with the time left.

    Returns:
        The history.

    Raises:
        UsageError: the state in the folder belongs to another run, or the network has no output for other whales.
        DivergedError: loss, weights or evidence are not finite any more.
    """
    steps = max(len(part.labels) // schedule.batch, 1)
    optimiser = _optimiser(network, schedule)
    average, best = copy.deepcopy(network), copy.deepcopy(network.state_dict())
    progress, first = state.History(), 0
    place = folder / "training-state.pt" if folder is not None else None
    run = {} if place is None else _run(part, schedule, augmentation, validation, noise, belongs)
    if place is not None and place.exists():
        first, best = state.resume(place, run, network, average, optimiser, progress)
    material = Material.of(part, schedule.class_weighting, device_of(network), _outputs(network, part))
    begin = time.monotonic()
    for epoch in range(first, schedule.epochs):
        if _exhausted(progress, schedule):
            break
        rng = np.random.default_rng([schedule.seed, epoch])
        order, lost = rng.permutation(len(part.labels)), torch.zeros((), dtype=torch.float64, device=material.device)
        network.train()
        for step in range(steps):
            pictures, labels, counts = material.take(order[step * schedule.batch : (step + 1) * schedule.batch])
            pictures, labels = augment(pictures, labels, augmentation, rng, noise)
            importance = labels @ material.weights * counts
            loss = _loss(network, pictures, labels, importance, teachers, schedule)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at(epoch * steps + step, steps * schedule.epochs)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), schedule.clip)
            optimiser.step()
            done = epoch * steps + step + 1
            _follow(average, network, min(schedule.average, (1 + done) / (10 + done)))
            lost += loss.detach()  # asked for once an epoch: a device goes on while nobody asks
        total = float(lost)
        progress.loss.append(total / steps)
        if not (isfinite(total) and _finite(network) and _finite(average)):
            raise DivergedError(f"Training diverged in epoch {epoch + 1}: its numbers are not finite.", HINT)
        if worth is not None:
            auc = worth(average)
        else:
            auc = score_auc(average, validation) if validation is not None else float("nan")
        progress.validation_auc.append(auc)
        progress.add(firing(average, part.features[order[:FIRING_WINDOWS]]))
        if isnan(auc) or auc >= max(progress.validation_auc):
            best, progress.best_epoch = copy.deepcopy(average.state_dict()), epoch
        if place is not None:
            state.keep(place, run, epoch + 1, network, average, optimiser, progress, best)
        if report is not None:
            left = (time.monotonic() - begin) / (epoch + 1 - first) * (schedule.epochs - epoch - 1)
            shown = "" if isnan(auc) else f", {'validation AUC' if worth is None else 'worth'} {auc:.4f}"
            report(f"epoch {epoch + 1}/{schedule.epochs}: loss {total / steps:.4f}{shown}, {left:.0f} s left")
    network.load_state_dict(best)
    network.eval()
    return progress


@torch.no_grad()
def margins(
    network: nn.Module, features: NDArray[np.uint8], batch: int = 256, exact: bool = False
) -> NDArray[np.float32]:
    """The call's evidence over the greatest of the others, float32 [N]; the network is left in evaluation mode.

    Args:
        network: features → evidence.
        features: uint8 [N, bands, frames].
        batch: windows at a time.
        exact: a quantised network's exact integers.
    """
    network.eval()
    parts = []
    device = device_of(network)
    for i in range(0, len(features), batch):
        pictures = torch.from_numpy(features[i : i + batch]).to(device).float()
        evidence = network(pictures, exact=True) if exact else network(pictures)
        others = evidence[:, [label for label in range(evidence.shape[1]) if label != 1]]
        parts.append((evidence[:, 1] - others.max(1).values).cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


@torch.no_grad()
def _outputs(network: nn.Module, part: Part) -> int:
    """How many outputs a network has; enough for what sounds in the windows."""
    picture = torch.from_numpy(np.require(part.features[:1], requirements="W")).to(device_of(network)).float()
    outputs = int(network.eval()(picture).shape[1])
    if part.others is not None and outputs < 3:
        raise UsageError("There are windows of other whales, but no third output.", "Set the network's `labels` to 3.")
    return outputs


def score_auc(network: nn.Module, part: Part) -> float:
    """Area under the ROC curve on a part; exact integers where the network has them.

    Raises:
        DivergedError: evidence is not finite.
    """
    found = margins(network, part.features, exact=isinstance(network, QuantisedNetwork))
    if not np.isfinite(found).all():
        raise DivergedError("The network's evidence is not finite.", HINT)
    return float(roc_auc_score(part.labels, found))


def _loss(
    network: nn.Module,
    pictures: Tensor,
    labels: Tensor,
    importance: Tensor,
    teachers: Sequence[nn.Module],
    schedule: Training,
) -> Tensor:
    smooth = labels * (1 - schedule.label_smoothing) + schedule.label_smoothing / labels.shape[1]
    evidence = network(pictures)
    loss = -((smooth * functional.log_softmax(evidence, 1)).sum(1) * importance).sum() / importance.sum()
    if teachers and schedule.distil > 0:
        with torch.no_grad():
            taught = torch.stack([teacher(pictures) for teacher in teachers]).mean(0)
        heat = schedule.temperature
        agreement = -(functional.softmax(taught / heat, 1) * functional.log_softmax(evidence / heat, 1)).sum(1)
        agreement = (agreement * importance).sum() / importance.sum()
        loss = (1 - schedule.distil) * loss + schedule.distil * heat**2 * agreement
    return loss


def _optimiser(network: nn.Module, schedule: Training) -> torch.optim.AdamW:
    learned = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=schedule.rate)


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, memory: float) -> None:
    for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - memory)
        else:
            old.copy_(new)


def _exhausted(progress: state.History, schedule: Training) -> bool:
    return bool(schedule.patience) and len(progress.loss) - 1 - progress.best_epoch >= schedule.patience


def _finite(network: nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in network.state_dict().values())


def _run(
    part: Part,
    schedule: Training,
    augmentation: Augmentation,
    validation: Part | None,
    noise: NDArray[np.uint8] | None,
    belongs: str,
) -> dict[str, object]:
    """What tells this run from others, by the names under which a person knows it."""
    return {
        "schedule": asdict(schedule),
        "augmentation": asdict(augmentation),
        "recipe": belongs,
        "training part": part.digest,
        "validation part": None if validation is None else validation.digest,
        "noise": None if noise is None else digest(noise, np.zeros(0, np.uint8)),
    }
