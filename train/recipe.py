"""A recipe: everything that turns data into a trained network, as plain data.

Which network with which settings, for how long, with what augmentation, taught by whom, and how it is rounded at the
end. `fit`, `crossval` and `sweep` all follow recipes, so what is cross-validated is what is shipped.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit
from torch import nn

from edge_daemon.errors import UsageError
from train.augment import Augmentation
from train.device import CPU
from train.loop import Report, Training, fit
from train.networks import build
from train.networks.lif import SpikingNetwork
from train.part import Part
from train.quantise import QuantisedNetwork
from train.start import start_from, teacher_from
from train.state import History

FOLD = "{}"
"""Stands for a fold's number in the names of networks."""
NOISE_SHARE = 0.3
"""Share of training pictures under which noise is laid when there is noise and the recipe does not say how often."""


@dataclass(frozen=True)
class Teacher:
    """A conventional network, usually larger, whose opinion on augmented pictures the network imitates.

    Attributes:
        network: its name.
        settings: its settings.
        schedule: how it is trained, on the same windows as its pupil.
        count: teachers, with different seeds; their logits are averaged.
    """

    network: str = "cnn"
    settings: dict[str, Any] = field(default_factory=dict)
    schedule: Training = field(default_factory=Training)
    count: int = 1


@dataclass(frozen=True)
class Recipe:
    """How a network comes about.

    Attributes:
        network: name of the network.
        settings: keyword arguments of its build.
        schedule: training in real numbers.
        augmentation: during training.
        fine_tuning: training of the integer network afterwards; None leaves the network in real numbers.
        teacher: for distillation, with `schedule.distil` and `fine_tuning.distil`.
        teachers: trained networks that teach beside it, as they are: checkpoints or model files. `{}` in a name stands
            for the fold (`recordings:0` has 0, `none` has none), so that none has learned from what judges.
        others: kinds of a mixture in whose windows another whale is heard; they teach a third output (settings
            `labels: 3`), over which a call must prevail.
        start: checkpoint or model file whose integers go on learning, in place of a training in real numbers; `{}` as
            above.
        validation: share of the training windows set aside for early stopping, 0 for none.
    """

    network: str
    settings: dict[str, Any] = field(default_factory=dict)
    schedule: Training = field(default_factory=Training)
    augmentation: Augmentation = field(default_factory=Augmentation)
    fine_tuning: Training | None = None
    teacher: Teacher | None = None
    teachers: tuple[str, ...] = ()
    start: str | None = None
    others: tuple[str, ...] = ()
    validation: float = 0.0

    def of_fold(self, fold: str) -> Recipe:
        """The recipe with a fold's number in the names of the networks that it starts from and learns from."""
        start = None if self.start is None else self.start.replace(FOLD, fold)
        return replace(self, start=start, teachers=tuple(name.replace(FOLD, fold) for name in self.teachers))

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values."""
        document = asdict(self) | {"teachers": list(self.teachers), "others": list(self.others)}
        if not self.others:
            del document["others"]  # results of before this key are of the same recipe
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Recipe:
        """A recipe from JSON values; raises `UsageError` for unknown keys."""
        try:
            values = dict(document)
            for name, kind in (("schedule", Training), ("augmentation", Augmentation), ("fine_tuning", Training)):
                if values.get(name) is not None:
                    values[name] = kind(**values[name])
            for name in ("teachers", "others"):
                values[name] = tuple(values.get(name, ()))
            if values.get("teacher") is not None:
                teacher = dict(values["teacher"])
                teacher["schedule"] = Training(**teacher.get("schedule", {}))
                values["teacher"] = Teacher(**teacher)
            return cls(**values)
        except TypeError as error:
            raise UsageError(f"This is not a recipe: {error}.", "See the dataclasses in train/recipe.py.") from error


@dataclass(frozen=True)
class Trained:
    """What following a recipe gives.

    Attributes:
        network: in real numbers; the integer network where the recipe starts from one.
        quantised: in integers, or None.
        progress: history of the training in real numbers.
        fine_tuning: history of the integer network's.
    """

    network: nn.Module
    quantised: QuantisedNetwork | None
    progress: History
    fine_tuning: History | None

    @property
    def final(self) -> nn.Module:
        """The integer network where there is one."""
        return self.network if self.quantised is None else self.quantised


def follow(
    recipe: Recipe,
    part: Part,
    *,
    noise: NDArray[np.uint8] | None = None,
    folder: Path | None = None,
    device: torch.device = CPU,
    report: Report | None = None,
) -> Trained:
    """Follow a recipe.

    Args:
        recipe: what to do.
        part: the training windows; nothing else is looked at.
        noise: pictures without a call, for augmentation.
        folder: where interrupted training is taken up again.
        device: where it is computed; the networks come back to the CPU.
        report: is told lines of progress.

    Raises:
        UsageError: the folder holds the state of another run, or windows of other whales are named, but not told.
        DivergedError: some network's numbers are not finite any more.
    """
    if recipe.others and part.others is None:
        raise UsageError(
            "The recipe names windows of other whales, but nobody has said which they are.", "Use `fit` or `crossval`."
        )
    belongs = json.dumps(recipe.to_json(), sort_keys=True)
    shape = (part.features.shape[1], part.features.shape[2])
    learn, validation = _set_aside(part, recipe.validation, recipe.schedule.seed)
    teachers = [teacher_from(Path(name)).to(device) for name in recipe.teachers]
    if recipe.teacher is not None:
        for number in range(recipe.teacher.count):
            place = None if folder is None else folder / f"teacher{number}"
            teachers.append(
                _teach(recipe.teacher, shape, learn, recipe.augmentation, number, noise, place, belongs, device, report)
            )

    def taught(network: nn.Module, schedule: Training, stage: str) -> History:
        return fit(
            network,
            learn,
            schedule,
            recipe.augmentation,
            validation=validation,
            teachers=teachers,
            noise=noise,
            folder=None if folder is None else folder / stage,
            belongs=belongs,
            report=report,
        )

    torch.manual_seed(recipe.schedule.seed)
    if recipe.start is None:
        network = build(recipe.network, shape, recipe.settings).to(device)
        progress = taught(network, recipe.schedule, "float")
        if recipe.fine_tuning is None or not isinstance(network, SpikingNetwork):
            return Trained(network.cpu(), None, progress, None)
        quantised = QuantisedNetwork(network).to(device)
    else:
        network = quantised = _begun(recipe.start, recipe, shape).to(device)
        progress = History()
    tuned = None
    if recipe.fine_tuning is not None and recipe.fine_tuning.epochs:
        tuned = taught(quantised, recipe.fine_tuning, "integer")
    return Trained(network.cpu(), quantised.cpu().eval(), progress, tuned)


def untaught(recipe: Recipe) -> Recipe:
    """The recipe without its teachers.

    Teachers help where labels are doubtful: they say how sure one can be. A synthetic ocean's labels are exact, so
    there they would only cost time.
    """
    tuning = recipe.fine_tuning
    return replace(
        recipe,
        teacher=None,
        teachers=(),
        schedule=replace(recipe.schedule, distil=0.0),
        fine_tuning=None if tuning is None else replace(tuning, distil=0.0),
    )


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with that seed everywhere: training, fine-tuning and (counted up from it) teachers."""
    tuning, teacher = recipe.fine_tuning, recipe.teacher
    return replace(
        recipe,
        schedule=replace(recipe.schedule, seed=seed),
        fine_tuning=None if tuning is None else replace(tuning, seed=seed),
        teacher=None if teacher is None else replace(teacher, schedule=replace(teacher.schedule, seed=seed)),
    )


