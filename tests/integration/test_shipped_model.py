"""The model inside the package, through the whole pipeline: on the package's sample and on real recordings."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from edge_daemon.cli import invoke
from edge_daemon.model.model_file import ModelFile, default_model_path
from train.data.whole_recordings import marked_recordings, quiet_recordings
from train.evaluation.corpus import Corpus
from train.evaluation.scorer import ModelScorer
from train.evaluation.tally import tally

ROOT = Path(__file__).resolve().parents[2]
CHOSEN = (0.88, 0.22, 2, 30.0, 300.0)
"""Threshold, lower, least windows, least rise, context: at most 3 false events an hour of any kind of recording."""
FOUND = 54
"""Of the 61 calls of a recording that it learned from."""


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
    assert model.metadata.metrics["windows_learned_from"] > 40_000  # all there are: judged by its recipe's folds
    assert "LICENCE-WEIGHTS.md" in model.metadata.provenance.licence
    point = model.metadata.operating_point
    assert (point.threshold, point.threshold_low, point.min_windows, point.min_rise_hz, point.context_s) == CHOSEN


@pytest.mark.slow
@pytest.mark.data
def test_on_two_recordings(shared_data: Path) -> None:
    """It learned from both, so these are no figures: they tell whether it still hears as it did when it was made."""
    marked = [
        recording
        for recording in marked_recordings([shared_data / "sbnms_dclde2013/calls.csv"], [shared_data / "sbnms_2009"])
        if "20090329" in recording.name
    ]
    song = quiet_recordings({"song": [shared_data / "samana_humpback_2009/Samana_PU194_20090111_003000.wav"]})
    corpus = Corpus.of(marked + song)
    scorer = ModelScorer(default_model_path(), 0.5)
    scores = [scorer.score(recording.path) for recording in corpus.recordings]
    made = tally(corpus, scores, scorer.rules)
    scorer.close()
    false = {kind: int(made.false[corpus.minute_kind == kind].sum()) for kind in corpus.kinds}
    assert (int(made.found.sum()), len(made.found), false) == (FOUND, 61, {"calls": 0, "song": 0})


def test_the_readme_tells_what_was_measured() -> None:
    folder = ROOT / "train/results/at_sea_folds"
    document, doubtful = (
        json.loads((folder / name).read_text(encoding="utf-8")) for name in ("evaluation.json", "doubtful.json")
    )
    results = {
        model["model"]: {result["rules"]: result["figures"]["all"] for result in model["results"]}
        for model in document["models"]
    }
    own, strict, cnn = results["conv"]["operating point"], results["conv"]["≤ 1/h"], results["cnn"]["≤ 3/h"]
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    lenient = {result["rules"]: result["figures"]["all"]["recall"] for result in doubtful["models"][0]["results"]}
    shares = (lenient["≤ 3/h"], lenient["≤ 1/h"], own["recall"], strict["recall"], cnn["recall"])
    rates = (own["false_per_hour"]["calls"], own["false_per_hour"]["song"])
    for figure, form in [*((share, ".2f") for share in shares), *((rate, ".0f") for rate in rates)]:
        low, high = figure["interval"]
        assert f"{figure['value']:{form}} ({low:{form}}, {high:{form}})" in words
    for split in ("random", "blocked"):
        clips = json.loads((ROOT / f"train/results/at_sea_clips/conv/{split}-summary.json").read_text(encoding="utf-8"))
        assert f"{clips['median_auc']:.3f} (0.9" in words
    found = [part["recall"] for part in own["by_snr"]]
    loud = [sum(part[key] for part in found[1:]) for key in ("count", "of")]
    assert f"louder {loud[0]} times out of {loud[1]}, fainter ones" in words
    assert f"fainter ones {found[0]['count']} times out of {found[0]['of']}." in words


def test_the_folds_were_judged_by_the_rules_that_are_shipped() -> None:
    document = json.loads((ROOT / "train/results/at_sea_folds/evaluation.json").read_text(encoding="utf-8"))
    (own,) = (
        result
        for model in document["models"]
        for result in model["results"]
        if (model["model"], result["rules"]) == ("conv", "operating point")
    )
    rules = ("threshold", "threshold_low", "min_windows", "min_rise_hz", "context_s")
    assert tuple(own[rule] for rule in rules) == CHOSEN
