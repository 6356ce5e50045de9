"""How fast replay is, where the time goes, and how much memory it takes. Figures are printed, never asserted.

    python tests/benchmarks/bench_replay.py [--model FILE] [--hours 1] [--memory-hours 10] [--rate 2000]

One hour of WAV at the model's rate or another (noise with a sweep every ten seconds), 1 s hop, one core, in a process
of its own, so that start-up is measured too; then the peak resident memory of a process that replays a long file at
the default hop.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from edge_daemon.model.model_file import default_model_path

RATE = 2000


def write_sound(path: Path, hours: float, rate: int = RATE) -> None:
    """16-bit WAV, minute by minute."""
    rng = np.random.default_rng(1)
    time = np.arange(60 * rate) / rate
    sweep = np.where(time % 10 < 1, np.sin(2 * np.pi * (100 * (time % 10) + 50 * (time % 10) ** 2)), 0.0)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(round(hours * 60)):
            file.write(0.02 * rng.standard_normal(len(time)) + 0.02 * sweep)


def child(path: Path, model: Path, hop_s: float) -> None:
    """What the measured process does: replay, then one line of JSON."""
    from time import perf_counter, process_time

    began = perf_counter()
    from edge_daemon.detection.detector import DetectorSettings
    from edge_daemon.replay.recordings import find_recordings
    from edge_daemon.replay.run import replay
    from edge_daemon.replay.settings import ReplaySettings
    from edge_daemon.replay.task import thread_detector

    settings = ReplaySettings(DetectorSettings(model, hop_s=hop_s))
    thread_detector(settings.detector)
    loaded, cpu = perf_counter(), process_time()
    summary = replay(find_recordings([path]), settings)
    report = {
        "load_s": loaded - began,
        "replay_s": perf_counter() - loaded,
        "cpu_s": process_time() - cpu,
        "seconds": summary.seconds,
        "windows": summary.windows,
        "detections": summary.detections,
        "stages_s": {stage: spent / 1e9 for stage, spent in summary.stage_ns.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(report))


def measure(path: Path, model: Path, hop_s: float) -> dict[str, float | dict[str, float]]:
    """Run `child` on one core with one thread."""
    command = [sys.executable, __file__, "--child", str(path), "--model", str(model), "--hop", str(hop_s)]
    core = min(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    report: dict[str, float | dict[str, float]] = json.loads(done.stdout)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--memory-hours", type=float, default=10.0)
    parser.add_argument("--hop", type=float, default=1.0)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.model, options.hop)
        return
    say = sys.stdout.write
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        write_sound(path, options.hours, options.rate)
        report = measure(path, options.model, options.hop)
        total = float(report["replay_s"])  # type: ignore[arg-type]
        say(f"{options.hours:g} h at {options.rate} Hz, hop {options.hop:g} s, {report['windows']} windows, one core\n")
        say(f"  start-up (imports, model)  {report['load_s']:8.2f} s\n")
        say(f"  replay                     {total:8.2f} s  {options.hours * 3600 / total:8.0f} × real time\n")
        cpu = float(report["cpu_s"])  # type: ignore[arg-type]
        say(f"    of it on the processor   {cpu:8.2f} s  {options.hours * 3600 / cpu:8.0f} × real time\n")
        stages: dict[str, float] = report["stages_s"]  # type: ignore[assignment]
        for stage, spent in {**stages, "the rest": total - sum(stages.values())}.items():
            per_window = spent / max(1, report["windows"]) * 1e6  # type: ignore[operator, type-var]
            say(f"    {stage:<24} {spent:8.3f} s  {spent / total:7.1%}  {per_window:8.1f} µs a window\n")
        say(f"  peak resident memory       {report['peak_mb']:8.1f} MB\n")
        if options.memory_hours:
            write_sound(path, options.memory_hours, options.rate)
            report = measure(path, options.model, 0.5)
            say(f"{options.memory_hours:g} h, hop 0.5 s, {report['detections']} detections\n")
            say(f"  peak resident memory       {report['peak_mb']:8.1f} MB  in {report['replay_s']:.1f} s\n")


if __name__ == "__main__":
    main()