def with_noise(recipe: Recipe) -> Recipe:
    """The recipe for training with noise: its own share of noisy pictures, or `NOISE_SHARE` where that is none."""
    if recipe.augmentation.noise > 0:
        return recipe
    return replace(recipe, augmentation=replace(recipe.augmentation, noise=NOISE_SHARE))


def _begun(start: str, recipe: Recipe, shape: tuple[int, int]) -> QuantisedNetwork:
    """The integers that a recipe starts from, to be changed."""
    begun = start_from(Path(start))
    known = begun.document
    if (known.network, known.settings, known.frontend.shape) != (recipe.network, recipe.settings, shape):
        raise UsageError(
            f"{start} is `{known.network}` {known.settings} with features {known.frontend.shape}, the recipe asks for"
            f" `{recipe.network}` {recipe.settings} with {shape}.",
            "Start from one of its kind.",
        )
    return begun.copied()


def _set_aside(part: Part, share: float, seed: int) -> tuple[Part, Part | None]:
    if share <= 0:
        return part, None
    splitter = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
    learn, validate = next(splitter.split(part.labels, part.labels))
    return part.take(learn), part.take(validate)


def _teach(
    teacher: Teacher,
    shape: tuple[int, int],
    part: Part,
    augmentation: Augmentation,
    number: int,
    noise: NDArray[np.uint8] | None,
    folder: Path | None,
    belongs: str,
    device: torch.device,
    report: Report | None,
) -> nn.Module:
    schedule = replace(teacher.schedule, seed=teacher.schedule.seed + number)
    torch.manual_seed(schedule.seed)
    network = build(teacher.network, shape, teacher.settings).to(device)
    fit(network, part, schedule, augmentation, noise=noise, folder=folder, belongs=belongs, report=report)
    return network.requires_grad_(False)
