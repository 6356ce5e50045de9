"""Sweeps: the same recipe over a grid of settings, each setting on each fold, as tasks whose results are files.

A grid file (JSON or YAML) names the data, the base recipe, the folds and the axes::

    data: synthetic
    split: random
    folds: 5
    recipe: {network: mlp2d, schedule: {epochs: 10}}
    axes:
      beta: [0.7, 0.8, 0.9, 0.95, learned]
      time_steps: [1, 10, 20, 30, 40, 50]

An axis is a setting of the network, or a dotted place in the recipe (`schedule.rate`). With the split `recordings` the
folds are those of a mixture: each is judged on the whole recordings that it keeps aside. A task is done when its result
file exists, so a sweep that was stopped goes on where it was, on as many processes or machines as there are. Results
of another grid in the same folder are refused, not taken for this one's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_daemon.errors import EdgeDaemonError, UsageError
from train.checkpoint import single_thread, write_json
from train.crossval import Fold, Split, folds, run_fold
from train.default_recipe import default_recipe
from train.device import chosen_device
from train.part import Part
from train.recipe import Recipe
from train.stored import check_result, read_result

LEARNED = "learned"
"""Value of the axis `beta` that stands for a leak that is learned."""
START_BETA = 0.9


class Grid(BaseModel):
    """What a sweep covers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="Data set, as `python -m train` takes it.")
    split: Split | Literal["recordings"] = Field("random", description="`recordings`: the folds of a mixture.")
    folds: int = Field(5, ge=2)
    first_folds: int | None = Field(None, ge=1, description="Train only on this many of the folds.")
    windows: int | None = Field(None, ge=10, description="Use this many windows, evenly spread in time.")
    recipe: dict[str, Any] = Field(description="Recipe, or just {network: NAME, …} to change a default one.")
    axes: dict[str, list[Any]] = Field(description="Setting → values.")

    @property
    def trained_folds(self) -> int:
        """How many of the folds are trained on."""
        return min(self.folds, self.first_folds or self.folds)

    @classmethod
    def read(cls, path: Path) -> Grid:
        """Read a grid file; raises `UsageError` when it is not one."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise UsageError(f"{path} is not a readable grid: {error}", "See train/sweep.py.") from error


@dataclass(frozen=True)
class Task:
    """One setting on one fold.

    Attributes:
        point: axis → value.
        fold: number of the fold.
        name: of the result, below the sweep's folder, without ending.
    """

    point: tuple[tuple[str, Any], ...]
    fold: int

    @property
    def name(self) -> str:
        """Folder and file of the result, without ending."""
        point = ",".join(f"{axis.split('.')[-1]}={value}" for axis, value in self.point)
        return f"{point or 'base'}/fold{self.fold}"


def tasks(grid: Grid) -> list[Task]:
    """All tasks, fold by fold, so that early results cover the whole grid."""
    axes = [[(axis, value) for value in values] for axis, values in grid.axes.items()]
    return [Task(point, fold) for fold in range(grid.trained_folds) for point in itertools.product(*axes)]


def recipe_of(grid: Grid, task: Task) -> Recipe:
    """The recipe of a task: the base with the task's point put in."""
    document = _merge(default_recipe(grid.recipe.get("network", "")).to_json(), grid.recipe)
    for axis, value in task.point:
        if axis == "beta":
            learned = value == LEARNED
            document["settings"] |= {"beta": START_BETA if learned else value, "learn_beta": learned}
        elif "." in axis or axis in document:
            _put(document, axis, value)
        else:
            document["settings"] |= {axis: value}
    return Recipe.from_json(document)


def run_task(grid: Grid, task: Task, folder: str, device: str = "cpu") -> dict[str, Any]:
    """Run a task; its result is written by whoever runs it, and returned for a caller on another machine."""
    single_thread()
    data, fold = _material(grid, task)
    return run_fold(
        recipe_of(grid, task),
        data.part,
        fold,
        _result(Path(folder), task),
        about=_about(grid, task) | {"data": data.name},
        keep=Path(folder) / "unfinished" / task.name,
        device=chosen_device(device),
    )


