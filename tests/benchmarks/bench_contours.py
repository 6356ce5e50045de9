"""How well the contours of calls fit: synthetic calls whose contour is known, and calls that an expert marked.

    python tests/benchmarks/bench_contours.py [--model FILE] [--data FOLDER] [--calls N] [--json FILE]

Synthetic: up-calls of the simulated ocean at 3 dB or more in their band (`train.ocean.snr`), alone and in pairs half a
second apart, in events as the rules would make them. Marked: what the model finds in the recordings of
`sbnms_dclde2013` and `sbnms_2009`; a detection is held against the mark nearest to it among those that share time with
it. An event holds a mark whose middle lies in it. `before` is the event itself, `after` the call. Times are those of
the processor, memory is what Python and numpy took at most.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.source import Block
from edge_daemon.detection.contour.call import TrackedCall, calls_in
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.detection.pipeline import Output
from edge_daemon.model.model_file import default_model_path
from train.ocean.clip import arrive
from train.ocean.conditions import background, draw_conditions
from train.ocean.snr import add_at_snr
from train.ocean.sound import RATE
from train.ocean.upcall import UpcallShape, draw_shape, render

BAND_HZ = (50.0, 250.0)
HOP, LEAD = RATE // 2, 3 * RATE // 4
PAUSE_S = 0.5
Placed = tuple[int, int, UpcallShape]


def sea(rng: np.random.Generator, snr_db: Sequence[float]) -> tuple[NDArray[np.float32], list[Placed]]:
    """Twelve seconds with calls half a second apart, each at its ratio; begin, end and shape of each."""
    conditions = draw_conditions(rng)
    sound = background(rng, (1, 12 * RATE), conditions)
    begin, placed = int(rng.uniform(4.0, 4.5) * RATE), []
    for ratio in snr_db:
        shape = draw_shape(rng, 1)
        call = arrive(rng, render(rng, shape), conditions)
        sound = add_at_snr(sound, call, np.array([begin]), np.array([ratio]))
        placed.append((begin, begin + int(call.length[0]), shape))
        begin = placed[-1][1] + round(PAUSE_S * RATE)
    return np.clip(sound[0], -1.0, 1.0).astype(np.float32), placed


def tracked(sound: NDArray[np.float32], begin: int, end: int) -> list[tuple[int, int, TrackedCall]]:
    """Begin and end in the sound of each call in an event, and the call."""
    first, last = max(0, begin - LEAD), end + LEAD
    found = calls_in(sound[first:last], RATE, BAND_HZ, (begin - first, end - first))
    return [(begin + call.begin, begin + call.end, call) for call in found]


def event_of(rng: np.random.Generator, first: int, last: int) -> tuple[int, int]:
    """An event of whole cells around the middles of its first and last call."""
    phase = int(rng.integers(HOP))
    begin = (first - 700 - phase) // HOP * HOP + phase
    return begin, begin + -(-(last + 700 - begin) // HOP) * HOP


def synthetic(calls: int) -> dict[str, float]:
    """Errors on single calls, and how many pairs are told apart."""
    rng = np.random.default_rng(18)
    begins, ends, contours, missed, parted = [], [], [], 0, 0
    for _ in range(calls):
        sound, [(begin, end, shape)] = sea(rng, [rng.uniform(3.0, 12.0)])
        middle = (begin + end) // 2
        found = tracked(sound, *event_of(rng, middle, middle))
        near = [one for one in found if one[0] < end and one[1] > begin]
        if not near:
            missed += 1
            continue
        first, last, call = max(near, key=lambda one: min(one[1], end) - max(one[0], begin))
        begins.append(abs(first - begin) / RATE)
        ends.append(abs(last - end) / RATE)
        points = first + 128 + call.step * np.arange(len(call.hz))
        within = (points >= begin) & (points <= end)
        true_hz = shape.contour(((points - begin) / (end - begin))[None])[0]
        contours += np.abs(np.array(call.hz) - true_hz)[within].tolist()
    for _ in range(calls):
        sound, [one, two] = sea(rng, rng.uniform(3.0, 12.0, 2).tolist())
        found = tracked(sound, *event_of(rng, sum(one[:2]) // 2, sum(two[:2]) // 2))
        middles = [(begin + end) / 2 for begin, end, _ in found]
        parted += all(sum(begin <= at < end for at in middles) == 1 for begin, end, _ in (one, two))
    return {
        "synthetic calls": calls,
        "synthetic without contour": missed,
        "contour error, median Hz": float(np.median(contours)),
        "begin error, median s": float(np.median(begins)),
        "end error, median s": float(np.median(ends)),
        "pairs 0.5 s apart told apart": parted / calls,
    }


def heard(path: Path, model: Path) -> tuple[Output, NDArray[np.float32]]:
    """What the model finds in a recording."""
    detector = open_detector(DetectorSettings(model))
    sound, rate = soundfile.read(path, dtype="float32")
    pipeline = detector.pipeline(rate, batch=32, pad_short=True)
    output, rest = pipeline.push(Block(sound, 0)), pipeline.finish()
    output.found += rest.found
    output.tracked += rest.tracked
    detector.close()
    return output, sound


def marked(data: Path, model: Path) -> dict[str, float]:
    """Detections against an expert's marks."""
    marks: dict[str, list[tuple[float, float]]] = {}
    with (data / "sbnms_dclde2013" / "calls.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            marks.setdefault(row["file"], []).append((float(row["begin_s"]), float(row["end_s"])))
    figures: dict[str, float] = {}
    several: dict[str, list[int]] = {"before": [], "after": []}
    longest, spans = (np.zeros(0, np.float32), 0, 0), []
    for folder in ("sbnms_dclde2013", "sbnms_2009"):
        errors: dict[str, list[tuple[float, float]]] = {"before": [], "after": []}
        for path in sorted((data / folder).glob("*.wav")):
            output, sound = heard(path, model)
            own = np.array(sorted(marks.get(path.name, [])))
            events = [(begin / RATE, end / RATE) for begin, end, _ in output.tracked]
            parts = [(one.event.begin / RATE, one.event.end / RATE) for one in output.found]
            boxes = [
                (part[0] + one.call.begin / RATE, part[0] + one.call.end / RATE) if one.call else part
                for one, part in zip(output.found, parts, strict=True)
            ]
            for name, held, shown in (("before", events, events), ("after", parts, boxes)):
                for (begin, end), (first, last) in zip(held, shown, strict=True):
                    inside = ((own.mean(axis=1) >= begin) & (own.mean(axis=1) < end)).sum()
                    touching = own[(own[:, 0] < last) & (own[:, 1] > first)]
                    if len(touching) or inside:
                        several[name].append(int(inside))
                    if len(touching):
                        mark = touching[np.abs(touching.mean(axis=1) - (first + last) / 2).argmin()]
                        errors[name].append((abs(first - mark[0]), abs(last - mark[1])))
            spans += [(sound, begin, end) for begin, end, _ in output.tracked]
        for name, found in errors.items():
            begin_s, end_s = np.median(np.array(found), axis=0).tolist()
            figures[f"{folder} {name}: begin, median s"] = begin_s
            figures[f"{folder} {name}: end, median s"] = end_s
    for name, held_marks in several.items():
        figures[f"marked detections {name}"] = len(held_marks)
        figures[f"share that holds two marks or more, {name}"] = float(np.mean(np.array(held_marks) > 1))
    longest = max(spans, key=lambda span: span[2] - span[1])
    figures |= cost(spans)
    tracemalloc.start()
    tracked(*longest)
    figures["memory of the longest event, MB"] = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return figures


def cost(spans: Sequence[tuple[NDArray[np.float32], int, int]]) -> dict[str, float]:
    """Processor time an event, the best of five rounds over all events."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for span in spans:
            tracked(*span)
        rounds.append((time.process_time() - began) / len(spans))
    seconds = float(np.mean([(end - begin) / RATE for _, begin, end in spans]))
    return {"length of an event, mean s": seconds, "time an event, ms": 1000 * min(rounds)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = synthetic(arguments.calls) | marked(arguments.data, arguments.model)
    for name, value in figures.items():
        print(f"{name:55} {value:.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
