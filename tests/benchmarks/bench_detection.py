"""How well the shipped model hears on recordings that no training saw (../shared/data). A look at the test: use rarely.

    python tests/benchmarks/bench_detection.py [--model FILE] [--data FOLDER] [--threshold X] [--json FILE]
                                               [--evidence FILE]

Everything goes through `edge-daemon replay`, hop 0.5 s. Three figures: the AUC over the 119 labelled windows of
`sbnms_2009` (a window's score is the highest of the windows that overlap it by at least 75 %); the share of its
labelled calls that an event touches; false events on recordings without right whales. With `--evidence` it also finds
the least thresholds at which those recordings give no more than 1 and 10 false events an hour, and the recall there,
and writes both as the file that `python -m export --evidence` takes. Half an hour of sound is little: 1 an hour means
none at all there, 10 an hour five events.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from sklearn.metrics import roc_auc_score

from edge_daemon.detection.events import EventBuilder, EventRules, ScoredWindow
from edge_daemon.model.model_file import ModelFile, default_model_path

WINDOW_S = 2.0
HOP_S = 0.5
RATES = (1.0, 10.0)
"""False events an hour at which recall is told."""
LEAST_OVERLAP_S = 0.75 * WINDOW_S


def replay(files: list[Path], output: Path, *options: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Rows of scores.csv and of detections.csv of a replay."""
    command = ["replay", *map(str, files), "--output", str(output), "--formats", "csv", "--scores", *options]
    subprocess.run([sys.executable, "-m", "edge_daemon", *command], check=True, capture_output=True)
    tables = []
    for name in ("scores.csv", "detections.csv"):
        with (output / name).open(encoding="utf-8", newline="") as file:
            tables.append(list(csv.DictReader(file)))
    return tables[0], tables[1]


def labelled_windows(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Begins in seconds and labels of the labelled windows."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row["start_s"]) for row in rows]), np.array([int(row["label"]) for row in rows])


def window_scores(begins: np.ndarray, scores: list[dict[str, str]]) -> np.ndarray:
    """For each labelled window the highest score of windows that overlap it by at least 75 %."""
    at = np.array([float(row["begin_s"]) for row in scores])
    score = np.array([float(row["score"]) for row in scores])
    near = np.abs(at[None, :] - begins[:, None]) <= WINDOW_S - LEAST_OVERLAP_S + 1e-9
    return np.where(near, score[None, :], -np.inf).max(axis=1)


def spans_at(model_file: ModelFile, scores: list[dict[str, str]], threshold: float) -> list[tuple[float, float]]:
    """Begins and ends in seconds of the events that a threshold gives, file by file, by the pipeline's own rules."""
    spec = model_file.metadata.frontend
    rules = EventRules.for_model(model_file.metadata.operating_point, threshold=threshold)
    found = []
    for name in sorted({row["file"] for row in scores}):
        builder = EventBuilder(rules, spec.window, round(HOP_S * spec.sample_rate), spec.sample_rate)
        events = []
        for row in scores:
            if row["file"] == name:
                start = round(float(row["begin_s"]) * spec.sample_rate)
                events += builder.push(ScoredWindow(start, float(row["score"])))
        events += builder.finish()
        found += [(event.begin / spec.sample_rate, event.end / spec.sample_rate) for event in events]
    return found


def recall(spans: list[tuple[float, float]], begins: np.ndarray) -> float:
    """Share of the windows beginning there that an event touches."""
    touched = [any(first < begin + WINDOW_S and last > begin for first, last in spans) for begin in begins]
    return float(np.mean(touched))


def evidence(data: Path, model: Path, options: list[str]) -> dict[str, object]:
    """Recall on the calls of `sbnms_2009` at given rates of false events on `noise_maru` and `humpback`."""
    model_file = ModelFile.read(model)
    with tempfile.TemporaryDirectory() as scratch:
        sets = {}
        for name in ("noise_maru", "humpback", "sbnms_2009"):
            files = [path for path in sorted((data / name).iterdir()) if path.suffix in {".wav", ".ogg"}]
            sets[name] = replay(files, Path(scratch) / name, *options)[0]
        quiet = sets["noise_maru"] + sets["humpback"]
        noise = [p for name in ("noise_maru", "humpback") for p in (data / name).iterdir()]
        hours = sum(soundfile.info(path).duration for path in noise if path.suffix in {".wav", ".ogg"}) / 3600
    begins, labels = labelled_windows(data / "sbnms_2009")
    figures = []
    for rate in RATES:
        for threshold in np.arange(0.05, 1.0, 0.01).round(2).tolist():
            events = len(spans_at(model_file, quiet, threshold))
            if events / hours <= rate:
                break
        found = recall(spans_at(model_file, sets["sbnms_2009"], threshold), begins[labels == 1])
        figures.append({"false_alarms_per_hour": rate, "recall": round(found, 4), "threshold": threshold})
    return {
        "continuous": [
            {
                "data": "false alarms: noise_maru and humpback; calls: the labelled ones of sbnms_2009",
                "hours": round(hours, 3),
                "calls": int((labels == 1).sum()),
                "counted": "an event is a false alarm where no right whale was; a call is found if an event touches it",
                "figures": figures,
            }
        ]
    }


def figures(data: Path, options: list[str]) -> dict[str, float]:
    """All figures of the model on the recordings in a folder laid out as ../shared/data."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        sbnms = data / "sbnms_2009"
        scores, events = replay(sorted(sbnms.glob("*.wav")), Path(scratch) / "sbnms", *options)
        begins, labels = labelled_windows(sbnms)
        found["sbnms_auc"] = float(roc_auc_score(labels, window_scores(begins, scores)))
        spans = [(float(event["begin_s"]), float(event["end_s"])) for event in events]
        found["sbnms_recall"] = recall(spans, begins[labels == 1])
        found["sbnms_lookalikes_touched"] = recall(spans, begins[labels == 0])
        found["sbnms_events"] = len(events)
        for name in ("noise_maru", "humpback", "ambient_48k"):
            files = [path for path in sorted((data / name).iterdir()) if path.suffix in {".wav", ".ogg"}]
            scores, events = replay(files, Path(scratch) / name, *options)
            found[f"{name}_hours"] = sum(soundfile.info(path).duration for path in files) / 3600
            found[f"{name}_events"] = len(events)
            found[f"{name}_highest_score"] = max(float(row["score"]) for row in scores)
    hours = found["noise_maru_hours"] + found["humpback_hours"]
    found["false_events_per_hour"] = (found["noise_maru_events"] + found["humpback_events"]) / hours
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threshold")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--evidence", type=Path)
    arguments = parser.parse_args()
    options = ["--model", str(arguments.model)] if arguments.model else []
    options += ["--threshold", arguments.threshold] if arguments.threshold else []
    found = figures(arguments.data, options)
    for name, value in found.items():
        print(f"{name:28} {value:.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    if arguments.evidence:
        known = evidence(arguments.data, arguments.model or default_model_path(), options)
        arguments.evidence.write_text(json.dumps(known, indent=1) + "\n")
        print(arguments.evidence.read_text(), end="")


if __name__ == "__main__":
    main()
