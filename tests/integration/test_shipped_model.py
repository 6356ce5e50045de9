"""The model inside the package, through the whole pipeline: on the package's sample and on real recordings."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from edge_daemon.cli import invoke
from edge_daemon.model.model_file import ModelFile, default_model_path

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench_detection() -> ModuleType:
    """tests/benchmarks/bench_detection.py, whose figures are checked here."""
    spec = importlib.util.spec_from_file_location("bench_detection", ROOT / "tests/benchmarks/bench_detection.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_call_of_the_sample_is_found_and_nothing_else(tmp_path: Path) -> None:
    sample = ROOT / "edge_daemon/assets/sample.flac"
    assert invoke(["replay", str(sample), "--output", str(tmp_path), "--formats", "csv"]) == 0
    with (tmp_path / "detections.csv").open(encoding="utf-8", newline="") as file:
        found = [(float(row["begin_s"]), float(row["end_s"])) for row in csv.DictReader(file)]
    calls = json.loads(sample.with_suffix(".json").read_text(encoding="utf-8"))["calls"]
    assert len(found) == len(calls) == 5
    for (begin, end), call in zip(found, calls, strict=True):
        overlap = min(end, call["end_s"]) - max(begin, call["begin_s"])
        # an event's edges lie on the grid of hops, half a second; a call of a second may lose one at an edge
        assert overlap > 0.5 * (call["end_s"] - call["begin_s"])


def test_it_is_small_and_says_where_it_comes_from() -> None:
    model = ModelFile.read(default_model_path())
    assert len(model.data) <= 100_000
    assert "Cornell University" in model.metadata.provenance.credit
    assert model.metadata.network.time_steps > 1
    assert model.metadata.metrics["windows_learned_from"] == 8650  # all there are: judged by its recipe's folds
    assert model.metadata.metrics["random_folds"]["median_auc"] >= 0.970


@pytest.mark.slow
@pytest.mark.data
def test_on_real_recordings_that_no_training_saw(shared_data: Path, bench_detection: ModuleType) -> None:
    found = bench_detection.figures(shared_data, [])
    assert found["sbnms_auc"] >= 0.97
    assert found["sbnms_recall"] >= 0.8
    assert found["false_events_per_hour"] <= 1
