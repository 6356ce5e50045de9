import csv
import json
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
from train.data.opening import open_dataset
from train.sweep import Grid, Task, recipe_of, sweep, tasks
from train.tables import beside_the_study, points, table, write_tables

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
    return SimpleNamespace(
        features=features.astype(np.uint8),
        labels=labels,
        order=order,
        group=None,
        name="bright",
        weights=None,
        kin=None,
    )


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


@pytest.mark.slow
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


SMALL = GRID.model_copy(update={"first_folds": 1, "axes": {"beta": [0.7]}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": GRID.recipe | {"schedule": {"epochs": 3}}}, "another recipe: schedule.epochs is 2 there, not 3"),
        ({"folds": 4}, "number of folds: 3, not 4"),
        ({"split": "blocked"}, "split: 'random', not 'blocked'"),
        ({"windows": 60}, "another data"),
        ({"data": "lake"}, "data set: 'bright', not 'lake'"),
    ],
)
def test_results_of_another_grid_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict, words: str
) -> None:
    sweep(SMALL, tmp_path)
    monkeypatch.setattr(train.data, "open", lambda spec: SimpleNamespace(**vars(bright(spec)) | {"name": spec}))
    sweeping._data.cache_clear()
    monkeypatch.setattr(sweeping, "run_task", lambda *_: pytest.fail("ran before anything was said"))
    assert len(sweep(SMALL, tmp_path)) == 1
    with pytest.raises(UsageError, match=words):
        sweep(SMALL.model_copy(update=change), tmp_path)


def test_an_older_result_that_does_not_say_its_folds_is_known_by_its_windows(tmp_path: Path) -> None:
    sweep(SMALL, tmp_path)
    path = tmp_path / "beta=0.7" / "fold0.json"
    old = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("folds", "data_digest", "noise_digest")}
    path.write_text(json.dumps(old))
    assert len(sweep(SMALL, tmp_path)) == 1
    with pytest.raises(UsageError, match="other windows"):
        sweep(SMALL.model_copy(update={"folds": 4}), tmp_path)


@pytest.mark.slow
def test_a_setting_that_diverges_does_not_stop_the_sweep(tmp_path: Path) -> None:
    grid = GRID.model_copy(update={"axes": {"schedule.rate": [0.01, 1e36], "time_steps": [1, 3]}})
    results = sweep(grid, tmp_path)
    assert len(results) == 8
    assert [bool(np.isnan(r["auc"])) for r in results] == [False, False, True, True] * 2
    text = write_tables(grid, results, tmp_path)
    assert "nan*" in text
    assert "{'schedule.rate': 1e+36, 'time_steps': 3}: folds [0, 1]" in text

    def strict(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    summary = json.loads((tmp_path / "summary.json").read_text(), parse_constant=strict)
    assert [p["median_auc"] is None for p in summary["points"]] == [False, False, True, True]
    assert len(sweep(grid, tmp_path)) == 8, "and they are not run again"


@pytest.mark.slow
def test_axes_may_be_lists(tmp_path: Path) -> None:
    grid = SMALL.model_copy(update={"axes": {"hidden": [[8, 4], [6, 4]], "beta": [0.7, "learned"]}})
    text = write_tables(grid, sweep(grid, tmp_path), tmp_path)
    assert "[8, 4]" in text
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["hidden"], r["beta"]) for r in rows] == [
        ("[8, 4]", "0.7"),
        ("[8, 4]", "learned"),
        ("[6, 4]", "0.7"),
        ("[6, 4]", "learned"),
    ]
    assert (tmp_path / "table.png").exists()
    assert json.loads((tmp_path / "summary.json").read_text())["points"][0]["point"]["hidden"] == [8, 4]


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    """Real processes, so real data: nothing that a test replaces here is replaced there."""
    data = bright("")
    features = np.zeros((90, 50, 101), np.uint8)
    features[:, :6, :8] = data.features
    np.savez(tmp_path / "data.npz", X=features, y=data.labels, clip=data.order)
    found = []
    for jobs in (1, 2):
        grid = GRID.model_copy(update={"data": str(tmp_path / "data.npz"), "axes": {"beta": [0.7]}})
        if jobs == 1:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(train.data, "open", open_dataset)
                found.append(sweep(grid, tmp_path / "1", 1))
        else:
            found.append(sweep(grid, tmp_path / "2", 2))
        sweeping._data.cache_clear()
    one, two = ([{k: v for k, v in r.items() if k != "seconds"} for r in results] for results in found)
    assert one == two
    assert [r["fold"] for r in two] == [0, 1]
    assert not list((tmp_path / "2").rglob("*.new*"))