def sweep(
    grid: Grid,
    folder: Path,
    jobs: int = 1,
    dask: str | None = None,
    device: str = "cpu",
    report: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Run every task of a grid that has no result yet.

    Args:
        grid: what to cover.
        folder: where results are and go.
        jobs: processes, where there is no cluster; 1 runs here.
        dask: address of a dask.distributed scheduler.
        device: where tasks are trained, `cpu` or `cuda`.
        report: is told a line a task.

    Returns:
        All results, in the order of `tasks`.

    Raises:
        UsageError: a mistake in the grid, or a result in the folder that is not this grid's.
    """
    everything = tasks(grid)
    recipe_of(grid, everything[0])  # a mistake in the grid is told before anything runs
    if dask is None:
        chosen_device(device)
    _check_stored(grid, [task for task in everything if _result(folder, task).exists()], folder, dask is not None)
    missing = [task for task in everything if not _result(folder, task).exists()]
    done = len(everything) - len(missing)
    for task, outcome in _outcomes(grid, missing, folder, jobs, dask, device):
        done += 1
        if not _result(folder, task).exists():  # it ran on a machine with another disk
            write_json(_result(folder, task), outcome)
        if report is not None:
            report(f"{done}/{len(everything)} {task.name}: AUC {outcome['auc']:.4f}, {outcome['seconds']:.0f} s")
    return [read_result(_result(folder, task)) for task in everything]


def _about(grid: Grid, task: Task) -> dict[str, Any]:
    return {"point": dict(task.point), "fold": task.fold, "split": grid.split, "folds": grid.folds}


def _check_stored(grid: Grid, stored: list[Task], folder: Path, elsewhere: bool) -> None:
    """Refuse results of another grid; `elsewhere`: the data may be on other machines only."""
    for task in stored:
        about, test = _about(grid, task), None
        try:
            data, fold = _material(grid, task)
        except EdgeDaemonError:
            if not elsewhere:
                raise
        else:
            about |= {"data": data.name, "data_digest": data.part.digest}
            test = fold.test
        path = _result(folder, task)
        check_result(path, read_result(path), recipe_of(grid, task), about, test)


def _outcomes(
    grid: Grid, missing: list[Task], folder: Path, jobs: int, dask: str | None, device: str
) -> Iterator[tuple[Task, dict[str, Any]]]:
    if dask is not None:
        yield from _on_cluster(grid, missing, folder, dask, device)
    elif jobs <= 1:
        for task in missing:
            yield task, run_task(grid, task, str(folder), device)
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            futures = {pool.submit(run_task, grid, task, str(folder), device): task for task in missing}
            for future in as_completed(futures):
                yield futures[future], future.result()


def _on_cluster(
    grid: Grid, missing: list[Task], folder: Path, address: str, device: str
) -> Iterator[tuple[Task, dict[str, Any]]]:
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError as error:
        raise UsageError("A cluster needs dask.", "pip install 'edge-daemon[cluster]'") from error
    try:
        client = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise EdgeDaemonError(f"No dask scheduler answers at {address}.", "Start one with `dask scheduler`.") from error
    with client:
        # `pure=False`: a task writes a file; a worker that dies has its tasks run again by another
        futures = {
            client.submit(run_task, grid, task, str(folder), device, pure=False, retries=2): task for task in missing
        }
        for future in completed(futures):  # type: ignore[no-untyped-call]
            yield futures[future], future.result()


def _result(folder: Path, task: Task) -> Path:
    return folder / f"{task.name}.json"


@dataclass(frozen=True)
class _Windows:
    part: Part
    order: NDArray[np.int64]
    group: NDArray[np.int64] | None
    name: str


def _material(grid: Grid, task: Task) -> tuple[_Windows, Fold]:
    """The windows of a task, and which of them its fold learns from."""
    if grid.split == "recordings":
        return _recordings(grid.data, task.fold)
    data = _data(grid.data, grid.windows)
    return data, folds(data.part.labels, data.order, grid.folds, grid.split, group=data.group)[task.fold]


@lru_cache(maxsize=2)
def _recordings(spec: str, number: int) -> tuple[_Windows, Fold]:
    """A mixture without what one of its folds keeps aside, then that."""
    from train.data import open_fold

    learn, aside = open_fold(spec, number)
    part = Part.together([Part.of(learn), Part.of(aside)])
    places = np.arange(len(part.labels), dtype=np.int64)
    cut = len(learn.labels)
    return _Windows(part, places, None, learn.name), Fold(places[:cut], places[cut:])


@lru_cache(maxsize=2)
def _data(spec: str, windows: int | None) -> _Windows:
    """The data set, opened once a process; `windows` of it, evenly spread in time."""
    from train.data import open as open_data

    data = open_data(spec)
    chosen = np.argsort(data.order, kind="stable")
    if windows is not None and windows < len(chosen):
        chosen = chosen[np.linspace(0, len(chosen) - 1, windows).astype(np.int64)]
    group = None if data.group is None else data.group[chosen]
    return _Windows(Part.of(data).take(chosen), data.order[chosen], group, data.name)


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Values of `change` over those of `base`, also inside."""
    merged = dict(base)
    for key, value in change.items():
        inside = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if inside else value
    return merged


def _put(document: dict[str, Any], place: str, value: Any) -> None:
    *path, last = place.split(".")
    for key in path:
        if not isinstance(document.get(key), dict):
            raise UsageError(f"The axis {place} is not in the recipe.", "See train/recipe.py.")
        document = document[key]
    document[last] = value
