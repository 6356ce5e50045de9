import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_daemon.errors import UsageError
from train.study.cell import read_cells
from train.study.page import draw_maps, render
from train.study.published import figure_of
from train.sweep import Grid

ROOT = Path(__file__).resolve().parents[3]
GRID = """
data: synthetic
folds: 3
first_folds: 2
recipe: {network: NETWORK}
axes:
  beta: [0.7, learned]
  time_steps: [1, 10]
"""


def put(folder: Path, network: str, beta: Any, steps: int, aucs: list[float]) -> None:
    for fold, auc in enumerate(aucs):
        path = folder / f"beta={beta},time_steps={steps}" / f"fold{fold}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        result = {
            "network": network,
            "data": "made up",
            "fold": fold,
            "auc": auc,
            "auc_float": auc,
            "converged": auc > 0.6,
            "input_shape": [2, 5],
            "firing": {"rates": [0.5, 0.25, 0.0]},
            "recipe": {"settings": {"hidden": [8, 4], "time_steps": steps}},
        }
        path.write_text(json.dumps(result))
        label = np.arange(40) % 2
        margin = label * auc + np.random.default_rng(steps).normal(0, 1 - auc, 40)
        np.savez(path.with_suffix(".npz"), place=np.arange(40), label=label, margin=margin.astype(np.float32))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, network in (("one", "mlp1d"), ("two", "mlp2d")):
        (tmp_path / f"{name}.yaml").write_text(GRID.replace("NETWORK", network))
    put(tmp_path / "2d", "mlp2d", 0.7, 1, [0.5, 0.5])
    put(tmp_path / "2d", "mlp2d", 0.7, 10, [0.9, 0.94])
    put(tmp_path / "2d", "mlp2d", "learned", 10, [0.9])
    return tmp_path


def made(root: Path, mark: str) -> str:
    return render(f"Before.\n<!-- study: {mark} -->\nformer\n<!-- end -->\nAfter.\n", root)


def test_cells_stand_where_they_belong_beside_the_studys(root: Path) -> None:
    text = made(root, "grid two.yaml 2d")
    assert text.startswith("Before.\n<!-- study: grid two.yaml 2d -->\n\n5 of 8 trainings are done (2 folds a cell).")
    assert text.endswith("\n<!-- end -->\nAfter.\n")
    assert "former" not in text
    assert "| 0.7 | 0.500* | 0.920 |\n| learned | – | 0.900 |" in text
    assert "| 0.7 | 0 | 0 |\n| learned | – | -0.020 |" in text
    assert "- 1 step: β 0.7 (fold 0, 1)\n" in text
    assert made(root, "grid two.yaml 2d") == render(text, root), "made again, it stays"


def test_energy_is_counted_by_hand(root: Path) -> None:
    """10 × 8 products; at each of 10 steps 4 spikes to 4 neurons and 1 to 2; 14 neurons updated at each step."""
    cell = next(c for c in read_cells(Grid.read(root / "two.yaml"), root / "2d") if c.point["time_steps"] == 10)
    assert cell.energy_uj == pytest.approx((80 * 4.6 + 10 * (4 * 4 + 1 * 2) * 0.9 + 140 * 4.6) * 1e-6)


def test_the_gap_is_between_best_cells_on_the_same_clips(root: Path) -> None:
    mark = "gap one.yaml 1d two.yaml 2d"
    assert "Not trained yet." in made(root, mark)
    put(root / "1d", "mlp1d", 0.7, 10, [0.7, 0.7])
    text = made(root, mark)
    assert "- best cell of `mlp1d` (β 0.7, 10 steps): mean AUC" in text
    assert "over 2 folds" in text
    assert "- difference -0." in text


def test_trials_have_a_row_each(tmp_path: Path) -> None:
    text = "data: synthetic\nfolds: 3\nfirst_folds: 1\nrecipe: {network: mlp2d}\n"
    (tmp_path / "t.yaml").write_text(text + "axes: {zero: [0, 128], schedule.rate: [0.001]}\n")
    result = {
        "data": "made up",
        "fold": 0,
        "auc": 0.71,
        "auc_float": 0.71,
        "auc_training": 0.75,
        "converged": True,
        "network": "mlp2d",
        "firing": {"rates": [0.5, 0.251], "silent": [0.1, 1.0]},
    }
    path = tmp_path / "out/zero=128,rate=0.001/fold0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(result))
    text = made(tmp_path, "trials t.yaml out")
    assert "1 of 2 trainings are done (1 fold a setting)." in text
    assert "| zero | rate | AUC | training AUC | spikes, % | silent, % |\n" in text
    assert "| 128 | 0.001 | **0.710** | 0.750 | 50, 25 | 10, 100 |\n" in text
    assert "| 0 | 0.001 |" not in text


def test_maps_are_drawn_where_there_are_results(root: Path) -> None:
    text = "".join(f"<!-- study: grid {g}.yaml {f} -->\n<!-- end -->\n" for g, f in (("one", "1d"), ("two", "2d")))
    assert draw_maps(text, root) == [root / "2d/heat_map.png"]
    assert (root / "2d/heat_map.png").read_bytes().startswith(b"\x89PNG")
    assert "](../2d/heat_map.png)" in render(text, root)


def test_an_unknown_mark_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="whales"):
        made(root, "whales")


@pytest.mark.parametrize(("auc", "outside"), [(0.95, 0.023), (0.925, 0.0), (0.85, -0.07)])
def test_disagreement_is_the_way_to_the_range(auc: float, outside: float) -> None:
    figure = figure_of("mlp2d", 20)
    assert figure is not None
    assert figure.disagreement(auc) == pytest.approx(outside)
    assert figure_of("conv", 20) is None


def test_the_page_is_what_its_command_makes() -> None:
    """`python -m train study` makes it."""
    text = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    assert text.count("<!-- study: ") >= 4
    assert render(text, ROOT) == text