def results_of(network: str, aucs: dict[tuple, list[float]], axes: list[str]) -> list[dict]:
    return [
        {
            "point": dict(zip(axes, values, strict=True)),
            "fold": fold,
            "auc": auc,
            "auc_float": auc,
            "converged": auc > 0.6,
            "network": network,
            "data": "x",
        }
        for values, found in aucs.items()
        for fold, auc in enumerate(found)
    ]


def test_folds_that_did_not_learn_are_marked() -> None:
    results = results_of("mlp2d", {(0.7,): [0.5, 0.9, 0.92], (0.8,): [0.95]}, ["beta"])
    grid = Grid(data="x", recipe={"network": "mlp2d"}, axes={"beta": [0.7, 0.8]})
    header, rows = table(grid, points(results))
    assert header == ["beta=0.7", "beta=0.8"]
    assert rows == [["0.900*", "0.950"]]


def test_the_studys_numbers_stand_beside_ours(tmp_path: Path) -> None:
    axes = {"beta": [0.7, 0.8], "time_steps": [1, 10]}
    grid = Grid(data="x", recipe={"network": "mlp2d"}, axes=axes)
    aucs = {(0.7, 1): [0.6], (0.7, 10): [0.9], (0.8, 1): [0.7], (0.8, 10): [0.95]}
    text = write_tables(grid, results_of("mlp2d", aucs, list(axes)), tmp_path)
    assert "2-D input, 10 time steps or more: 0.900 to 0.950 here, 0.920 to 0.927 there" in text
    assert "2-D input, one time step: 0.600 to 0.700 here, 0.500 to 0.740 there" in text
    with (tmp_path / "study.csv").open() as file:
        rows = [list(map(float, row[1:])) for row in list(csv.reader(file))[1:]]
    assert rows == [[0.6, 0.7, 0.5, 0.74], [0.9, 0.95, 0.92, 0.927]]
    assert beside_the_study(grid, "conv", {}) == [], "the study has no such network"
    (waveform,) = beside_the_study(grid, "mlp1d", {})
    assert (waveform[0].least, waveform[0].greatest) == (0.712, 0.759)
    assert np.isnan(waveform[2])


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

def slow_task(grid, task, folder, device):
    place = Path(folder) / f"{task.name}.json"
    (place.parent).mkdir(parents=True, exist_ok=True)
    (Path(folder) / f"pid-{os.getpid()}").touch()
    time.sleep(0.3)
    outcome = {"point": dict(task.point), "fold": task.fold, "auc": 0.9, "auc_float": 0.9, "seconds": 0.3,
               "converged": True, "network": "mlp2d", "data": "slow", "pid": os.getpid()}
    sweep.write_json(place, outcome)
    return outcome
"""


@pytest.mark.slow
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


@pytest.mark.slow
def test_no_scheduler_is_told(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    begin = time.monotonic()
    with pytest.raises(Exception, match="scheduler"):
        sweep(GRID, tmp_path, dask="tcp://127.0.0.1:9")
    assert time.monotonic() > begin


def test_a_mixtures_folds_are_judged_on_what_they_keep_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fold(spec: str, number: int) -> tuple[SimpleNamespace, SimpleNamespace]:
        asked.append((spec, number))
        learn, aside = bright(spec), bright(spec)
        kept = slice(0, 30 + 3 * number)
        return learn, SimpleNamespace(**{**vars(aside), "features": aside.features[kept], "labels": aside.labels[kept]})

    monkeypatch.setattr(train.data, "open_fold", fold)
    sweeping._recordings.cache_clear()
    grid = GRID.model_copy(update={"data": "sea.yaml#waveform", "split": "recordings", "folds": 2, "first_folds": None})
    grid = grid.model_copy(update={"axes": {"beta": [0.7], "time_steps": [3]}})
    results = sweep(grid, tmp_path)
    assert asked == [("sea.yaml#waveform", 0), ("sea.yaml#waveform", 1)]
    assert [(r["fold"], r["split"], r["windows"], r["calls"]) for r in results] == [
        (0, "recordings", 30, 10),
        (1, "recordings", 33, 11),
    ]
    with np.load(tmp_path / "beta=0.7,time_steps=3/fold1.npz") as kept:
        assert kept["place"].tolist() == list(range(90, 123)), "behind what it learned from"
    assert sweep(grid, tmp_path) == results, "read, not trained again"
