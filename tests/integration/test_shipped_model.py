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
from train.data.whole_recordings import marked_recordings, quiet_recordings
from train.evaluation.corpus import Corpus
from train.evaluation.scorer import ModelScorer
from train.evaluation.tally import tally

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
def test_on_windows_that_no_training_saw(shared_data: Path, bench_detection: ModuleType) -> None:
    assert bench_detection.figures(shared_data, [])["sbnms_auc"] >= 0.97


@pytest.mark.slow
@pytest.mark.data
def test_on_whole_recordings_that_no_training_saw(shared_data: Path) -> None:
    """What the README tells of calls and of song; where nothing sings and nobody calls, nothing is reported."""
    marked = marked_recordings([shared_data / "sbnms_dclde2013/calls.csv"], [shared_data / "sbnms_2009"])
    folders = {"song": ["samana_humpback_2009", "humpback"], "neither": ["noise_maru", "north_sea_2021", "ambient_48k"]}
    quiet = quiet_recordings({kind: [shared_data / name for name in names] for kind, names in folders.items()})
    corpus = Corpus.of(marked + quiet)
    scorer = ModelScorer(default_model_path(), 0.5)
    scores = [scorer.score(recording.path) for recording in corpus.recordings]
    made = tally(corpus, scores, scorer.rules)
    scorer.close()
    assert (int(made.found.sum()), len(made.found)) == (92, 114)
    false = {kind: int(made.false[corpus.minute_kind == kind].sum()) for kind in corpus.kinds}
    assert false == {"calls": 11, "song": 14, "neither": 0}


def test_the_readme_tells_what_was_measured() -> None:
    document = json.loads((ROOT / "train/results/at_sea/evaluation.json").read_text(encoding="utf-8"))
    model = next(model for model in document["models"] if model["model"] == "right_whale")
    results = {result["rules"]: result["figures"]["all"] for result in model["results"]}
    own, strict = results["operating point"], results["≤ 3/h"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shares = (own["recall"], strict["recall"])
    rates = (own["false_per_hour"]["calls"], own["false_per_hour"]["song"])
    for figure, form in [*((share, ".2f") for share in shares), *((rate, ".0f") for rate in rates)]:
        low, high = figure["interval"]
        assert f"{figure['value']:{form}} ({low:{form}}, {high:{form}})" in readme
    found = [part["recall"] for part in own["by_snr"]]
    loud = [sum(part[key] for part in found[1:]) for key in ("count", "of")]
    words = " ".join(readme.split())
    assert (
        "louder {} times out of {:.0f}, fainter ones {} times out of {:.0f}.".format(
            *loud, found[0]["count"], found[0]["of"]
        )
        in words
    )
