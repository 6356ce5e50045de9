import csv
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import train.data
from edge_daemon.errors import UsageError
from train import sweep as sweeping
from train.sweep import Grid, Task, recipe_of, sweep, tasks
from train.tables import points, table, write_tables

GRID = Grid(
    data="bright",
    folds=3,
    first_folds=2,
    recipe={
        "network": "mlp2d",
        "settings": {"hidden": [12, 8, 8], "norm": "batch"},
        "schedule": {"epochs": 2, "batch": 16, "rate": 0.01},
    },
    axes={"beta": [0.7, "learned"], "time_steps": [1, 3]},
)


def bright(_spec: str) -> SimpleNamespace:
    """90 windows whose calls have a bright corner."""
    rng = np.random.default_rng(0)
    labels = (np.arange(90) % 3 == 0).astype(np.uint8)
    features = rng.integers(0, 120, (90, 6, 8))
    features[labels == 1, 3:, 4:] += 120
    order = np.arange(90)
    return SimpleNamespace(features=features.astype(np.uint8), labels=labels, order=order, group=None, name="bright")


@pytest.fixture(autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.data, "open", bright)
    sweeping._data.cache_clear()


def test_tasks_cover_the_grid_fold_by_fold() -> None:
    found = tasks(GRID)
    assert len(found) == 2 * 2 * 2
    assert [t.fold for t in found] == [0] * 4 + [1] * 4
    assert found[0].name == "beta=0.7,time_steps=1/fold0"
    assert len({t.name for t in found}) == 8


def test_a_point_goes_where_it_belongs_in_the_recipe() -> None:
    task = Task((("beta", "learned"), ("time_steps", 3), ("schedule.rate", 0.5)), 0)
    recipe = recipe_of(GRID, task)
    own = {"slope": 2.0, "stem": "band_median"}  # the network's own recipe, where the grid says nothing
    learned = {"hidden": [12, 8, 8], "norm": "batch", "beta": 0.9, "learn_beta": True, "time_steps": 3}
    assert recipe.settings == own | learned
    assert recipe.schedule.rate == 0.5
    assert recipe.schedule.epochs == 2
    assert recipe_of(GRID, Task((("beta", 0.7),), 0)).settings["learn_beta"] is False


def test_an_axis_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(UsageError):
        recipe_of(GRID, Task((("colour.shade", 1),), 0))


def test_results_tables_and_resuming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    results = sweep(GRID, tmp_path, report=lines.append)
    assert len(results) == len(lines) == 8
    text = write_tables(GRID, results, tmp_path)
    assert "beta" in text
    assert "time_steps=3" in text
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    by_hand = np.median([r["auc"] for r in results if r["point"] == {"beta": 0.7, "time_steps": 3}])
    assert float(rows[1]["median_auc"]) == pytest.approx(by_hand)
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")

    # one result is lost: only that one is made again
    (tmp_path / "beta=0.7,time_steps=3" / "fold1.json").unlink()
    again: list[str] = []
    assert sweep(GRID, tmp_path, report=again.append)[:7] is not None
    assert len(again) == 1
    assert again[0].startswith("8/8 beta=0.7,time_steps=3/fold1")

    monkeypatch.setattr(sweeping, "run_task", lambda *_: pytest.fail("ran again"))
    assert len(sweep(GRID, tmp_path)) == 8


def test_folds_that_did_not_learn_are_marked() -> None:
    results = [
        {"point": {"beta": b}, "auc": a, "auc_float": a, "converged": a > 0.6, "network": "mlp2d", "data": "x"}
        for b, a in ((0.7, 0.5), (0.7, 0.9), (0.7, 0.92), (0.8, 0.95))
    ]
    grid = Grid(data="x", recipe={"network": "mlp2d"}, axes={"beta": [0.7, 0.8]})
    header, rows = table(grid, points(results))
    assert header == ["beta=0.7", "beta=0.8"]
    assert rows == [["0.900*", "0.950"]]


def test_windows_are_spread_over_time() -> None:
    data = sweeping._data("bright", 10)
    assert len(data.order) == 10
    assert (data.order.min(), data.order.max()) == (0, 89)


@pytest.mark.parametrize("text", ["data: [", "data: x", "data: x\nrecipe: {}\naxes: {}\ncolour: blue"])
def test_a_bad_grid_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(UsageError):
        Grid.read(tmp_path / "grid.yaml")


SLOW = """
import os, time
from pathlib import Path
from train import sweep

def slow_task(grid, task, folder):
    place = Path(folder) / f"{task.name}.json"
    (place.parent).mkdir(parents=True, exist_ok=True)
    (Path(folder) / f"pid-{os.getpid()}").touch()
    time.sleep(0.3)
    outcome = {"point": dict(task.point), "fold": task.fold, "auc": 0.9, "auc_float": 0.9, "seconds": 0.3,
               "converged": True, "network": "mlp2d", "data": "slow", "pid": os.getpid()}
    sweep.write_json(place, outcome)
    return outcome
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_goes_on_when_a_worker_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two real worker processes; the first to finish a task is killed, its tasks are done by the other."""
    distributed = pytest.importorskip("distributed")
    module = tmp_path / "slowtask.py"
    module.write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(__file__).resolve().parents[2]}")
    import slowtask

    monkeypatch.setattr(sweeping, "run_task", slowtask.slow_task)
    results = tmp_path / "results"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        killed: list[int] = []

        def kill_once(_line: str) -> None:
            if not killed:
                done = sorted(results.glob("pid-*"))
                killed.append(int(done[0].name.removeprefix("pid-")))
                os.kill(killed[0], signal.SIGKILL)

        found = sweep(GRID, results, dask=cluster.scheduler_address, report=kill_once)
    assert len(found) == 8
    assert len(killed) == 1
    assert {r["pid"] for r in found} - set(killed), "somebody else did the rest"


def test_no_scheduler_is_told(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    begin = time.monotonic()
    with pytest.raises(Exception, match="scheduler"):
        sweep(GRID, tmp_path, dask="tcp://127.0.0.1:9")
    assert time.monotonic() > begin
